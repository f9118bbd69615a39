"""Comparing what an exchange says of orders with what the journal has of them, in memory.

Most of what an exchange says is known already: orders that rest, events that come twice, orders of other programs. Deciding that
here costs no write and no lock. What is not decided here is decided once more inside the journal's transaction, on the order as it
then is. So an order that has changed since it was read can only cost a write, or wait for the next comparison; nothing is recorded
because of what is found here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.observation import observe
from app.domain.reports import OrderReport
from app.journal.records import StoredOrder

#: Orders of other programs that are remembered; one takes about two hundred bytes.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``news`` are the reports that say something new, with the orders that they are about, ``unknown`` those of orders that were
    not among the known.
    """

    news: tuple[tuple[StoredOrder, OrderReport], ...]
    unknown: tuple[OrderReport, ...]


def compare(reports: Iterable[OrderReport], known: Mapping[str, StoredOrder]) -> Comparison:
    """Compare ``reports`` with the ``known`` orders by their ids."""
    news, unknown = [], []
    for report in reports:
        stored = known.get(report.order_id)
        if stored is None:
            unknown.append(report)
        elif says_something_new(stored, report):
            news.append((stored, report))
    return Comparison(news=tuple(news), unknown=tuple(unknown))


def says_something_new(stored: StoredOrder, report: OrderReport) -> bool:
    """Whether ``report`` would add anything to the order, or counts fills that the journal does not have."""
    order = stored.order
    seen = observe(
        order, report, known_fills=stored.fill_ids, at=order.updated_at, source="recovery", evidence="only compared"
    )
    return bool(seen.events) or seen.missing_fills


class ForeignOrders:
    """Orders of other programs, by the exchange's own names for them.

    An order's intent is in the journal before the exchange makes the order and gives it an id. So an order that had an id when the
    journal did not know it will never be ours, in whichever process that was.
    """

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def __contains__(self, report: OrderReport) -> bool:
        name = _name(report)
        return name is not None and name in self._names

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
