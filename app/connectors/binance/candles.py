"""Candles in pages: Binance gives at most a thousand or so in one answer.

Forward from a start, or backward from the end where only the number is given. What a page holds is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from app.connectors.common.clock import milliseconds_of
from app.domain.reports import Candle

Page = Callable[[Mapping[str, int]], Awaitable[list[Candle]]]


async def fetch_pages(
    page: Page, *, size: int, limit: int, start_at: datetime | None, end_at: datetime | None
) -> list[Candle]:
    """At most ``limit`` candles, oldest first: the first ones from ``start_at``, else the last ones up to ``end_at``."""
    bounds = {} if end_at is None else {"endTime": milliseconds_of(end_at)}
    if start_at is not None:
        return await _forward(page, size, limit, {"startTime": milliseconds_of(start_at), **bounds})
    return await _backward(page, size, limit, bounds)


async def _forward(page: Page, size: int, limit: int, bounds: Mapping[str, int]) -> list[Candle]:
    found: list[Candle] = []
    start = bounds["startTime"]
    while len(found) < limit:
        asked = min(size, limit - len(found))
        rows = [
            row
            for row in await page({**bounds, "startTime": start, "limit": asked})
            if milliseconds_of(row.opened_at) >= start
        ]
        found += rows
        if len(rows) < asked:
            break
        start = milliseconds_of(rows[-1].opened_at) + 1
    return found[:limit]


async def _backward(page: Page, size: int, limit: int, bounds: Mapping[str, int]) -> list[Candle]:
    found: list[Candle] = []
    end = bounds.get("endTime")
    while len(found) < limit:
        asked = min(size, limit - len(found))
        until = {} if end is None else {"endTime": end}
        rows = [
            row for row in await page({**until, "limit": asked}) if end is None or milliseconds_of(row.opened_at) <= end
        ]
        found = rows + found
        if len(rows) < asked:
            break
        end = milliseconds_of(rows[0].opened_at) - 1
    return found[-limit:]
