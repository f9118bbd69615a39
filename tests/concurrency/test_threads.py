"""What is opened on a thread is its caller's, or closed again."""

from __future__ import annotations

import asyncio
import threading

import pytest

from app.concurrency.threads import open_in_thread


async def test_it_is_the_caller_s() -> None:
    """Whoever waits to the end gets it, open."""
    closed: list[str] = []
    assert await open_in_thread(lambda: "door", closed.append) == "door"
    assert closed == []


async def test_for_a_caller_who_is_cancelled_it_is_closed() -> None:
    """The thread can't be stopped: what it brings has been closed when the cancellation is told."""
    closed: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def open_slowly() -> str:
        begun.set()
        may_end.wait()
        return "door"

    caller = asyncio.create_task(open_in_thread(open_slowly, closed.append))
    await asyncio.to_thread(begun.wait)
    caller.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert closed == ["door"]


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_what_could_not_be_opened_is_not_closed(is_cancelled: bool) -> None:
    """The caller is told why, or of the cancellation."""
    closed: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def fail() -> str:
        begun.set()
        may_end.wait()
        raise OSError("it is locked")

    caller = asyncio.create_task(open_in_thread(fail, closed.append))
    await asyncio.to_thread(begun.wait)
    if is_cancelled:
        caller.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError if is_cancelled else OSError):
        await caller
    assert closed == []
