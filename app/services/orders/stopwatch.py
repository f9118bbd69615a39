"""How long each step of placing an order takes. It measures and knows nothing of orders."""

from __future__ import annotations

from app.clock import Clock


class Stopwatch:
    """The seconds of each step of one call to the exchange. A step that is measured twice is added up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, step: str) -> float:
        """End the present lap as ``step`` and return its seconds."""
        now = self._clock.monotonic()
        passed = now - self._last
        self._last = now
        self.laps[step] = self.laps.get(step, 0.0) + passed
        return passed
