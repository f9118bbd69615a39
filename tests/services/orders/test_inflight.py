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


async def test_cancels_pass_until_the_end() -> None:
    """While the orders of before are waited for; not when that is over and the journal is about to close."""
    inflight, go = InFlight(), asyncio.Event()

    async def cancel() -> str:
        return "canceled"

    order = asyncio.create_task(inflight.run(go.wait()))
    await asyncio.sleep(0)
    inflight.close()
    with pytest.raises(ShuttingDown):
        await inflight.run(cancel())
    assert await inflight.run(cancel(), is_cancel=True) == "canceled"
    draining = asyncio.create_task(inflight.drain(timedelta(seconds=30)))
    await asyncio.sleep(0)
    assert await inflight.run(cancel(), is_cancel=True) == "canceled"
    go.set()
    assert await draining == 0
    assert await order is True
    with pytest.raises(ShuttingDown):
        await inflight.run(cancel(), is_cancel=True)


async def test_waiting_is_for_what_is_under_way_now() -> None:
    """Those who cancel one order after another do not keep a server from stopping."""
    inflight, go, never = InFlight(), asyncio.Event(), asyncio.Event()
    order = asyncio.create_task(inflight.run(go.wait()))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(inflight.wait(timedelta(seconds=30)))
    await asyncio.sleep(0)
    late = asyncio.create_task(inflight.run(never.wait(), is_cancel=True))
    go.set()
    assert await waiting == 0
    never.set()
    await asyncio.gather(order, late)
