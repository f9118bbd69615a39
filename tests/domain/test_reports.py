"""Reports are plain values: what an exchange did not say is absent, and nothing in them changes."""

from __future__ import annotations

import dataclasses
import inspect
from decimal import Decimal

import pytest
from msgspec import Struct

from app.domain import reports
from app.domain.enums import PositionSide
from app.domain.reports import BalanceReport, ConnectorEvent, Gap, OrderReport, Position, ReportedTerms, Ticker
from tests.domain.orders import T0

CLASSES = [found for found in vars(reports).values() if inspect.isclass(found) and dataclasses.is_dataclass(found)]
STRUCTS = [OrderReport, ReportedTerms]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_form(kind: type) -> None:
    """Every report is frozen, slotted and built by name."""
    parameters = vars(kind)["__dataclass_params__"]
    assert parameters.frozen
    assert "__slots__" in vars(kind)
    assert all(field.kw_only for field in dataclasses.fields(kind))


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_form_of_structs(kind: type[Struct]) -> None:
    """So are the reports on the order path."""
    assert kind.__struct_config__.frozen
    with pytest.raises(TypeError, match="positional"):
        kind("order-1")


def test_order_report_claims_no_more_than_it_was_told() -> None:
    """A report without fills does not claim that there are none."""
    report = OrderReport(
        order_id="order-1", exchange_order_id=None, trading_pair="BTC-USDT", state="open", filled_amount=Decimal(0)
    )
    assert report.fills == ()
    assert (report.amount, report.reported_at, report.reason, report.terms) == (None, None, None, None)


def test_market_data_without_volume() -> None:
    """What an exchange does not state is unknown, and no zero."""
    ticker = Ticker(trading_pair="BTC-USDT", price=Decimal(1), reported_at=T0)
    assert (ticker.base_volume, ticker.quote_volume) == (None, None)


def test_what_a_stream_yields() -> None:
    """Orders, balances and gaps are all that a stream can say; a gap's usual reason is a new connection."""
    assert set(ConnectorEvent.__args__) == {OrderReport, BalanceReport, Gap}
    assert Gap().reason == "connected"


@pytest.mark.parametrize(
    ("side", "amount", "direction"),
    [
        ("BOTH", "1", "LONG"),
        ("BOTH", "-1", "SHORT"),
        ("LONG", "1", "LONG"),
        ("SHORT", "-1", "SHORT"),
        ("SHORT", "1", "SHORT"),
    ],
)
def test_position_has_a_direction(side: str, amount: str, direction: str) -> None:
    """In one-way mode its sign says it, in hedge mode its side."""
    position = Position(
        trading_pair="BTC-USDT",
        side=PositionSide(side),
        amount=Decimal(amount),
        entry_price=None,
        unrealized_pnl=None,
        leverage=None,
    )
    assert position.direction is PositionSide(direction)


def test_position_is_signed() -> None:
    """A short position has a negative amount, and what the exchange does not say of it is absent."""
    position = Position(
        trading_pair="BTC-USDT",
        side=PositionSide.BOTH,
        amount=Decimal(-1),
        entry_price=None,
        unrealized_pnl=None,
        leverage=None,
    )
    assert position.amount < 0
    assert position.liquidation_price is None
