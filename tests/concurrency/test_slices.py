"""Long work in slices: all of it, in order, and others go between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from app.concurrency.slices import SLICE, in_slices


async def test_everything_is_done_in_its_order() -> None:
    """Also the last, short slice, and nothing where there is nothing."""
    items = range(SLICE * 3 + 1)
    done = await in_slices(items, list)
    assert [each for part in done for each in part] == list(items)
    assert [len(part) for part in done] == [SLICE, SLICE, SLICE, 1]
    assert await in_slices([], list) == []
    assert await in_slices([1], list) == [[1]]


async def test_others_go_between_and_long_work_takes_turns() -> None:
    """A step of the loop for everybody else after each slice; no two slices without one, however much long work there is."""
    log: list[str] = []

    def work(part: Sequence[int]) -> int:
        log.append("slice")
        return len(part)

    async def others() -> None:
        while True:
            log.append("other")
            await asyncio.sleep(0)

    going = asyncio.create_task(others())
    await asyncio.gather(*(in_slices(range(SLICE * 10), work) for _ in range(5)))
    going.cancel()
    assert log.count("slice") == 50
    assert "slice slice" not in " ".join(log)


async def test_what_work_raises_ends_it() -> None:
    """And the next has its turn."""
    with pytest.raises(ZeroDivisionError):
        await in_slices(range(SLICE * 2), lambda part: 1 // part[0])
    assert len(await in_slices(range(SLICE * 2), list)) == 2
