"""One connection for all market streams below one address: opened for the first follower, closed after the last.

Theory of operation. The connection is a ``ReconnectingStream`` like an account's, so all that ends and renews it is there. What is
added is the bookkeeping of followers: a writer task sends subscriptions and unsubscriptions whenever the followed streams change,
one message at a time, slowly enough for the exchange's limits however fast followers come and go. A stream counts from the moment
its subscription was confirmed; its followers then get a ``Gap`` and read over REST what they missed. When the connection goes, all
followers get ``Lost``. The messages themselves are the exchange's (``MarketProtocol``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from app.clock import Clock
from app.connectors.common.answers import Unreadable
from app.connectors.common.queue import MarketQueue
from app.connectors.common.stream import ReconnectingStream, Socket, StreamEnded
from app.domain.errors import ExchangeDown
from app.domain.reports import Gap, Lost, MarketEvent

#: How long the confirmation of a request may take.
_ANSWER_SECONDS = 10

#: A connection on which nothing at all came for so long is made anew, however politely it answers pings.
SILENCE_SECONDS = 60

#: How long a connection without followers stays open, so that followers who come and go do not open one each time: exchanges limit
#: how many an address may open.
LINGER_SECONDS = 5

Request = Literal["subscribe", "unsubscribe"]


class Confirmed(NamedTuple):
    """The exchange confirms a request."""

    request_id: int


class Published(NamedTuple):
    """The exchange published ``payload`` on the stream ``name``."""

    name: str
    payload: Any


class MarketSocket(Socket, Protocol):
    """A connection to market streams, which takes requests."""

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message. Raises ``StreamEnded``."""


