"""One connection for all market streams below one address: opened for the first follower, closed after the last.

Theory of operation. The connection is a ``SupervisedStream`` like an account's, so all that ends and renews it is there. What is
added is who wants which stream: a writer brings what the exchange was told in step with that, one message at a time, slowly enough
for the exchange's limits however fast followers come and go. A stream counts from the moment its subscription was confirmed; a
``Gap`` says so to its followers, who then read over REST what they missed. When the connection goes, all of them hear ``Lost``.
Source: "WebSocket Streams" in Binance's spot API documentation, "Websocket Market Streams" in the USD-M futures one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.clock import Clock
from app.connectors.binance.market_events import MarketReader
from app.connectors.common.answers import Unreadable
from app.connectors.common.queue import MarketQueue
from app.connectors.common.stream import LAST_WORDS, Socket, StreamEnded, SupervisedStream
from app.domain.errors import ExchangeDown
from app.domain.reports import Gap, Lost, MarketEvent

if TYPE_CHECKING:
    from app.connectors.binance.sockets import EventSocket

#: What one connection may listen to.
_MOST_STREAMS = 1024

#: Names in one message: a kilobyte or two, which any server takes.
_NAMES_AT_ONCE = 50

#: Between two messages of ours. Spot takes five a second, pings and pongs among them, and cuts off who sends more.
_PAUSE_SECONDS = 0.5

#: How long the confirmation of a message may take.
_ANSWER_SECONDS = 10

#: A connection on which nothing at all was said for so long is made anew, however politely it answers pings.
SILENCE_SECONDS = 60

#: How long a connection without followers is kept, so that somebody who keeps changing their mind does not open one each time:
#: Binance takes 300 of an address in five minutes.
LINGER_SECONDS = 5


@dataclass(slots=True)
class _Followed:
    """One stream and those who follow it."""

    reader: MarketReader
    queues: list[MarketQueue] = field(default_factory=list)

    def tell(self, events: Sequence[MarketEvent]) -> None:
        for queue in self.queues:
            for event in events:
                queue.put(event)


@dataclass(slots=True)
class _Told:
    """What one connection was told to listen to, and what of that it has confirmed. Each has its own, since one that closes slowly
    may still be there when the next is open.
    """

    asked: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)


class MarketStreams:
    """The streams below ``base_url``. ``close`` ends all of them and may be called twice."""

    def __init__(self, base_url: str, clock: Clock, *, is_closed: bool = False) -> None:
        self._base_url = base_url
        self._clock = clock
        self._wanted: dict[str, _Followed] = {}
        self._told = _Told()
        self._changed = asyncio.Event()
        self._answer: tuple[int, asyncio.Future[None]] | None = None
        self._requests = 0
        self._heard_at = 0.0  # monotonic seconds, not money
        self._stream: SupervisedStream[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = is_closed

    async def follow(self, name: str, reader: MarketReader) -> AsyncGenerator[MarketEvent, None]:
        """What the stream ``name`` says, until the iterator is closed. ``reader`` is used if nobody follows it yet."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed")
        queue = self._join(name, reader)
        try:
            while True:
                yield await queue.next()
        finally:
            self._leave(name, queue)

    async def close(self) -> None:
        """End everything; whoever still follows gets ``ExchangeDown``."""
        self._is_closed = True
        self._fail(ExchangeDown("The connector is closed"))
        await self._stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- followers ------------------------------------------------------------------------------------------------------

    def _join(self, name: str, reader: MarketReader) -> MarketQueue:
        queue = MarketQueue()
        followed = self._wanted.setdefault(name, _Followed(reader))
        followed.queues.append(queue)
        if name in self._told.confirmed:
            queue.put(Gap())
        self._changed.set()
        if self._stream is None:
            self._stream = SupervisedStream(self._open, self._take, self._clock)
            self._spawn(self._run(self._stream))
        return queue

    def _leave(self, name: str, queue: MarketQueue) -> None:
        followed = self._wanted[name]
        followed.queues.remove(queue)
        if not followed.queues:
            del self._wanted[name]
            self._changed.set()
        if not self._wanted and not self._is_closed:
            self._spawn(self._linger())

    async def _linger(self) -> None:
        await self._clock.sleep(LINGER_SECONDS)
        if not self._wanted:
            await self._stop()

    async def _stop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    # -- the connection -------------------------------------------------------------------------------------------------

    async def _run(self, stream: SupervisedStream[None]) -> None:
        try:
            async with aclosing(stream.events()) as events:
                async for _ in events:
                    continue  # each event has been told to those whom it concerns
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: who follows must hear of it, and may begin again
            if self._stream is stream:
                self._stream = None
            self._fail(error)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Socket]:
        from app.connectors.binance.sockets import market_socket

        async with market_socket(self._base_url) as socket:
            self._heard_at = self._clock.monotonic()
            told = self._told = _Told()
            self._changed.set()
            work = [
                asyncio.create_task(each)
                for each in (self._keep_in_step(socket, told), self._end_of_silence(socket, told))
            ]
            try:
                yield socket
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                if self._told is told:
                    self._told = _Told()
                    for followed in self._wanted.values():
                        followed.tell([Lost(reason="the connection is down")])

    def _take(self, message: Mapping[str, Any]) -> None:
        """One message of the exchange. Raises ``StreamEnded``."""
        self._heard_at = self._clock.monotonic()
        if "stream" in message:
            self._hear(str(message["stream"]), message.get("data"))
        elif "error" in message or "code" in message:
            raise StreamEnded(f"the exchange refused a subscription: {message.get('error') or message.get('msg')}")
        elif self._answer is not None and message.get("id") == self._answer[0] and not self._answer[1].done():
            self._answer[1].set_result(None)

    def _hear(self, name: str, payload: Any) -> None:
        if isinstance(payload, dict) and payload.get("e") in LAST_WORDS:
            raise StreamEnded(f"the exchange said {payload['e']}")
        followed = self._wanted.get(name)
        if followed is None or name not in self._told.confirmed:
            return
        try:
            events = followed.reader.read(payload)
        except Unreadable as error:
            events = [Gap(reason=f"a message can't be read: {error}")]
        followed.tell(events)

    # -- subscriptions --------------------------------------------------------------------------------------------------

    async def _keep_in_step(self, socket: EventSocket, told: _Told) -> None:
        """Tell the exchange what is wanted, whenever that has changed."""
        try:
            while self._told is told:
                await self._changed.wait()
                names, method = self._next_change(told)
                if not names:
                    self._changed.clear()
                    continue
                await self._say(socket, told, method, names)
                await self._clock.sleep(_PAUSE_SECONDS)
        except StreamEnded:  # the reader sees the same end, and tells why
            return

    def _next_change(self, told: _Told) -> tuple[list[str], str]:
        gone = [name for name in told.asked if name not in self._wanted]
        if gone:
            return gone[:_NAMES_AT_ONCE], "UNSUBSCRIBE"
        new = [name for name in self._wanted if name not in told.asked]
        return new[: min(_NAMES_AT_ONCE, _MOST_STREAMS - len(told.asked))], "SUBSCRIBE"

    async def _say(self, socket: EventSocket, told: _Told, method: str, names: list[str]) -> None:
        self._requests += 1
        answer = asyncio.get_running_loop().create_future()
        self._answer = (self._requests, answer)
        if method == "SUBSCRIBE":
            told.asked.update(names)
        else:
            told.asked.difference_update(names)
            told.confirmed.difference_update(names)
        await socket.send({"method": method, "params": names, "id": self._requests})
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await answer
        except TimeoutError:
            await socket.end(f"a {method} was not confirmed")
            return
        if method == "SUBSCRIBE":
            self._confirm(told, names)

    def _confirm(self, told: _Told, names: list[str]) -> None:
        told.confirmed.update(names)
        for name in names:
            followed = self._wanted.get(name)
            if followed is not None:
                followed.reader.restart()
                followed.tell([Gap(reason="connected")])

    async def _end_of_silence(self, socket: EventSocket, told: _Told) -> None:
        while True:
            await self._clock.sleep(SILENCE_SECONDS)
            if told.confirmed and self._clock.monotonic() - self._heard_at >= SILENCE_SECONDS:
                await socket.end("its silence")

    # -- ends -----------------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        for followed in self._wanted.values():
            for queue in followed.queues:
                queue.fail(error)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
