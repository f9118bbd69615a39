"""The followers of market streams share a connection, however they come and go and however the exchange misbehaves.

The exchange here speaks the smallest protocol there could be: ``{"want": [names], "id": 1}`` and ``{"drop": [names], "id": 2}``,
confirmed by ``{"done": 1}``; ``{"on": name, "number": 7}`` is published, and ``{"no": reason}`` ends the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from app.connectors.common import market_streams as module
from app.connectors.common.answers import Unreadable
from app.connectors.common.market_streams import (
    LINGER_SECONDS,
    SILENCE_SECONDS,
    Confirmed,
    MarketProtocol,
    MarketStreams,
    Published,
    Request,
    _Followed,
)
from app.connectors.common.queue import MarketQueue
from app.connectors.common.socket import connected
from app.connectors.common.stream import StreamEnded
from app.domain.errors import ExchangeDown
from app.domain.reports import Gap, Lost, MarketEvent, Ticker
from app.outbound import Outbound
from tests.clock import START, FakeClock
from tests.connectors.stream_server import Handler, StreamServer, heard

NAME = "btc"

Events = AsyncGenerator[MarketEvent, None]


class Numbers:
    """Reads the numbers of one stream as prices."""

    def __init__(self) -> None:
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1

    def read(self, payload: Any) -> Sequence[MarketEvent]:
        if not isinstance(payload, int):
            raise Unreadable("no number")
        return [Ticker(trading_pair="BTC-USDT", price=payload, reported_at=START)]  # type: ignore[arg-type]


def request(kind: Request, names: Sequence[str], request_id: int) -> Mapping[str, Any]:
    return {"want" if kind == "subscribe" else "drop": names, "id": request_id}


def read(message: Mapping[str, Any]) -> Confirmed | Published | None:
    match message:
        case {"on": name, "number": number}:
            return Published(name, number)
        case {"done": request_id}:
            return Confirmed(request_id)
        case {"no": reason}:
            raise StreamEnded(reason)
    return None


def protocol(url: str, *, names: int = 3, streams: int = 100) -> MarketProtocol:
    return MarketProtocol(
        connect=lambda: connected(url, lambda message: message, outbound=Outbound(), ping_seconds=20),
        request=request,
        read=read,
        max_age=7200,
        pause=0.5,
        names_per_request=names,
        streams_per_connection=streams,
    )


def publication(number: Any, name: str = NAME) -> dict[str, Any]:
    return {"on": name, "number": number}


class Exchange(StreamServer):
    """Confirms every request, publishes what the test says after the first, and notes the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []

    def confirming(self, *messages: Any) -> Handler:
        async def handle(connection: ServerConnection) -> None:
            left = list(messages)
            async for text in connection:
                message = json.loads(text)
                self.requests.append(message)
                await connection.send(json.dumps({"done": message["id"]}))
                # What follows the confirmation at once belongs to the time before it is taken in.
                await asyncio.sleep(0.02)
                while left:
                    await connection.send(json.dumps(left.pop(0)))

        return handle


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@asynccontextmanager
async def following(
    server: StreamServer, clock: FakeClock, **limits: int
) -> AsyncIterator[tuple[MarketStreams, Events]]:
    async with server:
        streams = MarketStreams(protocol(server.url, **limits), clock)
        events = streams.follow(NAME, Numbers())
        try:
            yield streams, events
        finally:
            await events.aclose()
            await streams.close()


async def passing(clock: FakeClock, condition: Callable[[], bool]) -> None:
    """Let time pass until ``condition`` holds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)
            clock.advance(0.5)


def kinds(seen: Sequence[MarketEvent]) -> list[type]:
    return [type(event) for event in seen]


async def listen(events: Events, count: int, clock: FakeClock) -> list[MarketEvent]:
    return [await heard(events, clock) for _ in range(count)]


async def test_streams_share_a_connection_and_their_requests(clock: FakeClock) -> None:
    """Seven streams are wanted in three requests on one connection, which the last follower closes after a while."""
    server = Exchange()
    server.script(server.confirming())
    async with following(server, clock) as (streams, first):
        others = [streams.follow(f"pair-{number}", Numbers()) for number in range(6)]
        waiting = [asyncio.ensure_future(anext(each)) for each in (first, *others)]
        await passing(clock, lambda: all(each.done() for each in waiting))
        assert kinds([each.result() for each in waiting]) == [Gap] * 7
        assert [len(each["want"]) for each in server.requests] == [3, 3, 1]
        assert len(server.paths) == 1
        for events in (first, *others):
            await events.aclose()
        await passing(clock, lambda: sum(len(each.get("drop", ())) for each in server.requests) == 7)
        clock.advance(LINGER_SECONDS)
        await passing(clock, lambda: streams._stream is None and not streams._tasks)


async def test_a_second_follower_begins_with_a_gap_too(clock: FakeClock) -> None:
    """It shares the stream, which is not subscribed again, and gets what comes from then on."""
    server = Exchange()
    server.script(server.confirming(publication(1)))
    async with following(server, clock) as (streams, first):
        assert kinds(await listen(first, 2, clock)) == [Gap, Ticker]
        second = streams.follow(NAME, Numbers())
        assert isinstance(await heard(second, clock), Gap)
        assert len(server.requests) == 1
        await second.aclose()


async def test_a_payload_that_can_not_be_read_is_a_gap(clock: FakeClock) -> None:
    """What it said is read over REST; the connection stays."""
    server = Exchange()
    server.script(server.confirming(publication("x"), {"other": 1}, publication(1, "foreign"), publication(2)))
    async with following(server, clock) as (_, events):
        assert kinds(await listen(events, 3, clock)) == [Gap, Gap, Ticker]
    assert len(server.paths) == 1


async def test_a_refusal_ends_the_connection(clock: FakeClock) -> None:
    """``Lost`` at once, ``Gap`` when the stream is there again, and its reader starts anew."""
    server = Exchange()
    server.script(server.confirming(publication(1), {"no": "more"}), server.confirming(publication(2)))
    reader = Numbers()
    async with server:
        streams = MarketStreams(protocol(server.url), clock)
        events = streams.follow(NAME, reader)
        assert kinds(await listen(events, 5, clock)) == [Gap, Ticker, Lost, Gap, Ticker]
        assert reader.restarts == 2
        await events.aclose()
        await streams.close()


async def test_a_subscription_that_is_not_confirmed(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a confirmation a quiet stream and a deaf exchange look alike, so the connection is made anew."""
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.05)
    server = Exchange()
    server.script(lambda connection: connection.wait_closed(), server.confirming(publication(1)))
    async with following(server, clock) as (_, events):
        assert kinds(await listen(events, 3, clock)) == [Lost, Gap, Ticker]


