"""An exchange as Bybit's categories use it: its symbols and ids, of which a client id is one order's for ever."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder, OrderRecord, PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.sandbox.bybit.failures import SPOT, duplicate, invalid
from app.sandbox.common.errors import ApiError
from app.sandbox.common.venue import NamingVenue

T = TypeVar("T")

#: The reason of an order that could only have taken, as Bybit writes it.
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"

#: What spot's numbers begin at, and what the ids of linear end in.
_FIRST_SPOT = 1_900_000_000_000_000_000
_LINEAR_SPACE = uuid.UUID("7a0e0000-0000-4000-8000-000000000000").int


class BybitVenue(NamingVenue):
    """One category."""

    def __init__(self, category: str, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock, symbol_of=symbol_of, would_take=WOULD_TAKE)
        self.category = category

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

    def newest_orders(
        self,
        account: str,
        since: datetime,
        until: datetime,
        keep: Callable[[PaperOrder], bool],
        cursor: str,
        limit: int,
    ) -> Sequence[OrderRecord]:
        """The orders placed from ``since`` to ``until`` that ``keep`` takes, newest first, from the one of the id ``cursor`` on, as
        far as a page of ``limit`` and the one after it need them. Used on the exchange's thread.
        """
        record = self.numbered(account, cursor)
        until = until if record is None else record.order.created_at
        refused = [each for each in self.refused(account) if since <= each.created_at <= until]

        def select(most: int) -> Sequence[PaperOrder]:
            found = self.exchange.orders(account, since=since, until=until, limit=most, newest=True)
            begun = found[0].created_at if len(found) == most else since
            placed = [*found, *(each for each in refused if each.created_at >= begun)]
            return sorted(placed, key=lambda each: (each.created_at, each.exchange_order_id))

        orders = _newest(select, keep, lambda order: self.wire_id(order.exchange_order_id), cursor, limit)
        placed = {
            each.order.exchange_order_id: each
            for each in self.exchange.records_of([each.exchange_order_id for each in orders])
        }
        return [placed.get(each.exchange_order_id) or OrderRecord(order=each, fills=()) for each in orders]

    def newest_fills(
        self,
        account: str,
        since: datetime,
        until: datetime,
        keep: Callable[[PaperOrder], bool],
        cursor: str,
        limit: int,
    ) -> Sequence[tuple[PaperFill, PaperOrder]]:
        """The same of fills, with their orders."""
        at = self.exchange.fills(account, after_id=self.paper_id(cursor) - 1, limit=1)
        until = at[0].filled_at if cursor and at else until
        orders: dict[int, PaperOrder] = {}

        def select(most: int) -> Sequence[PaperFill]:
            found = self.exchange.fills(account, since=since, until=until, limit=most, newest=True)
            of = {fill.exchange_order_id for fill in found}
            orders.update(
                (each.order.exchange_order_id, each.order) for each in self.exchange.records_of(of - orders.keys())
            )
            return found

        def order_of(fill: PaperFill) -> PaperOrder:
            return orders[fill.exchange_order_id]

        fills = _newest(
            select, lambda fill: keep(order_of(fill)), lambda fill: self.wire_id(fill.fill_id), cursor, limit
        )
        return [(fill, order_of(fill)) for fill in fills]

    def place(self, new: NewOrder) -> PaperOrder:
        if self.named(new.account, new.client_order_id) is not None:
            raise duplicate(self.category)
        return super().place(new)


def _newest(
    select: Callable[[int], Sequence[T]],
    keep: Callable[[T], bool],
    identity: Callable[[T], str],
    cursor: str,
    limit: int,
) -> Sequence[T]:
    """Of what ``select`` gives, the last of so many, oldest first: what ``keep`` takes, newest first, from ``cursor`` on.

    An exchange finds a page by an index, and here, too, it takes no longer because there are more orders before it.
    """
    most = limit + 2
    while True:
        selected = select(most)
        found = [each for each in reversed(selected) if keep(each)]
        names = [identity(each) for each in found]
        found = found[names.index(cursor) :] if cursor in names else found
        if len(found) > limit + 1 or len(selected) < most:
            return found[: limit + 2]
        most *= 4


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")
