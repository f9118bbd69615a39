"""How orders, events, trades and rules look to a caller: the contract's keys, its words, and exact numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from app.domain.enums import EventKind, Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.domain.fill import UNTOLD
from app.domain.markets.trading_rule import TradingRule
from app.handlers.forms import views
from app.journal.records import JournalEntry, Trade
from app.services.history import OrderWithEvents
from tests.domain.orders import T0, WAYS, a_fill, after, an_event, an_order
from tests.openapi.contract import SPEC, faults

D = Decimal
K = EventKind
SCHEMAS = SPEC["components"]["schemas"]

RULE = TradingRule(
    trading_pair="BTC-USDT",
    min_order_size=D("0.00001"),
    max_order_size=D(9000),
    min_base_amount_increment=D("0.00001"),
    min_price_increment=D("0.01"),
    min_quote_amount_increment=D("0.1"),
    min_notional_size=D(5),
    buy_order_collateral_token="USDT",
    sell_order_collateral_token="BTC",
)


def as_numbers(node: Any) -> Any:
    """A document with its ``Decimal`` values as JSON numbers, so that a validator can judge it."""
    if isinstance(node, dict):
        return {key: as_numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [as_numbers(value) for value in node]
    return float(node) if isinstance(node, Decimal) else node


def check(name: str, row: Any) -> None:
    """The row has exactly the keys of its schema and keeps it; handlers add the connector's environment to orders."""
    if "environment" in SCHEMAS[name]["properties"]:
        row = {**row, "environment": "paper"}
    assert set(row) == set(SCHEMAS[name]["properties"])
    assert faults(SCHEMAS[name], as_numbers(row)) == []


@pytest.mark.parametrize("state", OrderState)
def test_order_in_every_state(state: OrderState) -> None:
    """An order row keeps the contract in every state, and says both the known word and the exact one."""
    order = an_order(*WAYS[state])
    row = views.order_row(order)
    check("Order", row)
    assert (row["state"], row["status"]) == (state.value, order.status.value)
    assert row["order_id"] == row["client_order_id"] == "order-1"


def test_new_order() -> None:
    """An order of which nothing is known yet has its terms, no fills and nulls."""
    assert views.order_row(an_order()) == {
        "order_id": "order-1",
        "client_order_id": "order-1",
        "account_name": "main",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": D(1),
        "quote_amount": None,
        "price": D(100),
        "status": "SUBMITTED",
        "state": "pending",
        "filled_amount": D(0),
        "average_fill_price": None,
        "fee_paid": None,
        "fee_currency": None,
        "fees": [],
        "position_action": "OPEN",
        "time_in_force": None,
        "reduce_only": False,
        "created_at": "2026-01-02T03:04:05.000000+00:00",
        "updated_at": "2026-01-02T03:04:05.000000+00:00",
        "exchange_order_id": None,
        "exchange_client_order_id": None,
        "error_code": None,
        "error_message": None,
    }


def test_partly_filled_order() -> None:
    """Fills, average, fee, options and the exchange's id are shown as they are."""
    fill = a_fill("9", "0.3", price=D("99.5"), fee=D("0.0003"))
    order = an_order(
        *WAYS[OrderState.OPEN],
        an_event(K.PARTIALLY_FILLED, fill=fill, at=after(2)),
        time_in_force=TimeInForce.GTC,
        trade_type=TradeType.SELL,
        order_type=OrderType.LIMIT_MAKER,
        reduce_only=True,
    )
    row = views.order_row(order)
    check("Order", row)
    assert row["status"] == "PARTIALLY_FILLED"
    assert (row["filled_amount"], row["average_fill_price"]) == (D("0.3"), D("99.5"))
    assert (row["fee_paid"], row["fee_currency"]) == (D("0.0003"), "BTC")
    assert (row["trade_type"], row["order_type"], row["time_in_force"]) == ("SELL", "LIMIT_MAKER", "GTC")
    assert (row["reduce_only"], row["exchange_order_id"]) == (True, "77")
    assert row["updated_at"] == "2026-01-02T03:04:07.000000+00:00"
    assert {type(row[key]) for key in ("trade_type", "status", "state", "time_in_force")} == {str}


def test_exact_numbers() -> None:
    """Numbers leave as ``Decimal`` with every digit, for the encoder to write."""
    amount = D("123456789012345678.123456789012345678")
    row = views.order_row(an_order(amount=amount, price=D("0.000000000000000001")))
    assert (row["amount"], row["price"]) == (amount, D("1E-18"))
    assert isinstance(row["amount"], Decimal)


@pytest.mark.parametrize(
    ("fees", "currency", "paid"),
    [
        ({}, None, None),
        ({"BTC": D("0.1")}, "BTC", D("0.1")),
        ({"BTC": D(0)}, "BTC", D(0)),
        ({"BNB": D(0), "BTC": D("0.1")}, "BTC", D("0.1")),
        ({"BNB": D("0.002"), "USDT": D(3)}, "BNB", D("0.002")),
        ({"USDT": D(3), "BNB": D("0.002")}, "USDT", D(3)),
        ({"BNB": D(0), "USDT": D("-0.5")}, "USDT", D("-0.5")),
        ({UNTOLD: None}, None, None),
        ({"BTC": D("0.1"), UNTOLD: None}, None, None),
    ],
)
def test_fees(fees: dict[str, Decimal | None], currency: str | None, paid: Decimal | None) -> None:
    """All that was paid is listed. The pair has room for one: the first that cost something, not the larger number; for none where
    something was paid that is not told.
    """
    row = views.order_row(structs.replace(an_order(), fees=fees))
    check("Order", row)
    assert (row["fee_currency"], row["fee_paid"]) == (currency, paid)
    assert row["fees"] == [{"currency": name, "amount": amount} for name, amount in fees.items() if name != UNTOLD]


