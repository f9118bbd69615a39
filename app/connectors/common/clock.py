"""The exchange's clock as seen from here: the base of every signed timestamp.

It runs on the monotonic clock from the last answer of the exchange, so a jump of the local clock moves nothing. Before the
first answer the local time stands in. It does no I/O; the venue asks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def instant(milliseconds: int) -> datetime:
    """The time that lies ``milliseconds`` after 1970, exactly."""
    return _EPOCH + milliseconds * _MILLISECOND


def milliseconds_of(at: datetime) -> int:
    """How many whole milliseconds ``at`` lies after 1970."""
    return (at - _EPOCH) // _MILLISECOND


class ServerClock:
    """What time it is at the exchange."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether the exchange has been asked at all."""
        return self._base_ms is not None

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
        """Take over ``server_ms``, read half way between the two monotonic times."""
        self._base_ms = server_ms - (asked_ms + answered_ms) // 2
