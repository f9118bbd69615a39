"""How much of an exchange's allowance is used, and when to stop asking.

An exchange counts requests per address, and orders per account, in windows that begin at whole multiples of their length. It
returns the counts in headers. After an error that says "too many", every call of the address is held for as long as the exchange
says: going on would turn a pause of seconds into a ban of days. A held call raises ``RateLimited`` and nothing is sent. Nothing
here waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.connectors.common.answers import ErrorAnswer
from app.domain.errors import RateLimited

#: Questions stop at nine tenths of the limit, so that orders and cancels always have the last tenth.
_QUESTIONS_PERCENT = 90

_MINUTE_MS = 60_000

#: No real ban is longer than three days; a longer one is a garbled header.
_LONGEST_MS = 3 * 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most ``limit`` in each window of ``window_ms``, as counted in ``header``."""

    header: str
    window_ms: int
    limit: int


class Usage:
    """The last counts in the headers that begin with ``prefix``, each valid for the window in which it came."""

    def __init__(self, prefix: str, server_ms: Callable[[], int]) -> None:
        self._prefix = prefix
        self._server_ms = server_ms
        self._counts: dict[str, tuple[int, int]] = {}

    def note(self, headers: Mapping[str, str]) -> None:
        """Remember the counts in ``headers``; a header that is no number is not a count."""
        for name, value in headers.items():
            if name.startswith(self._prefix) and value.isascii() and value.isdecimal():
                self._counts[name] = (self._server_ms(), int(value))

    def full_for(self, limits: Sequence[RateLimit], *, percent: int = 100) -> int:
        """The milliseconds until every window has room again; zero if there is room now."""
        longest = 0
        for limit in limits:
            count = self._counts.get(limit.header)
            # The window is looked at last, because a count is below its limit most of the time.
            if count is not None and count[1] * 100 >= limit.limit * percent and self.used_of(limit):
                longest = max(longest, limit.window_ms - self._server_ms() % limit.window_ms)
        return longest

    def used_of(self, limit: RateLimit) -> int:
        """The last count in the present window of ``limit``; zero if none came in it."""
        counted_at, used = self._counts.get(limit.header, (0, 0))
        return used if counted_at // limit.window_ms == self._server_ms() // limit.window_ms else 0


class AddressLimits:
    """The gate of one address to ``exchange``: ``check`` before each call, ``note`` after each answer.

    ``prefix`` begins the headers that count the address's requests. ``pause_ms`` says how many milliseconds an error answer at a
    server time asks for; None where it asks for no pause.
    """

    def __init__(
        self,
        exchange: str,
        *,
        server_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        prefix: str,
        pause_ms: Callable[[ErrorAnswer, int], int | None],
    ) -> None:
        self.exchange = exchange
        self._server_ms = server_ms
        self._monotonic_ms = monotonic_ms
        self._prefix = prefix
        self._pause_ms = pause_ms
        self._held_until_ms: int | None = None
        self._usage = Usage(prefix, server_ms)
        self.limits: tuple[RateLimit, ...] = ()

    @property
    def hold(self) -> timedelta | None:
        """How long no call may be sent; None if calls may be sent."""
        if self._held_until_ms is None:
            return None
        left = self._held_until_ms - self._monotonic_ms()
        return timedelta(milliseconds=left) if left > 0 else None

    @property
    def headroom(self) -> float:
        """The share of the request limits that is left, from 0 to 1; 0 during a hold."""
        if self.hold is not None:
            return 0.0
        counted = [limit for limit in self.limits if limit.header.startswith(self._prefix)]
        return min((max(0.0, 1 - self._usage.used_of(limit) / limit.limit) for limit in counted), default=1.0)

    def per_minute(self, default: int) -> int:
        """The requests, or their weight, that the address may spend in a minute; ``default`` until the exchange has told."""
        known = [
            limit.limit * _MINUTE_MS // limit.window_ms
            for limit in self.limits
            if limit.header.startswith(self._prefix)
        ]
        return min((each for each in known if each > 0), default=default)

    def check(self, *, is_question: bool) -> None:
        """Raise ``RateLimited`` if a call must not be sent now."""
        hold = self.hold
        if hold is None:
            full_for = self._usage.full_for(self.limits, percent=_QUESTIONS_PERCENT if is_question else 100)
            hold = timedelta(milliseconds=full_for) if full_for else None
        if hold is not None:
            raise rate_limited(self.exchange, hold)

    def note(self, headers: Mapping[str, str], error: ErrorAnswer | None = None) -> None:
        """Remember the counts of an answer, and hold the address if the answer asks for a pause."""
        self._usage.note(headers)
        pause = None if error is None else self._pause_ms(error, self._server_ms())
        if pause is not None:
            until = self._monotonic_ms() + min(pause, _LONGEST_MS)
            self._held_until_ms = max(until, self._held_until_ms or until)


def rate_limited(exchange: str, hold: timedelta) -> RateLimited:
    """The refusal of a call that was held back."""
    seconds = max(1, -(-hold // timedelta(seconds=1)))
    return RateLimited(f"{exchange} wants no request for {seconds} s; nothing was sent", retry_after=hold)
