"""Whose work can wait: strangers' requests, and what comes in large pieces, one small piece after the other.

The event loop does everything that is ready before it looks for more, so a thousand strangers who ask at the same moment would keep
an order waiting for all of them. They take turns instead: between two of them there is time for everybody else. Each user has a
line, each address has one for those who have not signed in, and the lines go in turn. Whoever has shown the right credentials
before does not wait on a new connection; whether they still are right is decided for each request, elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Generator, Hashable, Iterable
from typing import Any

#: Seconds between two turns.
PAUSE = 0.001
#: A pause is at least so many times as long as the work before it, so that turns leave most of the time to the others.
_TIMES = 4
#: Seconds of a pause at the most, however slow the machine is.
_LONGEST = 0.25

#: Credentials that are known: far more than one gateway has users.
_KNOWN = 1024

Work = Callable[[], None]
Headers = Iterable[tuple[bytes, bytes]]


class Turns:
    """The turns of one process. Each member waits for one turn at most, in the line that it had when it began to wait."""

    def __init__(self) -> None:
        #: The lines, the next one first, and the members of each, the next one first.
        self._lines: dict[Hashable, dict[Hashable, Work]] = {}
        self._line_of: dict[Hashable, Hashable] = {}
        self._pause: asyncio.TimerHandle | None = None
        #: Seconds of work since the last turn.
        self._spent = 0.0

    def __len__(self) -> int:
        return len(self._line_of)

    def take(self, member: Hashable, line: Hashable, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        """Call ``work`` in the next turn of ``member``, at once if there was no turn just before."""
        if self._pause is None:
            self._call(work, loop)
        elif member not in self._line_of:
            self._line_of[member] = line
            self._lines.setdefault(line, {})[member] = work

    def forget(self, member: Hashable) -> None:
        """Let ``member`` wait no longer, if it does."""
        if member in self._line_of:
            line = self._line_of.pop(member)
            del self._lines[line][member]
            if not self._lines[line]:
                del self._lines[line]

    def charge(self, seconds: float) -> None:
        """Let the next turn come the later: somebody has worked so long on what a turn began."""
        self._spent += seconds

    def _call(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        self._pause = loop.call_later(PAUSE, self._go_on, loop)
        # Not the loop's time, which stands still while a callback runs.
        began = time.monotonic()
        try:
            work()
        finally:
            self.charge(time.monotonic() - began)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        rest, self._spent = self._spent * _TIMES - PAUSE, 0.0
        if rest > PAUSE:
            self._pause = loop.call_later(min(rest, _LONGEST), self._go_on, loop)
            return
        self._pause = None
        if self._lines:
            line, members = next(iter(self._lines.items()))
            member, work = next(iter(members.items()))
            self.forget(member)
            if line in self._lines:
                self._lines[line] = self._lines.pop(line)
            self._call(work, loop)


class Charged(Generator[Any, Any, Any]):
    """Awaits ``work``, and tells ``charge`` for how many seconds each of its steps kept the loop."""

    def __init__(self, work: Coroutine[Any, Any, Any], charge: Callable[[float], None]) -> None:
        self._work = work
        self._charge = charge

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def send(self, value: Any) -> Any:
        """The next step."""
        return self._step(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        """The next step, with an exception."""
        return self._step(self._work.throw, *error)

    def _step(self, step: Callable[..., Any], *given: Any) -> Any:
        began = time.monotonic()
        try:
            return step(*given)
        finally:
            self._charge(time.monotonic() - began)


class Acquaintance:
    """The ``Authorization`` headers that were right, as keyed hashes."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def remember(self, headers: Headers) -> None:
        """A request with these headers had the right credentials."""
        key = self._key(headers)
        if key is not None:
            self._seen[key] = None
            self._seen.move_to_end(key)
            if len(self._seen) > _KNOWN:
                self._seen.popitem(last=False)

    def recognizes(self, headers: Headers) -> bool:
        """Whether a request with the same credentials was right before."""
        return self._key(headers) in self._seen

    def _key(self, headers: Headers) -> bytes | None:
        value = next((value for name, value in headers if name == b"authorization"), None)
        return None if value is None else hashlib.blake2b(value, key=self._secret, digest_size=32).digest()
