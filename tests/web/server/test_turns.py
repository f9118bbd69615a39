"""Whose turn it is, and how long the others have between two turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from app.web.server import turns as turns_module
from app.web.server.turns import PAUSE, Charged, Turns


class Timers:
    """A clock that a test moves: the timers that were set, instead of a loop's."""

    def __init__(self) -> None:
        self.pending: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def call_later(self, delay: float, callback: Callable[..., None], *arguments: Any) -> object:
        self.pending.append((delay, callback, arguments))
        return self

    def fire(self) -> float:
        """Let the only timer come, and return the seconds that it was set to."""
        ((delay, callback, arguments),) = self.pending
        self.pending.clear()
        callback(*arguments)
        return delay


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """The timers; work itself takes no time."""
    monkeypatch.setattr(turns_module.time, "monotonic", lambda: 0.0)
    return Timers()


def loop_of(timers: Timers) -> asyncio.AbstractEventLoop:
    return cast(asyncio.AbstractEventLoop, timers)


def test_one_works_in_a_turn_and_the_lines_follow_each_other(timers: Timers) -> None:
    """A line of many does not keep another waiting for all of them."""
    turns, done = Turns(), list[str]()
    for member in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.take(member, member[0], lambda member=member: done.append(member), loop_of(timers))  # type: ignore[misc]
        turns.take(member, member[0], lambda: done.append("twice"), loop_of(timers))
    assert done == ["a1"]
    turns.forget("a3")
    counts = []
    while len(turns):
        assert timers.fire() == PAUSE
        counts.append(len(done))
    # The first has had its turn and asked once more.
    assert done == ["a1", "twice", "b1", "c1", "a2", "b2"]
    assert counts == [2, 3, 4, 5, 6]
    timers.fire()
    assert timers.pending == []
    turns.take("d", "d", lambda: done.append("d"), loop_of(timers))
    assert done[-1] == "d"


def test_what_costs_much_is_followed_by_a_long_pause(timers: Timers) -> None:
    """Most of the time is the others', however slow the machine is; but no turn is put off without end."""
    turns, done = Turns(), list[str]()
    turns.take("a", "", lambda: turns.charge(0.01), loop_of(timers))
    turns.take("b", "", lambda: done.append("b"), loop_of(timers))
    turns.charge(0.01)
    assert timers.fire() == PAUSE
    assert done == []
    assert timers.fire() == pytest.approx(0.08 - PAUSE)
    assert done == ["b"]
    turns.charge(60.0)
    timers.fire()
    assert timers.fire() < 1.0


def test_work_that_fails_is_no_end_of_the_turns(timers: Timers) -> None:
    """The next one comes."""
    turns, done = Turns(), list[str]()
    with pytest.raises(ZeroDivisionError):
        turns.take("a", "", lambda: 1 / 0, loop_of(timers))  # type: ignore[arg-type, return-value]
    turns.take("b", "", lambda: done.append("b"), loop_of(timers))
    timers.fire()
    assert done == ["b"]


async def test_what_a_task_costs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps, and not what it waits for; its result and what it fails with are the work's own."""
    now = 0.0
    monkeypatch.setattr(turns_module.time, "monotonic", lambda: now)
    spent: list[float] = []

    async def work() -> str:
        nonlocal now
        now += 1
        await asyncio.sleep(0)
        now += 2
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            now += 4
        return "done"

    async def outer() -> Any:
        return await Charged(work(), spent.append)

    task = asyncio.create_task(outer())
    while len(spent) < 2:
        await asyncio.sleep(0)
        now += 100
    task.cancel()
    assert await task == "done"
    assert spent == [1, 2, 4]