async def test_a_silent_connection_is_made_anew(clock: FakeClock) -> None:
    """A minute without a word, however politely pings are answered."""
    server = Exchange()
    server.script(server.confirming(), server.confirming(publication(1)))
    async with following(server, clock) as (_, events):
        assert isinstance(await heard(events, clock), Gap)
        began = clock.monotonic()
        assert isinstance(await heard(events, clock), Lost)
        assert SILENCE_SECONDS <= clock.monotonic() - began + 1 <= 2 * SILENCE_SECONDS + 2
        assert isinstance(await heard(events, clock), Gap)


async def test_a_connection_that_closes_slowly_does_not_disturb_the_next(clock: FakeClock) -> None:
    """The end of an old connection takes nothing from one that was opened meanwhile, and is told to nobody who hears that one."""
    server = Exchange()
    server.script(lambda connection: connection.wait_closed())
    async with server:
        streams = MarketStreams(protocol(server.url), clock)
        queue = MarketQueue()
        streams._followed[NAME] = _Followed(Numbers(), [queue])
        old, new = streams._open(), streams._open()
        await old.__aenter__()
        await new.__aenter__()
        streams._subscriptions.confirmed.add(NAME)
        await old.__aexit__(None, None, None)
        streams._take(publication(6))
        assert isinstance(await queue.next(), Ticker)
        await new.__aexit__(None, None, None)
        assert isinstance(await queue.next(), Lost)


async def test_refusals_are_met_with_growing_pauses(clock: FakeClock) -> None:
    """An exchange that refuses every subscription is not pressed."""

    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps({"no": "not you"}))

    server = StreamServer()
    server.script(refuse)
    async with following(server, clock) as (_, events):
        times = []
        for _ in range(5):
            assert isinstance(await heard(events, clock), Lost)
            times.append(clock.monotonic())
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (1, 2, 4, 8), strict=True)), pauses


async def test_an_unforeseen_fault_is_told_to_who_follows(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not leave them waiting; whoever follows again gets a new connection."""
    server = Exchange()
    server.script(server.confirming(publication(1)))
    async with following(server, clock) as (streams, events):
        with monkeypatch.context() as broken:
            broken.setattr(Numbers, "read", lambda self, payload: 1 / 0)
            assert kinds(await listen(events, 2, clock)) == [Gap, Lost]
            with pytest.raises(ZeroDivisionError):
                await heard(events, clock)
        again = streams.follow(NAME, Numbers())
        assert isinstance(await heard(again, clock), Gap)
        await again.aclose()


async def test_no_more_streams_than_a_connection_takes(clock: FakeClock) -> None:
    """Who comes too late waits, and is served when somebody leaves."""
    server = Exchange()
    server.script(server.confirming())
    async with following(server, clock, streams=1) as (streams, events):
        assert isinstance(await heard(events, clock), Gap)
        late = streams.follow("eth", Numbers())
        waiting = asyncio.ensure_future(anext(late))
        for _ in range(8):
            await asyncio.sleep(0.005)
            clock.advance(0.5)
        assert not waiting.done()
        await events.aclose()
        await passing(clock, waiting.done)
        assert isinstance(waiting.result(), Gap)
        await late.aclose()


async def test_closing_ends_every_follower(clock: FakeClock) -> None:
    """With an error, so that nobody waits for what will never come; and whoever comes later gets it too."""
    server = Exchange()
    server.script(server.confirming())
    async with following(server, clock) as (streams, events):
        assert isinstance(await heard(events, clock), Gap)
        await streams.close()
        await streams.close()
        for each in (events, streams.follow(NAME, Numbers())):
            with pytest.raises(ExchangeDown):
                await anext(each)
