"""One stream that never stays down, an account's or a market's: connect, subscribe, read, and on any doubt reconnect.

Theory of operation. A stream that has stopped looks exactly like a quiet market, so nothing is repaired in place. Every fault (an
error frame, a closed or silent connection, a notice of the exchange that it will stop, old age) ends the connection; a new one is
made and subscribed from scratch, and a ``Gap`` tells the reader to reconcile by REST. The first event is a ``Gap`` too. A message
that can't be read yields a ``Gap`` as well, though not too often: the reader then asks for what the message said.

This is the only place that reconnects. The stream raises where another attempt makes no sense: refused credentials, because trying
on at once would press the exchange for nothing, and faults that nobody foresaw. ``services.reconciling.feed`` then starts a new
stream, after refused credentials no earlier than half a minute later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Generic, Protocol, TypeVar

from app.clock import Clock
from app.concurrency.backoff import Backoff, doubling
from app.concurrency.waiting import wait_for_event
from app.connectors.common.answers import ErrorAnswer, NoAnswer, Unreadable
from app.connectors.common.lists import OddRows
from app.connectors.rows import UnreadableRow
from app.domain.errors import CredentialsRefused, OrdergateError
from app.domain.reports import Gap

#: The pauses between attempts in seconds; a connection that stood for a minute counts as a success.
_RECONNECT_PAUSES = doubling(1.0, 60.0)
_STOOD_SECONDS = 60

#: Seconds between two gaps because of events that can't be read.
_UNREADABLE_PAUSE = 10


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
        max_age: float,  # seconds
        odd: OddRows | None = None,
    ) -> None:
        self._open = opener
        self._translate = translate
        self._clock = clock
        self._max_age = max_age
        self._odd = odd
        #: When an event that can't be read last made the reader reconcile.
        self._reconciled_at: float | None = None  # monotonic seconds
        self._closed = asyncio.Event()
        self._socket: Socket | None = None
        self._backoff = Backoff(_RECONNECT_PAUSES)

    async def events(self) -> AsyncGenerator[Event | Gap, None]:
        """Events and gaps until ``close``. Raises ``CredentialsRefused``, and what nobody foresaw."""
        reason = "connected"
        while not self._closed.is_set():
            opened_at: float | None = None  # monotonic seconds
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
                    event = self._gap_of(error)
                if event is not None:
                    yield event
        finally:
            self._socket = None
            old_age.cancel()

    def _gap_of(self, error: Unreadable) -> Gap | None:
        """What an event that can't be read means. Many of them, of another program's orders perhaps, must not eat the request
        limits: within some seconds one is enough, and what it does not find the reader's next look does.
        """
        if self._odd is not None:
            self._odd.note("events", [UnreadableRow(why=str(error))])
        now = self._clock.monotonic()
        if self._reconciled_at is not None and now - self._reconciled_at < _UNREADABLE_PAUSE:
            return None
        self._reconciled_at = now
        return Gap(reason=f"an event can't be read: {error}")

    async def _end_of_old_age(self, socket: Socket) -> None:
        await self._clock.sleep(self._max_age)
        await socket.end("its age")

    def _pause_seconds(self, error: Exception, opened_at: float | None) -> float:
        if opened_at is not None and self._clock.monotonic() - opened_at >= _STOOD_SECONDS:
            self._backoff.reset()
            pause = _RECONNECT_PAUSES[0]
        else:
            pause = self._backoff.next_pause()
        asked = error.retry_after if isinstance(error, OrdergateError) else None
        return max(pause, asked.total_seconds()) if asked is not None else pause
