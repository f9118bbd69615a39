"""Comparing what an exchange says of orders with what the journal has of them, in memory.

Most of what an exchange says is known already: orders that rest, events that come twice, orders of other programs. Deciding that
here costs no write and no lock. What is not decided here is decided once more inside the journal's transaction, on the order as it
then is. So an order that has changed since it was read can only cost a write, or wait for the next comparison; nothing is recorded
because of what is found here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from app.connectors.rows import UnreadableRow
from app.domain.observation import observe
from app.domain.recognition import is_same_order
from app.domain.reports import OrderReport
from app.journal.records import StoredOrder

#: Orders of other programs that are remembered; one takes about two hundred bytes.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``news`` are the reports that say something new, with the orders that they are about, ``unmatched`` those of orders that were
    not among the known; ``shown`` are the ids of the known orders that a report was about.
    """

    news: tuple[tuple[StoredOrder, OrderReport], ...]
    unmatched: tuple[OrderReport, ...]
    shown: frozenset[str]


def compare(reports: Iterable[OrderReport], known: Collection[StoredOrder]) -> Comparison:
    """Compare ``reports`` with the ``known`` orders: by the client id that the exchange has them under, as far as we know, and what
    is not found so by the exchange's own id, because an amendment there may have changed the other.
    """
    names = _by_client_id(known)
    numbers: dict[tuple[str, str | None], StoredOrder] | None = None
    news, unmatched, shown = [], [], set()
    for report in reports:
        stored = names.get(report.order_id)
        if stored is None:
            numbers = _by_number(known) if numbers is None else numbers
            stored = numbers.get((report.trading_pair, report.exchange_order_id))
        if stored is None or not is_same_order(stored.order.ref, report):
            unmatched.append(report)
            continue
        shown.add(stored.order.order_id)
        if says_something_new(stored, report):
            news.append((stored, report))
    return Comparison(news=tuple(news), unmatched=tuple(unmatched), shown=frozenset(shown))


def _by_client_id(known: Collection[StoredOrder]) -> dict[str, StoredOrder]:
    """The orders by our ids, and by those that amendments at the exchange gave them."""
    renamed = {stored.order.ref.client_order_id: stored for stored in known}
    return renamed | {stored.order.order_id: stored for stored in known}


def _by_number(known: Collection[StoredOrder]) -> dict[tuple[str, str | None], StoredOrder]:
    return {
        (stored.order.trading_pair, stored.order.exchange_order_id): stored
        for stored in known
        if stored.order.exchange_order_id is not None
    }


def says_something_new(stored: StoredOrder, report: OrderReport) -> bool:
    """Whether ``report`` would add anything to the order, or counts fills that the journal does not have."""
    order = stored.order
    seen = observe(
        order, report, known_fills=stored.fill_ids, at=order.updated_at, source="recovery", evidence="only compared"
    )
    return bool(seen.events) or seen.missing_fills


def shown_unread(known: Iterable[StoredOrder], unreadable: Sequence[UnreadableRow]) -> frozenset[str]:
    """The known orders that a row of the book, which can't be read, names: they are there, whatever the book says of them."""
    return frozenset(
        stored.order.order_id for stored in known if any(row.names(stored.order.ref) for row in unreadable)
    )


class ForeignOrders:
    """Orders of other programs, by the exchange's own names for them.

    An order's intent is in the journal before the exchange makes the order and gives it an id. So an order that had an id when the
    journal did not know it will never be ours, in whichever process that was, unless an amendment at the exchange has changed its
    client id; then the exchange's own id tells.
    """

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def __contains__(self, report: OrderReport) -> bool:
        name = _name(report)
        return name is not None and name in self._names

    def forget(self, report: OrderReport) -> None:
        """The order is ours after all: an amendment had given it another client id."""
        name = _name(report)
        if name is not None:
            self._names.pop(name, None)

    def add(self, report: OrderReport) -> None:
        """Remember the order; the one that was added first is forgotten when there are too many."""
        name = _name(report)
        if name is None:
            return
        self._names[name] = None
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)


def _name(report: OrderReport) -> tuple[str, str, str] | None:
    """What names the order for ever; None where the exchange gave it no id of its own."""
    if report.exchange_order_id is None:
        return None
    return (report.trading_pair, report.exchange_order_id, report.order_id)
