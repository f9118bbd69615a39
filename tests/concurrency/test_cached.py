"""One cached value: its age, its failures, and who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from app.concurrency.cached import Cached
from app.domain.errors import ExchangeDown
from tests.clock import FakeClock
from tests.services.world import until


class Source:
    """Counts the fetches; answers their number, or raises what the test set."""

    def __init__(self) -> None:
        self.count = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return number


@pytest.fixture
def source() -> Source:
    return Source()


async def test_a_young_value_is_not_fetched_again(clock: FakeClock, source: Source) -> None:
    """A value serves while it is younger than the caller asks for."""
    cached = Cached(clock, source)
    assert cached.fresh(5) is None
    assert await cached.get(5) == 1
    clock.advance(4)
    assert (cached.fresh(5), cached.fresh(4)) == (1, None)
    assert await cached.get(5) == 1
    assert cached.age == 4
    assert await cached.get(3) == 2
    assert await cached.get(0) == 3


async def test_callers_share_one_fetch(clock: FakeClock, source: Source) -> None:
    """Whoever comes while a fetch is under way gets its value."""
    cached = Cached(clock, source)
    assert await asyncio.gather(*(cached.get(0) for _ in range(5)), *(cached.renew() for _ in range(5))) == [1] * 10


async def test_an_old_value_serves_while_it_is_renewed(clock: FakeClock, source: Source) -> None:
    """Only the first caller waits; later ones get what is there."""
    cached = Cached(clock, source)
    assert await cached.get_or_renew_behind(10) == 1
    clock.advance(10)
    assert await cached.get_or_renew_behind(10) == 1
    await until(lambda: cached.value == 2)
    assert await cached.get_or_renew_behind(10) == 2
    assert source.count == 2


async def test_a_failed_renewal_keeps_the_value_and_waits_before_the_next(clock: FakeClock, source: Source) -> None:
    """The problem is known, the value stays, and the next attempt comes after ``retry_after``."""
    cached = Cached(clock, source, retry_after=5)
    await cached.get_or_renew_behind(10)
    source.failure = ExchangeDown("down")
    clock.advance(10)
    assert await cached.get_or_renew_behind(10) == 1
    await until(lambda: str(cached.error) == "down")
    assert await cached.get_or_renew_behind(10) == 1
    await asyncio.sleep(0.01)
    assert source.count == 2
    source.failure = None
    clock.advance(5)
    assert await cached.get_or_renew_behind(10) == 1
    await until(lambda: cached.value == 3)
    assert cached.error is None


async def test_a_failure_is_raised_again_for_a_while(clock: FakeClock, source: Source) -> None:
    """Callers that need a fresh value hear of the failure without another fetch, until ``retry_after`` is over."""
    cached = Cached(clock, source, retry_after=1)
    source.failure = LookupError("no")
    for _ in range(3):
        with pytest.raises(LookupError):
            await cached.get(60)
    assert source.count == 1
    assert isinstance(cached.error, LookupError)
    with pytest.raises(LookupError):
        await cached.get(0)
    assert source.count == 2
    clock.advance(1)
    source.failure = None
    assert await cached.get(60) == 3


async def test_what_was_fetched_before_clearing_is_not_kept(clock: FakeClock, source: Source) -> None:
    """A fetch that began before ``clear`` answers those who wait for it and nobody after them."""
    cached = Cached(clock, source)
    source.gate.clear()
    waiting = asyncio.create_task(cached.get(60))
    await until(lambda: source.count == 1)
    cached.clear()
    source.gate.set()
    assert await waiting == 1
    assert cached.value is None
    assert await cached.get(60) == 2


async def test_a_value_may_come_from_elsewhere(clock: FakeClock, source: Source) -> None:
    """``put`` counts as a fetch, at the time it is given."""
    cached = Cached(clock, source)
    cached.put(7, clock.monotonic() - 3)
    assert cached.age == 3
    assert await cached.get(5) == 7
    assert await cached.get(3) == 1


async def test_what_is_too_old_can_be_dropped(clock: FakeClock, source: Source) -> None:
    """Values and failures alike; a fetch that is under way is not affected."""
    cached = Cached(clock, source, retry_after=60)
    await cached.get(60)
    clock.advance(9)
    cached.expire(10)
    assert cached.value == 1
    clock.advance(1)
    source.gate.clear()
    waiting = asyncio.create_task(cached.renew())
    await until(lambda: source.count == 2)
    cached.expire(10)
    assert cached.value is None
    source.gate.set()
    assert await waiting == 2
    assert cached.value == 2
    source.failure = LookupError("no")
    with pytest.raises(LookupError):
        await cached.renew()
    clock.advance(10)
    cached.expire(10)
    assert (cached.value, cached.error) == (None, None)


async def test_closing_cancels_a_fetch(clock: FakeClock, source: Source) -> None:
    """Those who wait are told."""
    cached = Cached(clock, source)
    source.gate.clear()
    waiting = asyncio.create_task(cached.get(60))
    await until(lambda: source.count == 1)
    await cached.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
