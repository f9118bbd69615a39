"""The reconnecting stream over real sockets: every doubt ends in a new connection and a ``Gap``, and only ``close`` ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.connectors.common import socket
from app.connectors.common.answers import Unreadable
from app.connectors.common.lists import OddRows
from app.connectors.common.socket import JsonSocket, connected
from app.connectors.common.stream import ReconnectingStream, StreamEnded
from app.domain.errors import CredentialsRefused, RateLimited
from app.domain.reports import Gap, Lost
from app.outbound import Outbound
from tests.connectors.hand_clock import HandClock
from tests.connectors.stream_server import StreamServer

MAX_AGE = 7200

Opener = Callable[[], Any]
Events = AsyncGenerator[Lost | Gap, None]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def whole(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return message


def translated(message: Mapping[str, Any]) -> Lost | None:
    """A message with a number is an event, one with a word can't be read, and any other does not concern us."""
    match message.get("event"):
        case int(number):
            return Lost(reason=str(number))
        case str(word):
            raise Unreadable(word)
        case _:
            return None


def opener(server: StreamServer, *, ping_seconds: float = 20) -> Opener:
    return lambda: connected(server.url, whole, outbound=Outbound(), ping_seconds=ping_seconds)


def failing(server: StreamServer, *errors: Exception) -> Opener:
    """Raises ``errors`` one after the other, then connects."""
    left = list(errors)

    @asynccontextmanager
    async def open_socket() -> AsyncIterator[JsonSocket]:
        if left:
            raise left.pop(0)
        async with connected(server.url, whole, outbound=Outbound(), ping_seconds=20) as opened:
            yield opened

    return open_socket


@asynccontextmanager
async def running(open_socket: Opener, clock: HandClock) -> AsyncIterator[tuple[ReconnectingStream[Lost], Events]]:
    stream = ReconnectingStream(open_socket, translated, clock, max_age=MAX_AGE)
    events = stream.events()
    try:
        yield stream, events
    finally:
        await stream.close()
        await events.aclose()


async def reconnected(events: Events, clock: HandClock) -> Gap:
    """The ``Gap`` after the connection has ended and a second has passed."""
    following = asyncio.ensure_future(anext(events))
    await clock.until_asleep(1)
    clock.advance(1)
    gap = await following
    assert isinstance(gap, Gap)
    return gap


async def test_events_follow_a_gap(clock: HandClock) -> None:
    """What does not concern us is left out, and what can't be read is a ``Gap`` on a connection that stays."""
    server = StreamServer()
    server.script(server.plain({"event": 1}, {"event": None}, {"event": "LIMBO"}, {"event": 2}))
    async with server, running(opener(server), clock) as (_, events):
        assert await anext(events) == Gap(reason="connected")
        assert await anext(events) == Lost(reason="1")
        assert "LIMBO" in str(await anext(events))
        assert await anext(events) == Lost(reason="2")
    assert len(server.paths) == 1


async def test_events_that_can_not_be_read_make_the_reader_reconcile_now_and_then(clock: HandClock) -> None:
    """Another program's odd orders may send many of them; each is counted, and few lead to a ``Gap``."""
    server, odd = StreamServer(), OddRows("the exchange")
    server.script(server.plain(*[{"event": "LIMBO"}] * 5, {"event": 1}, {"event": "AGAIN"}, {"event": 2}))
    async with server:
        stream = ReconnectingStream(opener(server), translated, clock, max_age=MAX_AGE, odd=odd)
        events = stream.events()
        assert await anext(events) == Gap(reason="connected")
        assert "LIMBO" in str(await anext(events))
        assert await anext(events) == Lost(reason="1")
        assert await anext(events) == Lost(reason="2")
        assert odd.counts["events"] == 6
        await events.aclose()
        await stream.close()


