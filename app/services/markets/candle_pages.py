"""Candles of any number, fetched page by page. This is the only place that puts pages together: a connector returns one page.

A range is fetched forward from its start, until its end, the present, or more than one answer may hold; the last candles are
fetched backward. The size of a page is the connector's (``Capabilities.candles_page``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.connectors.base import Connector
from app.connectors.rows import row_count
from app.domain.reports import Candle

#: A month of minutes, and a little more, is what callers are known to ask for.
MOST_CANDLES = 50_000
#: No interval is shorter, and some exchanges count in whole seconds.
_SECOND = timedelta(seconds=1)

#: What every exchange calls its intervals. A month has no fixed length.
_INTERVAL = re.compile(r"([1-9][0-9]{0,3})([smhdw])", re.ASCII)
_UNITS = {
    "s": _SECOND,
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRange:
    """The candles that open from ``start_at`` to ``end_at``, both included."""

    start_at: datetime
    end_at: datetime

    def count(self, interval: str, now: datetime) -> int | None:
        """The largest number of candles up to ``now``; None for an interval whose length only the exchange knows."""
        length = interval_length(interval)
        if length is None:
            return None
        return max(timedelta(), min(self.end_at, now) - self.start_at) // length + 1


def interval_length(interval: str) -> timedelta | None:
    """How long a candle of ``interval`` lasts; None where only the exchange knows."""
    known = _INTERVAL.fullmatch(interval)
    return None if known is None else int(known.group(1)) * _UNITS[known.group(2)]


async def fetch_last(connector: Connector, trading_pair: str, interval: str, count: int) -> Sequence[Candle]:
    """The last ``count`` candles, oldest first; fewer where there are no more. Raises what the connector raises."""
    size = connector.capabilities.candles_page
    page = await connector.fetch_candles(trading_pair, interval, limit=min(count, size))
    found = list(page)
    is_full = row_count(page) == size and bool(found)
    while is_full and len(found) < count:
        end_at = found[0].opened_at - _SECOND
        limit = min(size, count - len(found))
        page = await connector.fetch_candles(trading_pair, interval, limit=limit, end_at=end_at)
        earlier = [candle for candle in page if candle.opened_at <= end_at]
        is_full = row_count(page) == limit and bool(earlier)
        found = earlier + found
    return found


async def fetch_range(connector: Connector, trading_pair: str, interval: str, wanted: CandleRange) -> Sequence[Candle]:
    """The candles of ``wanted``, oldest first; a page more than ``MOST_CANDLES`` at most. Raises what the connector raises."""
    size = connector.capabilities.candles_page
    found: list[Candle] = []
    start_at, is_full = wanted.start_at, True
    while is_full and start_at <= wanted.end_at and len(found) <= MOST_CANDLES:
        page = await connector.fetch_candles(
            trading_pair, interval, limit=size, start_at=start_at, end_at=wanted.end_at
        )
        later = [candle for candle in page if start_at <= candle.opened_at <= wanted.end_at]
        is_full = row_count(page) >= size and bool(later)
        found += later
        if later:
            start_at = later[-1].opened_at + _SECOND
    return found
