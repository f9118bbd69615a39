"""Where the time of one order went: seconds by step, as measured by the clock that was passed in."""

from __future__ import annotations

from app.clock import Clock


class Stopwatch:
    """Laps from the moment it is made. A step that comes twice is added up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, step: str) -> float:
        """End the present lap as ``step``; its seconds."""
        now = self._clock.monotonic()
        passed = now - self._last
        self._last = now
        self.laps[step] = self.laps.get(step, 0.0) + passed
        return passed
