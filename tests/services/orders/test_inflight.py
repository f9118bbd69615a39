"""Work that must not be torn: it outlives its caller, and a stopping server waits for it, but not for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.domain.errors import ShuttingDown
from app.services.orders.inflight import InFlight
from tests.services.world import gathered


async def test_work_outlives_its_caller() -> None:
    """A cancelled caller leaves the work running; what it raises then is nobody's, and harmless."""
    inflight, go, done = InFlight(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()
        raise ValueError("nobody hears this")

    caller = asyncio.create_task(inflight.run(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await gathered(caller)
    go.set()
    await done.wait()
    assert await inflight.drain(timedelta(seconds=5)) == 0


async def test_the_caller_gets_what_the_work_gives() -> None:
    """An answer or an exception."""
    inflight = InFlight()

    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise KeyError("k")

    assert await inflight.run(answer()) == 7
    with pytest.raises(KeyError):
        await inflight.run(fail())


async def test_draining_takes_no_new_work_and_gives_up_in_the_end() -> None:
    """What is not done in time is counted and left; new work is refused."""
    inflight = InFlight()
    never = asyncio.create_task(inflight.run(asyncio.Event().wait()))
    await asyncio.sleep(0)

    assert await inflight.drain(timedelta(milliseconds=1)) == 1

    with pytest.raises(ShuttingDown):
        await inflight.run(asyncio.sleep(0))
    for task in list(inflight._tasks):
        task.cancel()
    await gathered(never)
