"""Orders, events and fills for the journal's tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import structs

from app.domain.enums import EventKind, OrderState, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.order import Order, OrderKey, OrderRequest
from app.services.orders.preparing import intended
from tests.clock import START

ACCOUNT = "master_account"
CONNECTOR = "binance"
PAIR = "BTC-USDT"


def order(order_id: str = "o1", *, at: datetime = START, **changes: Any) -> Order:
    """A pending limit order to buy 1 BTC at 100, whose id the caller chose; ``changes`` are fields of the order."""
    request = OrderRequest(
        account_name=ACCOUNT,
        connector_name=CONNECTOR,
        trading_pair=PAIR,
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=Decimal("1.00"),
        price=Decimal("100"),
        client_order_id=order_id,
    )
    return structs.replace(intended(request, order_id=order_id, at=at, terms=request.terms()), **changes)


def order_of_ours(order_id: str = "o1", **changes: Any) -> Order:
    """The same order under an id that the gateway made."""
    return order(order_id, terms="BTC-USDT|BUY|LIMIT|1|100||OPEN|||", **changes)


def adopted(order_id: str = "o1", **changes: Any) -> Order:
    """The same order as found open at the exchange."""
    return order(order_id, state=OrderState.OPEN, **changes)


def key(order_id: str = "o1", account_name: str = ACCOUNT, connector_name: str = CONNECTOR) -> OrderKey:
    """The key of an order."""
    return OrderKey(account_name=account_name, connector_name=connector_name, order_id=order_id)


def happened(kind: EventKind, at: datetime = START, **fields: Any) -> OrderEvent:
    """An event of ``kind``."""
    return OrderEvent(kind=kind, at=at, source="answer", **fields)


INTENDED = happened(EventKind.INTENDED)
ADOPTED = happened(EventKind.ADOPTED)
ACCEPTED = happened(EventKind.ACCEPTED, exchange_order_id="4711")


def fill(fill_id: str, amount: str = "0.25", price: str = "100", at: datetime = START, **fields: Any) -> Fill:
    """A fill of ``amount``."""
    values: dict[str, Any] = {"fee": Decimal("0.001"), "fee_currency": "BNB", **fields}
    return Fill(exchange_fill_id=fill_id, price=Decimal(price), amount=Decimal(amount), filled_at=at, **values)


def filled(
    fill_id: str, amount: str = "0.25", *, full: bool = False, at: datetime = START, **fields: Any
) -> OrderEvent:
    """The event of a fill."""
    kind = EventKind.FILLED if full else EventKind.PARTIALLY_FILLED
    return happened(kind, at, fill=fill(fill_id, amount, at=at, **fields))
