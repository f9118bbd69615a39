"""The bell: rung, or the time has come."""

from __future__ import annotations

import asyncio

from app.concurrency.waiting import wait_for_event
from tests.clock import FakeClock
from tests.services.world import until


async def test_a_ring_ends_the_wait(clock: FakeClock) -> None:
    """Nobody waits for the time any more then."""
    bell = asyncio.Event()
    waiting = asyncio.create_task(wait_for_event(bell, clock, 5))
    await asyncio.sleep(0)
    bell.set()
    assert await waiting
    assert clock.sleepers == 0


async def test_the_time_ends_the_wait(clock: FakeClock) -> None:
    """The answer says that nobody rang."""
    waiting = asyncio.create_task(wait_for_event(asyncio.Event(), clock, 5))
    await until(lambda: clock.sleepers == 1)
    clock.advance(5)
    assert not await waiting
