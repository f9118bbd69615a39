"""Waiting until nothing can be sent any more with credentials that were just replaced or deleted.

The intents and cancels that come after the change are refused by its transaction, in every process. Those that came before it are
in the journal: their calls are answered, or can't begin any more once the exchange's time-out has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from app.clock import Clock
from app.domain.enums import EventKind, OrderState
from app.domain.order import AccountKey, OrderKey
from app.journal.journal import Journal

#: What ends the call of a cancel without ending its order. An order that is done ends it, too.
_CANCEL_ANSWERED = frozenset({EventKind.CANCEL_REFUSED, EventKind.CANCEL_UNCONFIRMED})
#: The most seconds between two looks, though nothing seems to have happened in the journal, and the fewest: every look asks the
#: database about each order, and a busy journal grows every few milliseconds.
_LOOK = 1.0
_PAUSE = 0.1


async def calls_ended(journal: Journal, account: AccountKey, *, limit: timedelta, clock: Clock) -> None:
    """Wait for the calls of all orders and cancels that were written down before now, at most for ``limit``: a call's time-out."""
    end_at = clock.monotonic() + limit.total_seconds()
    orders = await asyncio.to_thread(_active, journal, account)
    while (left := end_at - clock.monotonic()) > 0:
        head = journal.known_head
        orders = await asyncio.to_thread(_under_way, journal, orders)
        if not orders:
            return
        await journal.wait_beyond(head, min(left, _LOOK))
        await asyncio.sleep(_PAUSE)


def _active(journal: Journal, account: AccountKey) -> Sequence[OrderKey]:
    orders = [stored.order for stored in journal.active_orders_of(account)]
    return [each.key for each in orders if each.state is OrderState.PENDING or each.cancel_requested_at is not None]


def _under_way(journal: Journal, orders: Sequence[OrderKey]) -> Sequence[OrderKey]:
    return [key for key in orders if _is_under_way(journal, key)]


def _is_under_way(journal: Journal, key: OrderKey) -> bool:
    order = journal.find_order(key)
    if order is None or not order.is_active:
        return False
    if order.state is OrderState.PENDING:
        return True
    kinds = [entry.event.kind for entry in journal.history(key) if entry.event is not None]
    if EventKind.CANCEL_REQUESTED not in kinds:
        return False
    last = len(kinds) - 1 - kinds[::-1].index(EventKind.CANCEL_REQUESTED)
    return _CANCEL_ANSWERED.isdisjoint(kinds[last:])
