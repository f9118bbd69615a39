"""Failed sign-ins, by who makes them: how many are verified at all, what is counted, and what the log says.

To verify a password costs a fifth of a second of the processor and 64 MiB; to guess costs nothing. So a party has a few attempts,
and then one every few seconds. A user, too, for all parties together: that bounds guessing from many addresses. Parties from which
the user has signed in before do not depend on that. Nothing here knows a password.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from app.clock import Clock
from app.domain.errors import TooManySignIns

log = structlog.get_logger(__name__)

#: Failed attempts of a party: so many at once, then one in so many seconds.
PARTY_BURST, PARTY_SECONDS = 10, 6.0
#: The same of a user, over all parties that have never signed in as that user.
USER_BURST, USER_SECONDS = 60, 1.0
#: Failed codes of a user, over all parties: there are a million of them, and whoever guesses has the password already.
CODE_BURST, CODE_SECONDS = 10, 30.0
#: Parties, users and pairs of them that are remembered; the one that was used least recently goes first.
REMEMBERED = 4096
#: Seconds in which the failures of a party are one line of the log, and the lines that all parties may write in them.
LOG_SECONDS, LOG_LINES = 60.0, 30

K = TypeVar("K", bound=Hashable)


class Buckets(Generic[K]):
    """Attempts by key: ``burst`` at once, and one more every ``seconds``."""

    def __init__(self, burst: int, seconds: float) -> None:
        self._burst = burst
        self._seconds = seconds
        #: The monotonic moment at which a bucket is full again; absent is full.
        self._full_at: OrderedDict[K, float] = OrderedDict()

    def wait(self, key: K, now: float) -> float:
        """The seconds until there is an attempt for ``key``; 0 if there is one now."""
        owed = self._full_at.get(key, now) - now
        return max(0.0, owed - (self._burst - 1) * self._seconds)

    def take(self, key: K, now: float) -> None:
        """Use an attempt."""
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._seconds
        self._full_at.move_to_end(key)
        if len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)

    def give_back(self, key: K) -> None:
        """The attempt was none."""
        if key in self._full_at:
            self._full_at[key] -= self._seconds


@dataclass(slots=True)
class _Noted:
    """Failures of a party since its last line of the log."""

    count: int
    logged_at: float


class SignIns:
    """The sign-ins of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parties: Buckets[str] = Buckets(PARTY_BURST, PARTY_SECONDS)
        self._users: Buckets[str] = Buckets(USER_BURST, USER_SECONDS)
        self._codes: Buckets[str] = Buckets(CODE_BURST, CODE_SECONDS)
        #: Who has signed in from where.
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._noted: OrderedDict[str, _Noted] = OrderedDict()
        self._lines, self._lines_since = 0, clock.monotonic()

    def is_known(self, party: str, username: str) -> bool:
        """Whether the user has signed in from there."""
        return (party, username) in self._known

    def begin(self, party: str, username: str) -> None:
        """Use an attempt. Raises ``TooManySignIns`` if there is none."""
        counts_for_user = not self.is_known(party, username)
        self._take((self._parties, party), *([(self._users, username)] if counts_for_user else []))

    def give_back(self, party: str, username: str) -> None:
        """The attempt that was begun came to nothing, such as for want of memory."""
        self._parties.give_back(party)
        if not self.is_known(party, username):
            self._users.give_back(username)

    def begin_code(self, party: str, username: str) -> None:
        """Use an attempt at a code of a user whose password was right. Raises ``TooManySignIns`` if there is none."""
        self._take((self._parties, party), (self._codes, username))

    def give_code_back(self, party: str, username: str) -> None:
        """The code was right, or there was none."""
        self._parties.give_back(party)
        self._codes.give_back(username)

    def _take(self, *counted: tuple[Buckets[str], str]) -> None:
        now = self._clock.monotonic()
        wait = max(buckets.wait(key, now) for buckets, key in counted)
        if wait > 0:
            raise TooManySignIns(timedelta(seconds=wait))
        for buckets, key in counted:
            buckets.take(key, now)

    def succeeded(self, party: str, username: str) -> None:
        """The attempt was right."""
        self.give_back(party, username)
        self._known[party, username] = None
        self._known.move_to_end((party, username))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def note_failure(self, party: str) -> None:
        """Log a refusal, or count it for the party's next line."""
        now = self._clock.monotonic()
        noted = self._noted.setdefault(party, _Noted(0, now - LOG_SECONDS))
        self._noted.move_to_end(party)
        if len(self._noted) > REMEMBERED:
            self._noted.popitem(last=False)
        noted.count += 1
        if now - self._lines_since >= LOG_SECONDS:
            self._lines, self._lines_since = 0, now
        if now - noted.logged_at >= LOG_SECONDS and self._lines < LOG_LINES:
            self._lines += 1
            log.warning("sign-ins refused", address=party, count=noted.count)
            noted.count, noted.logged_at = 0, now
