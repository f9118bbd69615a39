"""An exchange as Bybit's categories use it: its symbols and ids, and the orders that Bybit takes and then cancels by itself."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from app.clock import Clock
from app.domain.enums import OrderState
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder, OrderRecord, PaperOrder
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder, PerpetualOrder
from app.sandbox.bybit.failures import SPOT, ApiError, duplicate, invalid
from app.sandbox.listings import Listings
from app.sandbox.venue import Venue

#: The reason of an order that could only have taken, as Bybit writes it.
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"

#: What spot's numbers begin at, and what the ids of linear end in.
_FIRST_SPOT = 1_900_000_000_000_000_000
_LINEAR_SPACE = uuid.UUID("7a0e0000-0000-4000-8000-000000000000").int
#: How the ids begin that the paper exchange needs where a client gave none.
_UNNAMED = "unnamed-"
#: Numbers of refused orders, which the paper exchange does not have.
_FIRST_REFUSED = 1 << 40


class BybitVenue(Venue):
    """One category."""

    def __init__(self, category: str, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)
        self.category = category
        self.listings = Listings(exchange.pairs, clock, symbol_of)
        self._refused: defaultdict[str, list[PaperOrder]] = defaultdict(list)

    def pair(self, symbol: str) -> Pair:
        """The pair of ``symbol``. Raises ``ApiError`` for an invalid one."""
        try:
            return self.listings.pairs[symbol]
        except KeyError:
            raise (
                ApiError(170121, "Invalid symbol.") if self.category == SPOT else invalid("symbol invalid")
            ) from None

    def wire_id(self, number: int) -> str:
        """The id of an order or an execution: a number on spot, a UUID on linear."""
        return str(_FIRST_SPOT + number) if self.category == SPOT else str(uuid.UUID(int=_LINEAR_SPACE + number))

    def paper_id(self, wire_id: str) -> int:
        """The paper exchange's id of one on the wire, 0 for one that is none."""
        try:
            number = int(wire_id) - _FIRST_SPOT if self.category == SPOT else uuid.UUID(wire_id).int - _LINEAR_SPACE
        except ValueError:
            return 0
        return number if 0 < number < 1 << 62 else 0

    def new_link_id(self) -> str:
        """A client id for an order that came without one, which the paper exchange needs; Bybit would show none."""
        return f"{_UNNAMED}{uuid.uuid4().hex[:24]}"

    def keep_refused(self, new: NewOrder) -> PaperOrder:
        """Keep an order that would have taken: Bybit acknowledges it and cancels it."""
        if self.named(new.account, new.client_order_id) is not None:
            raise duplicate(self.category)
        now = self.clock.now()
        terms: dict[str, Any] = {
            "exchange_order_id": _FIRST_REFUSED + sum(map(len, self._refused.values())),
            "account": new.account,
            "client_order_id": new.client_order_id,
            "trading_pair": new.trading_pair,
            "trade_type": new.trade_type,
            "order_type": new.order_type,
            "time_in_force": new.time_in_force,
            "price": new.price,
            "amount": new.amount,
            "quote_amount": None,
            "state": OrderState.CANCELED,
            "reason": WOULD_TAKE,
            "placed_tick": 0,
            "created_at": now,
            "updated_at": now,
        }
        if isinstance(new, NewPerpetualOrder):
            terms |= {"position_side": new.position_side, "reduce_only": new.reduce_only}
        order = (PerpetualOrder if isinstance(new, NewPerpetualOrder) else PaperOrder)(**terms)
        self._refused[new.account].append(order)
        return order

    def refused(self, account: str) -> Iterable[PaperOrder]:
        """The account's orders that would have taken."""
        return tuple(self._refused[account])

    def named(self, account: str, client_order_id: str) -> OrderRecord | None:
        """The account's order of that client id. Used on the exchange's thread."""
        for order in self._refused[account]:
            if order.client_order_id == client_order_id:
                return OrderRecord(order=order, fills=())
        return self.exchange.order(account, client_order_id=client_order_id)

    def numbered(self, account: str, wire_id: str) -> OrderRecord | None:
        """The account's order of that id of the exchange. Used on the exchange's thread."""
        number = self.paper_id(wire_id)
        for order in self._refused[account]:
            if order.exchange_order_id == number:
                return OrderRecord(order=order, fills=())
        return self.exchange.order(account, exchange_order_id=number)


def link_id_of(order: PaperOrder) -> str:
    """The client id that is shown of an order: empty where the client gave none."""
    return "" if order.client_order_id.startswith(_UNNAMED) else order.client_order_id


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")
