"""Growing pauses between attempts at something that fails."""

from __future__ import annotations

from collections.abc import Sequence


class Backoff:
    """The pauses of one thing that is attempted again and again, in seconds. After the last pause, the last repeats."""

    def __init__(self, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._taken = 0

    def next_pause(self) -> float:
        """The seconds to wait before the next attempt; each call takes one pause."""
        pause = self._pauses[min(self._taken, len(self._pauses) - 1)]
        self._taken += 1
        return pause

    def reset(self) -> None:
        """Begin with the first pause again, because an attempt succeeded."""
        self._taken = 0


def doubling(first: float, longest: float) -> Sequence[float]:
    """Pauses that double from ``first`` up to ``longest`` seconds."""
    pauses = [first]
    while pauses[-1] < longest:
        pauses.append(min(2 * pauses[-1], longest))
    return pauses