@pytest.mark.parametrize(("last", "word"), [("not json", "not JSON"), ("[1, 2]", "not an object"), (None, "closed")])
async def test_a_bad_end_leads_to_a_new_connection(last: str | None, word: str, clock: HandClock) -> None:
    """A ``Gap`` says why, and events go on."""
    server = StreamServer()
    messages = [] if last is None else [last]
    server.script(server.plain({"event": 1}, *messages, stay=last is not None), server.plain({"event": 2}))
    async with server, running(opener(server), clock) as (_, events):
        assert isinstance(await anext(events), Gap)
        assert await anext(events) == Lost(reason="1")
        assert word in (await reconnected(events, clock)).reason
        assert await anext(events) == Lost(reason="2")


async def test_the_pauses_grow_and_start_anew_after_a_connection_that_stood(clock: HandClock) -> None:
    """1, 2, 4 ... 60 seconds between failures; a connection that stood for a minute counts as a success."""
    server = StreamServer()
    server.script(server.plain())
    refusals = [StreamEnded("not now")] * 8
    async with server, running(failing(server, *refusals), clock) as (_, events):
        following = asyncio.ensure_future(anext(events))
        pauses = []
        for _ in range(8):
            pauses.append(await clock.asleep.get())
            clock.advance(pauses[-1])
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        assert isinstance(await following, Gap)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(MAX_AGE)
        clock.advance(MAX_AGE)
        await clock.until_asleep(1)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_longer_pause_that_the_exchange_asks_for_is_kept(clock: HandClock) -> None:
    """A refusal that says when to come back is believed."""
    server = StreamServer()
    server.script(server.plain())
    held = RateLimited("too much", retry_after=timedelta(seconds=45))
    async with server, running(failing(server, held, OSError("down")), clock) as (_, events):
        following = asyncio.ensure_future(anext(events))
        assert await clock.asleep.get() == 45
        clock.advance(45)
        assert await clock.asleep.get() == 2
        clock.advance(2)
        assert "down" in str(await following)


async def test_old_age_ends_a_connection(clock: HandClock) -> None:
    """It is made anew before the exchange would close it."""
    server = StreamServer()
    server.script(server.plain())
    async with server, running(opener(server), clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(MAX_AGE)
        clock.advance(MAX_AGE)
        await clock.until_asleep(1)
        clock.advance(1)
        assert "age" in str(await following)
    assert len(server.paths) == 2


async def test_a_silent_connection_is_found_out(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that answers no ping is gone, however open its connection looks."""
    monkeypatch.setattr(socket, "CLOSE_SECONDS", 0.1)
    release = asyncio.Event()
    server = StreamServer()

    async def deaf(connection: Any) -> None:
        connection.protocol.recv_ping = lambda *_: None
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.abort()

    server.script(deaf, server.plain())
    async with server, running(opener(server, ping_seconds=0.1), clock) as (_, events):
        await anext(events)
        assert "ping" in (await reconnected(events, clock)).reason
        release.set()


@pytest.mark.parametrize("error", [CredentialsRefused("Invalid API-key"), ZeroDivisionError("nobody foresaw it")])
async def test_what_another_attempt_can_not_heal_is_raised(error: Exception, clock: HandClock) -> None:
    """Trying again with a refused key would only press the exchange, and a fault of ours must be seen."""
    server = StreamServer()
    async with server, running(failing(server, error), clock) as (_, events):
        with pytest.raises(type(error)):
            await anext(events)


async def test_only_close_ends_the_iteration(clock: HandClock) -> None:
    """Whether the stream is reading, pausing or about to begin, ``close`` ends it without an error, and may be repeated."""
    server = StreamServer()
    server.script(server.plain())
    async with server:
        async with running(opener(server), clock) as (stream, events):
            await anext(events)
            following = asyncio.ensure_future(anext(events))
            await clock.until_asleep(MAX_AGE)
            await stream.close()
            with pytest.raises(StopAsyncIteration):
                await following
            await stream.close()
        async with running(failing(server, OSError("down")), clock) as (stream, events):
            following = asyncio.ensure_future(anext(events))
            await clock.until_asleep(1)
            await stream.close()
            with pytest.raises(StopAsyncIteration):
                await following
        async with running(opener(server), clock) as (stream, events):
            await stream.close()
            assert [event async for event in events] == []
