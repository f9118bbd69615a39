"""The exchange's clock as seen from here: the base of every signed timestamp.

It runs on the monotonic clock from the exchange's last answer, so a jump of the local clock moves nothing. Before the first answer
the local time is used. It does no I/O; the venue asks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def instant(milliseconds: int) -> datetime:
    """The time exactly ``milliseconds`` after 1970."""
    return _EPOCH + milliseconds * _MILLISECOND


def milliseconds_of(at: datetime) -> int:
    """The whole milliseconds from 1970 to ``at``."""
    return (at - _EPOCH) // _MILLISECOND


class ServerClock:
    """The time at the exchange."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms: int | None = None

    def monotonic_ms(self) -> int:
        """Milliseconds that never jump."""
        return int(self._clock.monotonic() * 1000)

    def now_ms(self) -> int:
        """The exchange's time in milliseconds after 1970."""
        if self._base_ms is None:
            return milliseconds_of(self._clock.now())
        return self._base_ms + self.monotonic_ms()

    def now(self) -> datetime:
        """The exchange's time."""
        return instant(self.now_ms())

    def set(self, server_ms: int, *, asked_ms: int, answered_ms: int) -> None:
        """Set the clock to ``server_ms``, which the exchange read half way between the two monotonic times."""
        self._base_ms = server_ms - (asked_ms + answered_ms) // 2