class Reader(Protocol):
    """Turns the payloads of one stream into events."""

    def restart(self) -> None:
        """The stream begins anew, so what came before no longer counts."""

    def read(self, payload: Any) -> Sequence[MarketEvent]:
        """The events in one payload. Raises ``Unreadable``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketProtocol:
    """How one exchange's market streams are subscribed, and how much of that the exchange takes.

    ``connect`` opens a connection that listens to no stream yet. ``request`` makes the message that subscribes to streams or
    unsubscribes from them, from their names and an id. ``read`` says what a message is, None for one that does not matter; it
    raises ``StreamEnded`` where the connection must be made anew. Times are seconds; ``pause`` is the one between two requests.
    """

    connect: Callable[[], AbstractAsyncContextManager[MarketSocket]]
    request: Callable[[Request, Sequence[str], int], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any]], Confirmed | Published | None]
    max_age: float
    pause: float
    names_per_request: int
    streams_per_connection: int


@dataclass(slots=True)
class _Followed:
    """One stream and its followers."""

    reader: Reader
    queues: list[MarketQueue] = field(default_factory=list)

    def publish(self, events: Sequence[MarketEvent]) -> None:
        for queue in self.queues:
            for event in events:
                queue.put(event)


@dataclass(slots=True)
class _Subscriptions:
    """The streams that one connection has requested, and those that are confirmed. Each connection has its own, because one that
    closes slowly may still be there when the next is open.
    """

    requested: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)


class MarketStreams:
    """The streams that ``protocol`` reaches. ``close`` ends all of them and may be called twice."""

    def __init__(self, protocol: MarketProtocol, clock: Clock, *, is_closed: bool = False) -> None:
        self._protocol = protocol
        self._clock = clock
        self._followed: dict[str, _Followed] = {}
        self._subscriptions = _Subscriptions()
        self._changed = asyncio.Event()
        self._confirmation: tuple[int, asyncio.Future[None]] | None = None
        self._requests = 0
        self._heard_at = 0.0  # monotonic seconds
        self._stream: ReconnectingStream[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = is_closed

    async def follow(self, name: str, reader: Reader) -> AsyncGenerator[MarketEvent, None]:
        """The events of the stream ``name`` until the iterator is closed. ``reader`` is used if nobody follows it yet."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed")
        queue = self._join(name, reader)
        try:
            while True:
                yield await queue.next()
        finally:
            self._leave(name, queue)

    async def close(self) -> None:
        """End all streams; their followers get ``ExchangeDown``."""
        self._is_closed = True
        self._fail(ExchangeDown("The connector is closed"))
        await self._stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- followers ------------------------------------------------------------------------------------------------------

    def _join(self, name: str, reader: Reader) -> MarketQueue:
        queue = MarketQueue()
        followed = self._followed.setdefault(name, _Followed(reader))
        followed.queues.append(queue)
        if name in self._subscriptions.confirmed:
            queue.put(Gap())
        self._changed.set()
        if self._stream is None:
            self._stream = ReconnectingStream(self._open, self._take, self._clock, max_age=self._protocol.max_age)
            self._spawn(self._run(self._stream))
        return queue

    def _leave(self, name: str, queue: MarketQueue) -> None:
        followed = self._followed[name]
        followed.queues.remove(queue)
        if not followed.queues:
            del self._followed[name]
            self._changed.set()
        if not self._followed and not self._is_closed:
            self._spawn(self._linger())

    async def _linger(self) -> None:
        await self._clock.sleep(LINGER_SECONDS)
        if not self._followed:
            await self._stop()

    async def _stop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    # -- the connection -------------------------------------------------------------------------------------------------

    async def _run(self, stream: ReconnectingStream[None]) -> None:
        try:
            async with aclosing(stream.events()) as events:
                async for _ in events:
                    continue  # each event has been published to its followers
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: the followers must hear of it, and may follow again
            if self._stream is stream:
                self._stream = None
            self._fail(error)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Socket]:
        async with self._protocol.connect() as socket:
            self._heard_at = self._clock.monotonic()
            subscriptions = self._subscriptions = _Subscriptions()
            self._changed.set()
            work = [
                asyncio.create_task(each)
                for each in (self._keep_subscribed(socket, subscriptions), self._end_of_silence(socket, subscriptions))
            ]
            try:
                yield socket
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                if self._subscriptions is subscriptions:
                    self._subscriptions = _Subscriptions()
                    for followed in self._followed.values():
                        followed.publish([Lost(reason="the connection is down")])

    def _take(self, message: Mapping[str, Any]) -> None:
        """Take one message of the exchange. Raises ``StreamEnded``."""
        self._heard_at = self._clock.monotonic()
        match self._protocol.read(message):
            case Published(name, payload):
                self._publish(name, payload)
            case Confirmed(request_id):
                if self._confirmation is not None and request_id == self._confirmation[0]:
                    _complete(self._confirmation[1])

    def _publish(self, name: str, payload: Any) -> None:
        followed = self._followed.get(name)
        if followed is None or name not in self._subscriptions.confirmed:
            return
        try:
            events = followed.reader.read(payload)
        except Unreadable as error:
            events = [Gap(reason=f"a message can't be read: {error}")]
        followed.publish(events)

    # -- subscriptions --------------------------------------------------------------------------------------------------

    async def _keep_subscribed(self, socket: MarketSocket, subscriptions: _Subscriptions) -> None:
        """Subscribe to the followed streams and unsubscribe from the others, whenever that has changed."""
        try:
            while self._subscriptions is subscriptions:
                await self._changed.wait()
                names, request = self._next_request(subscriptions)
                if not names:
                    self._changed.clear()
                    continue
                await self._send(socket, subscriptions, request, names)
                await self._clock.sleep(self._protocol.pause)
        except StreamEnded:  # the reader of the connection gets the same error, and reconnects
            return

    def _next_request(self, subscriptions: _Subscriptions) -> tuple[list[str], Request]:
        most, room = self._protocol.names_per_request, self._protocol.streams_per_connection
        gone = [name for name in subscriptions.requested if name not in self._followed]
        if gone:
            return gone[:most], "unsubscribe"
        new = [name for name in self._followed if name not in subscriptions.requested]
        return new[: min(most, room - len(subscriptions.requested))], "subscribe"

    async def _send(
        self, socket: MarketSocket, subscriptions: _Subscriptions, request: Request, names: list[str]
    ) -> None:
        self._requests += 1
        confirmation = asyncio.get_running_loop().create_future()
        self._confirmation = (self._requests, confirmation)
        if request == "subscribe":
            subscriptions.requested.update(names)
        else:
            subscriptions.requested.difference_update(names)
            subscriptions.confirmed.difference_update(names)
        await socket.send(self._protocol.request(request, names, self._requests))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await confirmation
        except TimeoutError:
            await socket.end(f"a request to {request} was not confirmed")
            return
        if request == "subscribe":
            self._confirm(subscriptions, names)

    def _confirm(self, subscriptions: _Subscriptions, names: list[str]) -> None:
        subscriptions.confirmed.update(names)
        for name in names:
            followed = self._followed.get(name)
            if followed is not None:
                followed.reader.restart()
                followed.publish([Gap(reason="connected")])

    async def _end_of_silence(self, socket: MarketSocket, subscriptions: _Subscriptions) -> None:
        while True:
            await self._clock.sleep(SILENCE_SECONDS)
            if subscriptions.confirmed and self._clock.monotonic() - self._heard_at >= SILENCE_SECONDS:
                await socket.end("its silence")

    # -- ends -----------------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        for followed in self._followed.values():
            for queue in followed.queues:
                queue.fail(error)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
