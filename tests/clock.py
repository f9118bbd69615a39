"""A clock that stands still until a test moves it: waiting without waiting."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

#: When every test begins, unless it says otherwise.
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` whose time is what ``advance`` makes it. Sleepers wake when their time has come, in its order."""

    def __init__(self, now: datetime = START) -> None:
        self._start = self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Move the time on and wake whoever's time has come; they run when the test next awaits."""
        self._now += timedelta(seconds=seconds)
        due = sorted((each for each in self._sleepers if each[0] <= self._now), key=lambda each: each[0])
        self._sleepers = [each for each in self._sleepers if each[0] > self._now]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back; no time passes."""
        by = timedelta(seconds=seconds)
        self._now, self._start = self._now + by, self._start + by
        self._sleepers = [(at + by, woken) for at, woken in self._sleepers]

    @property
    def sleepers(self) -> int:
        """How many are asleep."""
        return sum(not woken.done() for _, woken in self._sleepers)
