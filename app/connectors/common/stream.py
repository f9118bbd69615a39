"""One stream that never stays down, an account's or a market's: connect, subscribe, read, and on any doubt reconnect.

Theory of operation. A stream that has stopped looks exactly like a quiet market, so nothing is repaired in place. Every fault (an
error frame, a closed or silent connection, a notice of the exchange that it will stop, old age) ends the connection; a new one is
made and subscribed from scratch, and a ``Gap`` tells the reader to reconcile by REST. The first event is a ``Gap`` too. A message
that can't be read yields a ``Gap`` as well: the reader then asks for what the message said.

This is the only place that reconnects. The stream raises where another attempt makes no sense: refused credentials, because trying
on would press the exchange for nothing, and faults that nobody foresaw.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Generic, Protocol, TypeVar

from app.clock import Clock
from app.concurrency.waiting import wait_for_event
from app.connectors.common.answers import ErrorAnswer, NoAnswer, Unreadable
from app.domain.errors import CredentialsRefused, OrdergateError
from app.domain.reports import Gap

#: The pauses between attempts double from one second to a minute; a connection that stood for a minute counts as a success.
_FIRST_PAUSE_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 60
_STOOD_SECONDS = 60

#: More doublings would overflow the exponent and lengthen no pause.
_MOST_DOUBLINGS = 6


class StreamEnded(Exception):
    """The connection is over, and why."""


class Socket(Protocol):
    """A subscribed connection."""

    async def event(self) -> Mapping[str, Any]:
        """The next event. Raises ``StreamEnded`` when the connection is over."""

    async def end(self, reason: str) -> None:
        """Close the connection; ``event`` then raises ``StreamEnded`` with ``reason``."""


#: Opens a subscribed connection.
Opener = Callable[[], AbstractAsyncContextManager[Socket]]

Event = TypeVar("Event")


class ReconnectingStream(Generic[Event]):
    """One stream. ``events`` may be iterated once; ``close`` ends it and may be called twice.

    ``translate`` makes an event of the exchange one of ours, or None where it does not concern us; it raises ``Unreadable`` or
    ``StreamEnded``. A connection is renewed after ``max_age`` seconds, before the exchange closes it by itself.
    """

    def __init__(
        self,
        opener: Opener,
        translate: Callable[[Mapping[str, Any]], Event | None],
        clock: Clock,
        *,
        max_age: float,  # float: seconds, no money
    ) -> None:
        self._open = opener
        self._translate = translate
        self._clock = clock
        self._max_age = max_age
        self._closed = asyncio.Event()
        self._socket: Socket | None = None
        self._failures = 0

    async def events(self) -> AsyncGenerator[Event | Gap, None]:
        """Events and gaps until ``close``. Raises ``CredentialsRefused``, and what nobody foresaw."""
        reason = "connected"
        while not self._closed.is_set():
            opened_at: float | None = None  # float: monotonic seconds, no money
            try:
                async with self._open() as socket:
                    opened_at = self._clock.monotonic()
                    if self._closed.is_set():
                        return
                    yield Gap(reason=reason)
                    async with aclosing(self._read(socket)) as events:
                        async for event in events:
                            yield event
            except CredentialsRefused:
                raise
            except (StreamEnded, ErrorAnswer, NoAnswer, OrdergateError, OSError, TimeoutError) as error:
                reason = f"reconnected after: {error}"
                await wait_for_event(self._closed, self._clock, self._pause_seconds(error, opened_at))

    async def close(self) -> None:
        """End the stream, whether it is reading or pausing."""
        self._closed.set()
        if self._socket is not None:
            await self._socket.end("closed by us")

    async def _read(self, socket: Socket) -> AsyncGenerator[Event | Gap, None]:
        self._socket = socket
        old_age = asyncio.create_task(self._end_of_old_age(socket))
        try:
            while True:
                message = await socket.event()
                event: Event | Gap | None
                try:
                    event = self._translate(message)
                except Unreadable as error:
                    event = Gap(reason=f"an event can't be read: {error}")
                if event is not None:
                    yield event
        finally:
            self._socket = None
            old_age.cancel()

    async def _end_of_old_age(self, socket: Socket) -> None:
        await self._clock.sleep(self._max_age)
        await socket.end("its age")

    def _pause_seconds(self, error: Exception, opened_at: float | None) -> float:
        stood = opened_at is not None and self._clock.monotonic() - opened_at >= _STOOD_SECONDS
        self._failures = 0 if stood else min(self._failures + 1, _MOST_DOUBLINGS + 1)
        pause = min(_FIRST_PAUSE_SECONDS << max(self._failures - 1, 0), _LONGEST_PAUSE_SECONDS)
        asked = error.retry_after if isinstance(error, OrdergateError) else None
        return max(pause, asked.total_seconds()) if asked is not None else pause
