"""Callers that wait for news of one order each: an entry wakes those who wait for its order, and nobody else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Watches:
    """The orders that somebody waits for, by id. Another account's order of the same id wakes too many at worst."""

    def __init__(self) -> None:
        self._watched: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._watched)

    @contextmanager
    def watch(self, order_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something was recorded about the order; the caller clears it."""
        news = asyncio.Event()
        self._watched[order_id].add(news)
        try:
            yield news
        finally:
            watchers = self._watched[order_id]
            watchers.discard(news)
            if not watchers:
                del self._watched[order_id]

    def tell(self, order_ids: Iterable[str | None]) -> None:
        """Something was recorded about these orders."""
        for order_id in order_ids:
            if order_id is not None and order_id in self._watched:
                for news in self._watched[order_id]:
                    news.set()
