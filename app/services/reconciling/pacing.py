"""How much of an exchange's request limits the gateway spends on questions that nobody waits for.

An address shares its limits among all accounts and all callers. What is asked at intervals for each account would grow with their
number until nothing is left for callers, so it is given a share that does not grow: with many accounts each is asked about less
often.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from app.clock import Clock

_MINUTE = 60.0


class Pace:
    """At most ``share`` of the request limits of each connector in any minute, in the order of asking: half of it at once, and half
    of it as the minute goes by.
    """

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock = clock
        self._half = share / 2
        #: What is left by connector, and as of when; all of it where nothing was taken yet.
        self._left: dict[str, tuple[float, float]] = {}
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def take(self, connector_name: str, cost: float) -> bool:
        """Take ``cost`` if there is as much left and nobody waits; whether it was taken."""
        return self.has_room(connector_name, cost) and self._take(connector_name, cost)

    def has_room(self, connector_name: str, cost: float) -> bool:
        """Whether ``take`` would take as much now."""
        return not self._queues[connector_name].locked() and self._is_left(connector_name, cost)

    async def wait(self, connector_name: str, cost: float) -> None:
        """Take ``cost`` as soon as there is as much left."""
        async with self._queues[connector_name]:
            while not self._take(connector_name, cost):
                missing = min(cost, self._half) - self._now_left(connector_name)
                await self._clock.sleep(missing / self._half * _MINUTE)

    def _take(self, connector_name: str, cost: float) -> bool:
        if not self._is_left(connector_name, cost):
            return False
        left = max(0.0, self._now_left(connector_name) - cost)
        self._left[connector_name] = (left, self._clock.monotonic())
        return True

    def _is_left(self, connector_name: str, cost: float) -> bool:
        # A sliver is rounding. What costs more than half of the share may go when nothing is taken.
        return self._now_left(connector_name) + 1e-9 >= min(cost, self._half)

    def _now_left(self, connector_name: str) -> float:
        left, at = self._left.get(connector_name, (self._half, 0.0))
        return min(self._half, left + (self._clock.monotonic() - at) / _MINUTE * self._half)
