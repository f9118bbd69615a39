"""Orders, fills and reports to test with: everything a case does not care about has a value already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.enums import EventKind, OrderState, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.observation import Observation, observe
from app.domain.order import Order, OrderRequest
from app.domain.reports import OrderReport
from app.services.orders.preparing import intended

#: When the order of every case is made.
T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def after(seconds: int) -> datetime:
    """A moment after the order was made."""
    return T0 + timedelta(seconds=seconds)


def a_request(**changes: Any) -> OrderRequest:
    """A limit order for one bitcoin at 100."""
    terms: dict[str, Any] = {
        "account_name": "main",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "amount": Decimal(1),
        "price": Decimal(100),
    }
    return OrderRequest(**(terms | changes))


def an_order(*events: OrderEvent, **changes: Any) -> Order:
    """The order of ``a_request`` as the journal has it after ``events``."""
    request = a_request(**changes)
    order = intended(request, order_id="order-1", at=T0, terms=request.terms())
    for event in events:
        order = order.apply(event)
    return order


def an_event(kind: EventKind, **changes: Any) -> OrderEvent:
    """An event a second after the order was made."""
    values: dict[str, Any] = {"kind": kind, "at": after(1), "source": "answer"}
    return OrderEvent(**(values | changes))


def a_fill(name: str = "1", amount: str = "0.5", **changes: Any) -> Fill:
    """A fill of half a bitcoin at 100 with its fee in the base asset."""
    values: dict[str, Any] = {
        "exchange_fill_id": name,
        "price": Decimal(100),
        "amount": Decimal(amount),
        "fee": Decimal("0.001"),
        "fee_currency": "BTC",
        "filled_at": after(1),
    }
    return Fill(**(values | changes))


def a_report(state: str = "open", *fills: Fill, **changes: Any) -> OrderReport:
    """What the exchange says of the order; it counts the fills it carries unless told otherwise."""
    values: dict[str, Any] = {
        "order_id": "order-1",
        "exchange_order_id": "77",
        "trading_pair": "BTC-USDT",
        "state": state,
        "filled_amount": sum((fill.amount for fill in fills), Decimal(0)),
        "fills": fills,
        "reported_at": after(1),
    }
    return OrderReport(**(values | changes))


#: The shortest ways into each state.
WAYS: dict[OrderState, tuple[OrderEvent, ...]] = {
    OrderState.PENDING: (),
    OrderState.UNKNOWN: (an_event(EventKind.UNCONFIRMED),),
    OrderState.OPEN: (an_event(EventKind.ACCEPTED, exchange_order_id="77"),),
    OrderState.FILLED: (an_event(EventKind.FILLED, exchange_order_id="77", fill=a_fill("whole", "1")),),
    OrderState.CANCELED: (an_event(EventKind.CANCELED, exchange_order_id="77"),),
    OrderState.REJECTED: (an_event(EventKind.REJECTED, reason_code="order_refused", reason="No."),),
    OrderState.EXPIRED: (an_event(EventKind.EXPIRED, exchange_order_id="77"),),
}


class Ledger:
    """A journal of one order in memory: it observes reports and remembers which fills it has."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.events: list[OrderEvent] = []
        self.fills: dict[str, Fill] = {}

    def hear(self, report: OrderReport, *, at: datetime = T0) -> Observation:
        """Observe a report and record what follows from it."""
        seen = observe(
            self.order, report, known_fills=self.fills.keys(), at=at, source="stream", evidence="the exchange said so"
        )
        for event in seen.events:
            self.order = self.order.apply(event)
            if event.fill is not None:
                assert event.fill.exchange_fill_id not in self.fills, "a fill is recorded once"
                self.fills[event.fill.exchange_fill_id] = event.fill
        self.events += seen.events
        assert self.order == seen.order, "the events alone give the order that was promised"
        return seen

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]
