"""Random trading to test limits with: orders that are intended, accepted, filled and ended, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import structs

from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderState, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.order import Order, OrderRequest
from app.domain.safety.admission import Admission
from app.domain.safety.ledger import Ledger
from app.domain.safety.limits import Limits, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import SafetyState
from app.services.orders.preparing import intended
from tests.domain.orders import T0

WHOLE = Scope()

PERPETUAL = Admission(can_short=True)


def an_intent(**changes: Any) -> Order:
    """An order to buy 1 BTC at 100 that is about to be sent."""
    values: dict[str, Any] = {
        "account_name": "main",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "amount": Decimal(1),
        "price": Decimal(100),
        **changes,
    }
    extra = {name: values.pop(name) for name in ("key_id", "reserved_price", "order_id", "at") if name in values}
    request = OrderRequest(**values)
    order = intended(request, order_id=extra.pop("order_id", "o1"), at=extra.pop("at", T0), terms=request.terms())
    return structs.replace(order, **extra)


def limited(scope: Scope = WHOLE, **limits: Any) -> SafetyState:
    """A state with limits of one scope."""
    return SafetyState(sets=(LimitSet(scope=scope, limits=Limits(**limits), seq=1),))


def nothing() -> Decimal:
    """What an account that holds nothing has."""
    return ZERO


class Trading:
    """Orders and the ledger that folds them. ``say`` is told every step, such as to a second ledger."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.orders: dict[int, Order] = {}
        self.fills: list[tuple[Order, Fill]] = []
        self.now = T0
        self._seq = 0
        self.say: list[Callable[..., object]] = [self.ledger.take]

    def intend(self, order: Order) -> int:
        """Take an intent in; return the order's number."""
        self._seq += 1
        number = self._seq
        self.orders[number] = order
        self._tell(number, order, EventKind.INTENDED)
        return number

    def happen(self, number: int, kind: EventKind, fill: Fill | None = None) -> None:
        """Apply one event of an order."""
        self._seq += 1
        event = OrderEvent(kind=kind, at=self.now, source="answer", fill=fill, exchange_order_id="x")
        order = self.orders[number] = self.orders[number].apply(event)
        if fill is not None:
            self.fills.append((order, fill))
        self._tell(number, order, kind, fill)

    def fill(self, number: int, amount: Decimal, price: Decimal | None = None, **fields: Any) -> None:
        """Fill a part of an order, at its own price if none is given."""
        order = self.orders[number]
        made = Fill(
            exchange_fill_id=f"f{self._seq}",
            price=price or order.price or Decimal(100),
            amount=amount,
            filled_at=self.now,
            **{"fee": ZERO, "fee_currency": None, **fields},
        )
        self.happen(number, order.kind_of_fill(made), made)

    def end(self, number: int, kind: EventKind = EventKind.CANCELED) -> None:
        """End an order."""
        self.happen(number, kind)

    def step(self, random: Random) -> None:
        """Let something happen to one of the active orders."""
        active = [number for number, order in self.orders.items() if order.is_active]
        if not active:
            return
        number = random.choice(active)
        order = self.orders[number]
        assert order.amount is not None
        left = order.amount - order.filled_amount
        match random.randrange(6):
            case 0:
                self.happen(number, EventKind.ACCEPTED)
            case 1 if order.state is OrderState.PENDING:
                self.happen(number, EventKind.REJECTED)
            case 2:
                self.happen(number, EventKind.UNCONFIRMED)
            case 3:
                self.end(number)
            case _:
                part = min(left, Decimal(random.randrange(1, 4)))
                price = (order.price or Decimal(100)) + random.randrange(-3, 4)
                self.fill(number, part, price)
        self.now += timedelta(seconds=random.randrange(20))

    def _tell(self, number: int, order: Order, kind: EventKind, fill: Fill | None = None) -> None:
        for say in self.say:
            say(number, order, kind, self.now, fill)
