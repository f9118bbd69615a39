"""The writer's cache of the orders that it wrote."""

from __future__ import annotations

import pytest

from app.journal import caches
from app.journal.caches import OrderCache
from app.journal.records import StoredOrder
from tests.journal.orders import key, order


def stored(number: int) -> StoredOrder:
    """An order as the cache has it."""
    name = f"o{number}"
    return StoredOrder(key=key(name), number=number, order=order(name), fill_ids=frozenset())


def test_what_nobody_else_changed_stays_in_the_cache() -> None:
    """As long as the sequence is where our commit left it, our orders are as we left them."""
    cache = OrderCache()
    cache.put(7, [stored(1)])
    cache.check(7)
    assert cache.get(key("o1")) == stored(1)


def test_the_cache_is_emptied_when_somebody_else_has_written() -> None:
    """A sequence number that is not ours means that any order may have changed."""
    cache = OrderCache()
    cache.put(7, [stored(1)])
    cache.check(8)
    cache.check(7)
    assert cache.get(key("o1")) is None


def test_the_oldest_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is bounded; what was written last stays."""
    monkeypatch.setattr(caches, "_CACHED", 2)
    cache = OrderCache()
    cache.put(1, [stored(1), stored(2)])
    cache.put(2, [stored(1)])
    cache.put(3, [stored(3)])
    assert [cache.get(key(f"o{number}")) is not None for number in (1, 2, 3)] == [True, False, True]
