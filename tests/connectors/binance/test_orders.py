"""Recorded payloads as reports, and payloads that must not become one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.holdings import (
    position_mode,
    positions,
    spot_balances,
    streamed_perpetual_balances,
    streamed_spot_balances,
)
from app.connectors.binance.market import candles, order_book
from app.connectors.binance.orders import order_report, streamed_report, trade_fill
from app.connectors.common.answers import Unreadable
from app.connectors.common.lists import OddRows
from app.domain.enums import Liquidity, OrderType, TradeType
from app.domain.reports import ReportedState
from tests.connectors.binance.conftest import payload

PAIR = "BTC-USDT"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def spot(key: str) -> Any:
    return payload("spot_rest", key)


def spot_event(key: str) -> dict[str, Any]:
    found: dict[str, Any] = payload("spot_stream", key)
    return found


def test_an_order_with_fills() -> None:
    """The FULL answer: exact numbers, the exchange's fill ids, taker fills, terms and time."""
    report = order_report(spot("full"), PAIR)
    assert (report.order_id, report.exchange_order_id, report.trading_pair) == ("og-1", "28", PAIR)
    assert (report.amount, report.filled_amount) == (Decimal("0.5"), Decimal("0.3"))
    first, second = report.fills
    assert (first.price, first.amount, first.fee, first.fee_currency) == (
        Decimal(19999),
        Decimal("0.2"),
        Decimal("0.0002"),
        "BTC",
    )
    assert first.liquidity is Liquidity.TAKER
    assert first.filled_at == report.reported_at
    assert second.exchange_fill_id == "57"
    assert report.terms is not None
    assert (report.terms.trade_type, report.terms.order_type, report.terms.price) == (
        TradeType.BUY,
        OrderType.LIMIT,
        Decimal(20000),
    )


def test_fills_without_ids_are_not_fills() -> None:
    """A fill without an id can't be told from another; it is left to be fetched."""
    answer = spot("full")
    report = order_report({**answer, "fills": [{**fill, "tradeId": None} for fill in answer["fills"]]}, PAIR)
    assert (report.fills, report.filled_amount) == ((), Decimal("0.3"))


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ("NEW", "open", None),
        ("PENDING_NEW", "open", None),
        ("PARTIALLY_FILLED", "open", None),
        ("PENDING_CANCEL", "open", None),
        ("NEW_INSURANCE", "open", None),
        ("NEW_ADL", "open", None),
        ("FILLED", "filled", None),
        ("CANCELED", "canceled", None),
        ("REJECTED", "rejected", "REJECTED"),
        ("EXPIRED", "expired", "EXPIRED"),
        ("EXPIRED_IN_MATCH", "expired", "EXPIRED_IN_MATCH"),
    ],
)
def test_states(status: str, state: ReportedState, reason: str | None) -> None:
    """Each of Binance's words, and why an order ended that nobody canceled."""
    report = order_report({**spot("resting"), "status": status}, PAIR)
    assert (report.state, report.reason, report.reason_code) == (state, reason, reason)


def test_an_expiry_with_its_reason() -> None:
    """Where the exchange says why, its word is kept."""
    report = order_report({**spot("resting"), "status": "EXPIRED", "expiryReason": "INSUFFICIENT_LIQUIDITY"}, PAIR)
    assert report.reason == "INSUFFICIENT_LIQUIDITY"


def test_an_order_by_quote_amount_has_no_amount_until_it_is_done() -> None:
    """What it will buy is only known at the end."""
    done = spot("quote_market")
    assert order_report(done, PAIR).amount == Decimal("0.0005")
    assert order_report({**done, "status": "NEW"}, PAIR).amount is None


def test_streamed_orders() -> None:
    """New, traded, canceled (under its original id), rejected with the reason."""
    new, trade, canceled, rejected = (
        streamed_report(spot_event(key), PAIR) for key in ("new", "trade", "canceled", "rejected")
    )
    assert (new.state, new.fills, new.filled_amount) == ("open", (), Decimal(0))
    (fill,) = trade.fills
    assert (fill.exchange_fill_id, fill.amount, fill.fee, fill.liquidity) == (
        "56",
        Decimal("0.2"),
        Decimal("0.0002"),
        Liquidity.MAKER,
    )
    assert trade.filled_amount == Decimal("0.3") > fill.amount
    assert (canceled.order_id, canceled.state, canceled.reason) == ("og-1", "canceled", None)
    assert (rejected.state, rejected.reason_code) == ("rejected", "INSUFFICIENT_BALANCE")


