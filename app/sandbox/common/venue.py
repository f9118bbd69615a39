"""An exchange with the names and ids of its protocol, and the orders that it takes and then cancels by itself."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from app.clock import Clock
from app.domain.enums import OrderState
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder, OrderRecord, PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder, PerpetualOrder
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.listings import Listings
from app.sandbox.venue import Venue

#: How the ids begin that the paper exchange needs where a client gave none.
_UNNAMED = "unnamed-"
#: Numbers of refused orders, which the paper exchange does not have.
_FIRST_REFUSED = 1 << 40

#: More than an account of a sandbox ever has.
ALL = 1_000_000


class NamingVenue(Venue):
    """One market. ``symbol_of`` is the protocol's name of a pair, ``would_take`` the reason of a maker order that would take."""

    def __init__(
        self, exchange: PaperExchange, clock: Clock, *, symbol_of: Callable[[str], str], would_take: str
    ) -> None:
        super().__init__(exchange, clock)
        self.symbol_of = symbol_of
        self.listings = Listings(exchange.pairs, clock, symbol_of)
        self._would_take = would_take
        self._refused: defaultdict[str, list[PaperOrder]] = defaultdict(list)

    @abstractmethod
    def pair(self, symbol: str) -> Pair:
        """The pair of ``symbol``. Raises ``ApiError`` for an invalid one."""

    @abstractmethod
    def wire_id(self, number: int) -> str:
        """The id of an order or an execution on the wire."""

    @abstractmethod
    def paper_id(self, wire_id: str) -> int:
        """The paper exchange's id of one on the wire, 0 for one that is none."""

    def client_id_of(self, order: PaperOrder) -> str:
        """The client id that is shown of an order: empty where the client gave none."""
        return "" if order.client_order_id.startswith(_UNNAMED) else order.client_order_id

    def shown_order(self, order: PaperOrder) -> dict[str, str]:
        """What the wire tells of an order otherwise than the paper exchange, by the truth's names."""
        return {}

    def is_recorded(self, order: PaperOrder) -> bool:
        """Whether the exchange calls it an order of its own."""
        return True

    def shown_fill(self, fill: PaperFill) -> dict[str, str]:
        """What the wire tells of a fill otherwise than the paper exchange, by the truth's names."""
        return {}

    def place(self, new: NewOrder) -> PaperOrder:
        """Place an order; one that may only make and would take is kept as canceled. Used on the exchange's thread."""
        try:
            return self.exchange.place(new).order
        except PaperRefusal as refusal:
            if refusal.code is not RefusalCode.WOULD_TAKE:
                raise
            return self._keep_refused(new)

    def refused(self, account: str) -> Iterable[PaperOrder]:
        """The account's orders that would have taken."""
        return tuple(self._refused[account])

    def named(self, account: str, client_order_id: str) -> OrderRecord | None:
        """The account's newest order of that client id. Used on the exchange's thread."""
        found = self.exchange.order(account, client_order_id=client_order_id)
        refused = [each for each in self._refused[account] if each.client_order_id == client_order_id]
        if refused and (found is None or found.order.created_at <= refused[-1].created_at):
            return OrderRecord(order=refused[-1], fills=())
        return found

    def numbered(self, account: str, wire_id: str) -> OrderRecord | None:
        """The account's order of that id of the exchange. Used on the exchange's thread."""
        number = self.paper_id(wire_id)
        for order in self._refused[account]:
            if order.exchange_order_id == number:
                return OrderRecord(order=order, fills=())
        return self.exchange.order(account, exchange_order_id=number)

    def records(self, account: str) -> Sequence[OrderRecord]:
        """All orders of the account, oldest first. Used on the exchange's thread."""
        fills: defaultdict[int, list[PaperFill]] = defaultdict(list)
        for fill in self.exchange.fills(account, limit=ALL):
            fills[fill.exchange_order_id].append(fill)
        orders = (*self.exchange.orders(account, limit=ALL), *self.refused(account))
        found = [OrderRecord(order=each, fills=tuple(fills[each.exchange_order_id])) for each in orders]
        return sorted(found, key=lambda each: each.order.created_at)

    def cancel_all(self, account: str) -> None:
        """Cancel all open orders of the account. Used on the exchange's thread."""
        for record in self.exchange.open_orders(account):
            with suppress(PaperRefusal):  # it was filled since they were listed
                self.exchange.cancel(account, exchange_order_id=record.order.exchange_order_id)

    def _keep_refused(self, new: NewOrder) -> PaperOrder:
        """Keep an order that would have taken: the exchange acknowledges it and cancels it."""
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
            "reason": self._would_take,
            "placed_tick": 0,
            "created_at": now,
            "updated_at": now,
        }
        if isinstance(new, NewPerpetualOrder):
            terms |= {"position_side": new.position_side, "reduce_only": new.reduce_only}
        order = (PerpetualOrder if isinstance(new, NewPerpetualOrder) else PaperOrder)(**terms)
        self._refused[new.account].append(order)
        return order


def unnamed() -> str:
    """A client id for an order that came without one, which the paper exchange needs; the exchange would show none."""
    return f"{_UNNAMED}{uuid.uuid4().hex[:24]}"
