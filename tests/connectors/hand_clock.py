"""A clock that a test moves by hand: ``sleep`` waits until the test has advanced far enough."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class HandClock:
    """``asleep`` gives the length of each sleep as it begins."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.asleep: asyncio.Queue[float] = asyncio.Queue()

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, 0, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, future))
        self.asleep.put_nowait(seconds)
        await future

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._elapsed]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._elapsed]
        for _, future in due:
            if not future.done():
                future.set_result(None)

    async def until_asleep(self, seconds: float) -> None:
        """Return when somebody has begun to sleep exactly ``seconds``."""
        while await self.asleep.get() != seconds:
            pass
