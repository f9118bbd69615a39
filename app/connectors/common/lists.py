"""Lists of an exchange, row by row: one that can't be read does not take the others with it.

What is odd about a row is logged once and counted each time. A row that may be about an order of ours keeps its names, so that
nothing is concluded from its absence among the others.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog

from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import mapping
from app.connectors.rows import Rows, UnreadableRow

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Oddities that are remembered as logged.
_REMEMBERED = 1_000


class OddRows:
    """The rows and events of one market that could not be read."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self._logged: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self.counts: Counter[str] = Counter()

    def note(self, what: str, rows: Iterable[UnreadableRow]) -> None:
        """Count ``rows`` of the list ``what``, and log those that were not logged yet."""
        for row in rows:
            self.counts[what] += 1
            name = row.order_id or row.exchange_order_id or row.trading_pair or ""
            key = (what, name, row.why)
            if key in self._logged:
                continue
            self._logged[key] = None
            if len(self._logged) > _REMEMBERED:
                self._logged.popitem(last=False)
            log.warning("a row can't be read", exchange=self._exchange, list=what, name=name, why=row.why)


def read_rows(
    payload: Any, read: Callable[[Any], T], name: Callable[[Mapping[str, Any]], Mapping[str, str | None]] | None = None
) -> Rows[T]:
    """What ``read`` makes of each row of ``payload``, which must be a list; ``name`` tells what names a row."""
    readable: list[T] = []
    unreadable: list[UnreadableRow] = []
    for row in rows_of(payload):
        try:
            readable.append(read(row))
        except Exception as error:  # noqa: BLE001 - whatever is odd about one row, the others are used, and this one is not lost
            names = name(row) if name is not None and isinstance(row, dict) else {}
            why = str(error) if isinstance(error, Unreadable) else type(error).__name__
            unreadable.append(UnreadableRow(why=why, **names))
    return Rows.of(readable, unreadable)


def rows_of(payload: Any) -> list[Any]:
    """``payload``, which must be a list. Raises ``Unreadable``."""
    if not isinstance(payload, list):
        raise Unreadable(f"a list was expected, not {type(payload).__name__}")
    return payload


def some_of(rows: Rows[T]) -> Rows[T]:
    """``rows``, of which at least one can be read if there are any. Raises ``Unreadable``: what can't be read at all is no list of
    a market.
    """
    if rows.unreadable and not rows:
        raise Unreadable(rows.unreadable[0].why)
    return rows


def of_object(read: Callable[[Mapping[str, Any]], T]) -> Callable[[Any], T]:
    """``read`` for a row that must be a JSON object."""
    return lambda row: read(mapping(row))


def kept(rows: Rows[T], keep: Callable[[T], bool]) -> Rows[T]:
    """``rows`` without those that ``keep`` does not want."""
    return Rows.of((row for row in rows if keep(row)), rows.unreadable)
