"""Events as text and back."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType

from app.domain.enums import EventKind, Liquidity, TimeInForce
from app.domain.fill import UNTOLD
from app.domain.reports import Balance, BalanceReport
from app.journal import rows
from tests.clock import START
from tests.journal.orders import INTENDED, fill, happened, order
from tests.journal.replaying import decode_start


def test_an_event_comes_back_whole() -> None:
    """Every field of an event and its fill survives, numbers to the last digit."""
    event = happened(
        EventKind.PARTIALLY_FILLED,
        exchange_at=START.replace(microsecond=7),
        exchange_order_id="4711",
        amount=Decimal("1E-18"),
        fill=fill("f", "1E-18", fee_currency=None, fee=Decimal("-0.10"), liquidity=Liquidity.MAKER),
        reason_code="c",
        reason="r \x00 ü",
        evidence="e",
    )
    text = rows.encode_event(event)
    assert rows.decode_event(text) == event
    assert json.loads(text)["fill"]["amount"] == "0.000000000000000001"


def test_absent_fields_take_no_room() -> None:
    """A bare event is its kind, time and source."""
    assert set(json.loads(rows.encode_event(INTENDED))) == {"kind", "at", "source"}


def test_a_first_event_holds_the_order_as_it_began() -> None:
    """The order's start comes back whole, and the event can be read without it."""
    start = order(price=None, time_in_force=TimeInForce.IOC, fees=MappingProxyType({"BNB": Decimal("1E-8")}))
    text = rows.encode_event(INTENDED, start=start)
    assert decode_start(text) == start
    assert rows.decode_event(text) == INTENDED
    assert "E-" not in text


def test_what_a_later_version_adds_is_ignored() -> None:
    """A field that this version does not know does not keep it from reading."""
    document = json.loads(rows.encode_event(INTENDED)) | {"novelty": 1}
    assert rows.decode_event(json.dumps(document)) == INTENDED


def test_balances_come_back_whole() -> None:
    """A report of balances survives."""
    report = BalanceReport(
        balances=(Balance(asset="BTC", total=Decimal("1E-8"), available=Decimal(0)),), reported_at=START
    )
    assert rows.decode_balances(rows.encode_balances(report)) == report


def test_fees_come_back_whole() -> None:
    """Fees survive; no fees are an empty document."""
    fees = {"BNB": Decimal("1E-8"), "USDT": Decimal("-1")}
    assert rows.encode_fees(fees) == '{"BNB":"0.00000001","USDT":"-1"}'
    assert rows.decode_fees(rows.encode_fees(fees)) == fees
    assert rows.decode_fees(rows.encode_fees({})) == {}
    assert rows.decode_fees(rows.encode_fees({UNTOLD: None})) == {UNTOLD: None}
