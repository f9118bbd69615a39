"""What may go one way or another, decided by a seed: the order of turns, delays, crashes at named steps, and when to disrupt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from tests.simulation.randomness import stream

if TYPE_CHECKING:
    from tests.simulation.kernel import Host

AtPoint = Literal["go on", "wait", "stand", "die"]

#: A process that stands in a transaction holds the database's lock; nobody else could run meanwhile.
_IN_TRANSACTION = ".before_commit"

#: The longest delays of what happens beside a loop, in seconds.
_DELAYS = {"job": 0.002, "wake": 0.03, "thread": 0.001, "join": 0.001}
_LONG_DELAY = 0.05

#: How long a process may stand still, in seconds: less than a call's time, more than that, and more than all graces together.
_STANDSTILLS = (0.5, 3.0, 20.0, 90.0)


class Policy(Protocol):
    """Decides for the kernel."""

    def delay(self, label: str) -> float:
        """Seconds until an event may happen that has no time of its own."""

    def choose_host(self, ready: Sequence[Host]) -> Host:
        """Whose turn it is."""

    def at_point(self, name: str, host: str) -> AtPoint:
        """What happens at a named step of the program."""

    def next_disruption(self, steps: int) -> int:
        """The number of steps after which to disrupt."""

    def standstill(self) -> float:
        """How long a process stands still, in seconds."""

    def note_crash(self, host: str, where: str) -> None:
        """A process has died."""


class SeededPolicy:
    """By a seed. ``steps_per_disruption`` is an average; ``crash_points`` and
    ``stand_points`` are the shares of named steps at which a process dies, and at which it stands still."""

    def __init__(self, seed: int, *, steps_per_disruption: int, crash_points: float, stand_points: float) -> None:
        self._turns = stream(seed, "turns")
        self._delays = stream(seed, "delays")
        self._points = stream(seed, "points")
        self._disruptions = stream(seed, "disruptions")
        self._steps_per_disruption = steps_per_disruption
        self._crash_points = crash_points
        self._stand_points = stand_points
        self.is_calm = False
        self.crashes: Counter[str] = Counter()

    def delay(self, label: str) -> float:
        drawn = self._delays.random()
        if drawn > 0.99:
            return _LONG_DELAY * self._delays.random()
        return drawn * _DELAYS.get(label, 0.002)

    def choose_host(self, ready: Sequence[Host]) -> Host:
        return ready[0] if len(ready) == 1 else ready[int(self._turns.random() * len(ready))]

    def at_point(self, name: str, host: str) -> AtPoint:
        if self.is_calm:
            return "go on"
        drawn = self._points.random()
        if drawn < self._crash_points:
            return "die"
        if name.endswith(_IN_TRANSACTION):
            return "go on"
        if drawn < self._crash_points + self._stand_points:
            return "stand"
        return "wait" if drawn > 0.9 else "go on"

    def standstill(self) -> float:
        """How long a process stands still."""
        self.crashes["stood still"] += 1
        return self._disruptions.choice(_STANDSTILLS) * (0.5 + self._disruptions.random() / 2)

    def next_disruption(self, steps: int) -> int:
        return steps + 1 + int(self._disruptions.random() * 2 * self._steps_per_disruption)

    def note_crash(self, host: str, where: str) -> None:
        self.crashes[where] += 1