def test_streamed_amendments() -> None:
    """Spot's has the id before it and the one from now on; futures' has new terms under the same id. Neither is a fill."""
    spot_amended = streamed_report(spot_event("replaced"), PAIR)
    assert (spot_amended.order_id, spot_amended.new_client_order_id) == ("og-1", "web_5f1c")
    assert (spot_amended.state, spot_amended.amount, spot_amended.fills) == ("open", Decimal("0.4"), ())
    unnamed = streamed_report({**spot_event("replaced"), "C": ""}, PAIR)
    assert (unnamed.order_id, unnamed.new_client_order_id) == ("web_5f1c", "web_5f1c")
    amended = streamed_report(payload("perpetual_stream", "amended")["o"], PAIR)
    assert (amended.order_id, amended.new_client_order_id, amended.state) == ("og-1", None, "open")
    assert amended.terms is not None
    assert (amended.amount, amended.terms.price, amended.fills) == (Decimal("0.4"), Decimal(20100), ())


def test_the_first_trade_of_a_symbol_has_the_id_zero() -> None:
    """Spot counts trades per symbol from zero, so zero is an id."""
    (fill,) = streamed_report({**spot_event("trade"), "t": 0}, PAIR).fills
    assert fill.exchange_fill_id == "0"


def test_a_streamed_perpetual_trade() -> None:
    """A rebate is a negative fee, GTX is LIMIT_MAKER, and the only fill is all of them."""
    report = streamed_report(payload("perpetual_stream", "trade")["o"], PAIR)
    (fill,) = report.fills
    assert (report.state, report.filled_amount, fill.fee) == ("filled", fill.amount, Decimal("-0.4"))
    assert report.terms is not None
    assert report.terms.order_type is OrderType.LIMIT_MAKER
    expired = streamed_report(payload("perpetual_stream", "expired")["o"], PAIR)
    assert (expired.state, expired.fills, expired.filled_amount) == ("expired", (), Decimal("0.2"))


def test_streamed_balances() -> None:
    """Assets that are now zero are told too; a message about positions only tells no balance."""
    report = streamed_spot_balances(spot_event("position"), OddRows("Binance"))
    assert [(one.asset, one.total, one.available) for one in report.balances] == [
        ("BTC", Decimal(2), Decimal("1.5")),
        ("USDT", Decimal(0), Decimal(0)),
    ]
    perpetual = streamed_perpetual_balances(payload("perpetual_stream", "account"), OddRows("Binance"))
    assert perpetual is not None
    assert (perpetual.balances[0].total, perpetual.balances[0].available) == (
        Decimal("122624.12345678"),
        None,  # the message does not state it, and the cross wallet is another number
    )
    assert streamed_perpetual_balances(payload("perpetual_stream", "positions_only"), OddRows("Binance")) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"status": None},
        {"status": "LIMBO"},
        {"orderId": None},
        {"orderId": -1},
        {"orderId": "28; drop"},
        {"orderId": True},
        {"clientOrderId": ""},
        {"executedQty": None},
        {"executedQty": "many"},
        {"executedQty": "Infinity"},
        {"executedQty": True},
        {"origQty": []},
        {"fills": {}},
        {"fills": ["x"]},
        {"transactTime": "yesterday"},
        {"transactTime": 10**18},
    ],
)
def test_what_lacks_something_is_no_report(broken: dict[str, Any]) -> None:
    """A payload that does not say what a report must say is unreadable, never half a report."""
    with pytest.raises(Unreadable):
        order_report({**spot("full"), **broken}, PAIR)


def test_fills_without_a_time_are_unreadable() -> None:
    """The time of a fill is the exchange's or none."""
    with pytest.raises(Unreadable, match="no time"):
        order_report({**spot("full"), "transactTime": 0}, PAIR)


async def test_other_unreadable_payloads() -> None:
    """The remaining parsers refuse shapes that they do not know."""
    trade = spot("trades")[0]
    for call in (
        lambda: trade_fill({**trade, "time": None}),
        lambda: spot_balances([]),
        lambda: spot_balances({"balances": None}),
        lambda: position_mode({"dualSidePosition": "true"}),
        lambda: positions({}, str),
        lambda: order_book({"bids": [[1]], "asks": []}, PAIR, depth=1, now=NOW),
        lambda: order_book({"bids": {}, "asks": []}, PAIR, depth=1, now=NOW),
    ):
        with pytest.raises(Unreadable):
            call()
    with pytest.raises(Unreadable):
        await candles({})


def test_a_trade_without_a_maker_flag_has_no_liquidity() -> None:
    """What is not said is not guessed."""
    trade = {name: value for name, value in spot("trades")[0].items() if name != "isMaker"}
    assert trade_fill(trade).liquidity is None