def entry(seq: int, kind: EventKind, state: OrderState, **changes: Any) -> JournalEntry:
    return JournalEntry(
        seq=seq,
        at=after(seq),
        account_name="main",
        connector_name="paper",
        event=an_event(kind, at=after(seq), **changes),
        state=state,
        filled_amount=D("0.5"),
    )


def test_order_with_its_history() -> None:
    """One order is its row and its events, oldest first."""
    order = an_order(*WAYS[OrderState.OPEN])
    entries = (entry(1, K.INTENDED, OrderState.PENDING), entry(2, K.ACCEPTED, OrderState.OPEN))
    found = views.order_with_events(OrderWithEvents(order=order, entries=entries), None)
    own = {"next_check_at", "events"}
    assert {key: value for key, value in found.items() if key not in own} == views.order_row(order)
    assert found["next_check_at"] is None
    assert [(event["seq"], event["kind"], event["state"]) for event in found["events"]] == [
        (1, "intended", "pending"),
        (2, "accepted", "open"),
    ]
    assert faults(SCHEMAS["OrderWithEvents"], as_numbers(found)) == []


def test_event_with_a_fill() -> None:
    """An event shows who told us, when, how we know, and the fill if it is one."""
    fill = a_fill("9", "0.5", liquidity=Liquidity.MAKER, fee_currency=None)
    row = views.event_row(
        entry(
            3,
            K.PARTIALLY_FILLED,
            OrderState.OPEN,
            fill=fill,
            exchange_at=T0,
            exchange_order_id="77",
            source="stream",
            evidence="execution report",
        )
    )
    check("OrderEvent", row)
    assert row["fill"] == {
        "exchange_fill_id": "9",
        "price": D(100),
        "amount": D("0.5"),
        "fee": D("0.001"),
        "fee_currency": None,
        "filled_at": "2026-01-02T03:04:06.000000+00:00",
        "liquidity": "maker",
    }
    assert (row["source"], row["evidence"], row["filled_amount"]) == ("stream", "execution report", D("0.5"))
    assert (row["at"], row["exchange_at"]) == ("2026-01-02T03:04:08.000000+00:00", "2026-01-02T03:04:05.000000+00:00")


def test_an_amendment_shows_what_changed() -> None:
    """The event has the new terms, null where there are none, and the order those that it has now."""
    changes = {"amount": D("0.6"), "exchange_client_order_id": "web_1", "exchange_at": after(5)}
    row = views.event_row(entry(3, K.AMENDED, OrderState.OPEN, **changes))
    check("OrderEvent", row)
    assert (row["kind"], row["amount"], row["price"], row["exchange_client_order_id"]) == (
        "amended",
        D("0.6"),
        None,
        "web_1",
    )
    order = an_order(*WAYS[OrderState.OPEN], an_event(K.AMENDED, price=D(99), **changes))
    shown = views.order_row(order)
    check("Order", shown)
    assert (shown["amount"], shown["price"]) == (D("0.6"), D(99))
    assert (shown["order_id"], shown["exchange_client_order_id"]) == ("order-1", "web_1")


@pytest.mark.parametrize("kind", EventKind)
def test_event_of_every_kind(kind: EventKind) -> None:
    """An event row keeps the contract for every kind of event."""
    row = views.event_row(entry(1, kind, OrderState.OPEN, reason_code="code", reason="words"))
    check("OrderEvent", row)
    assert (row["kind"], row["fill"], row["reason_code"], row["reason"]) == (kind.value, None, "code", "words")


@pytest.mark.parametrize(("liquidity", "word"), [(Liquidity.TAKER, "taker"), (None, None)])
def test_trade(liquidity: Liquidity | None, word: str | None) -> None:
    """A trade row names its order, carries the fill's figures and the exchange's time."""
    row = views.trade_row(
        Trade(
            order_id="order-1",
            account_name="main",
            connector_name="paper",
            trading_pair="BTC-USDT",
            trade_type=TradeType.SELL,
            fill=a_fill("9", "0.25", fee=D("-0.01"), fee_currency="USDT", liquidity=liquidity),
        )
    )
    check("Trade", row)
    assert row == {
        "trade_id": "order-1_9",
        "order_id": "order-1",
        "account_name": "main",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": "SELL",
        "amount": D("0.25"),
        "price": D(100),
        "fee_paid": D("-0.01"),
        "fee_currency": "USDT",
        "liquidity": word,
        "timestamp": "2026-01-02T03:04:06.000000+00:00",
    }


def test_rule() -> None:
    """A rule has the twelve keys that callers know; the smallest order value is the smallest notional."""
    row = views.rule_row(RULE)
    check("TradingRule", row)
    assert row == {
        "min_order_size": D("0.00001"),
        "max_order_size": D(9000),
        "min_price_increment": D("0.01"),
        "min_base_amount_increment": D("0.00001"),
        "min_quote_amount_increment": D("0.1"),
        "min_notional_size": D(5),
        "min_order_value": D(5),
        "max_price_significant_digits": D("1e56"),
        "supports_limit_orders": True,
        "supports_market_orders": True,
        "buy_order_collateral_token": "USDT",
        "sell_order_collateral_token": "BTC",
    }


def test_rule_without_steps() -> None:
    """No step is a step too small to matter, since callers divide by it; no maximum is null."""
    free = TradingRule(trading_pair="A-B", buy_order_collateral_token="B", sell_order_collateral_token="B")
    row = views.rule_row(free)
    check("TradingRule", row)
    steps = ("min_price_increment", "min_base_amount_increment", "min_quote_amount_increment")
    assert {row[step] for step in steps} == {D("1e-56")}
    assert row["max_order_size"] is None
