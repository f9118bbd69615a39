"""Time as an argument: nothing in the gateway reads the system's clock except through a ``Clock`` that it was given.

It is what makes waiting, grace times and synthetic markets testable without waiting. Only this file may call ``datetime.now``.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump, for measuring durations only."""

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
