"""The user streams: what they say, and that every doubt ends in a new connection and a ``Gap``."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from app.connectors.binance import sockets
from app.connectors.binance.account import BinanceAccount
from app.connectors.binance.market_streams import MAX_AGE_SECONDS
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common import socket
from app.domain.errors import CredentialsRefused
from app.domain.reports import BalanceReport, ConnectorEvent, Gap, OrderReport
from tests.connectors.binance.conftest import API_KEY, SECRET, SERVER_MS, context, payload, settings
from tests.connectors.binance.hand_clock import HandClock
from tests.connectors.binance.stream_server import StreamServer, wrapped
from tests.connectors.binance.stub import Reply, StubExchange, error, reply

LISTEN_KEY = "/fapi/v1/listenKey"
NEW, TRADE, CANCELED, POSITION = (payload("spot_stream", key) for key in ("new", "trade", "canceled", "position"))

Events = AsyncGenerator[ConnectorEvent, None]


@asynccontextmanager
async def listening(
    kind: type[BinanceAccount], url: str, exchange: StubExchange, clock: HandClock
) -> AsyncIterator[tuple[BinanceAccount, Events]]:
    """A connector whose stream is ready to be iterated."""
    its_settings = settings(exchange.url, url)
    venue = await kind.open_venue(its_settings, clock)
    connector = kind(context(kind.name, venue, clock))
    events = connector.events()
    try:
        yield connector, events
    finally:
        await events.aclose()
        await connector.close()
        await venue.close()


async def test_spot_events(exchange: StubExchange, clock: HandClock) -> None:
    """A signed subscription on the websocket API, a ``Gap`` first of all, then reports; unknown events are left out."""
    server = StreamServer()
    server.script(server.subscribed(*map(wrapped, (NEW, {"e": "balanceUpdate"}, TRADE, CANCELED, POSITION))))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        assert await anext(events) == Gap(reason="connected")
        reports = [await anext(events) for _ in range(4)]
        orders = [report for report in reports if isinstance(report, OrderReport)]
        assert [(report.order_id, report.trading_pair, report.state) for report in orders] == [
            ("og-1", "BTC-USDT", "open"),
            ("og-1", "BTC-USDT", "open"),
            ("og-1", "BTC-USDT", "canceled"),
        ]
        assert orders[1].fills[0].exchange_fill_id == "56"
        assert isinstance(reports[3], BalanceReport)
        request = await server.received.get()
    assert request["method"] == "userDataStream.subscribe.signature"
    parameters = request["params"]
    signature = parameters.pop("signature")
    assert parameters == {"apiKey": API_KEY, "recvWindow": 5000, "timestamp": SERVER_MS}
    text = urlencode(sorted(parameters.items()))
    assert signature == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


#: What ends a spot connection, and a word of the reason that the next ``Gap`` gives.
ENDINGS: list[tuple[Any, str]] = [
    (wrapped({"e": "eventStreamTerminated", "E": 1}), "eventStreamTerminated"),
    (wrapped({"e": "serverShutdown", "E": 1}), "serverShutdown"),
    ({"id": None, "status": 500, "error": {"code": -1000, "msg": "oops"}}, "oops"),
    ("not json", "not JSON"),
    ("[1, 2]", "not an object"),
]


@pytest.mark.parametrize(("last", "word"), ENDINGS)
async def test_a_last_word_leads_to_a_new_subscription(
    last: Any, word: str, exchange: StubExchange, clock: HandClock
) -> None:
    """After it a new connection is made and subscribed, a ``Gap`` says why, and events go on."""
    server = StreamServer()
    server.script(server.subscribed(wrapped(NEW), last), server.subscribed(wrapped(TRADE)))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        assert isinstance(await anext(events), Gap)
        assert isinstance(await anext(events), OrderReport)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        clock.advance(1)
        gap = await following
        assert isinstance(gap, Gap)
        assert word in gap.reason
        assert isinstance(await anext(events), OrderReport)
        assert server.received.qsize() == 2


async def test_a_closed_connection_leads_to_a_new_subscription(exchange: StubExchange, clock: HandClock) -> None:
    """The venue closes each connection once a day; the SDK then falls silent, this does not."""
    server = StreamServer()
    server.script(server.subscribed(stay=False), server.subscribed(wrapped(NEW)))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        clock.advance(1)
        assert "closed" in str(await following)
        assert isinstance(await anext(events), OrderReport)


async def test_old_age_ends_a_connection(exchange: StubExchange, clock: HandClock) -> None:
    """After 23.5 hours, before the exchange does it, the connection is made anew."""
    server = StreamServer()
    server.script(server.subscribed())
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(MAX_AGE_SECONDS)
        clock.advance(MAX_AGE_SECONDS)
        await clock.until_asleep(1)
        clock.advance(1)
        assert "age" in str(await following)
        assert server.received.qsize() == 2


async def test_a_silent_connection_is_found_out(
    exchange: StubExchange, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that answers no ping is gone, however open its connection looks."""
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.1)
    monkeypatch.setattr(socket, "CLOSE_SECONDS", 0.1)
    release = asyncio.Event()
    server = StreamServer()
    confirm = server.subscribed(stay=False)

    async def deaf(connection: Any) -> None:
        connection.protocol.recv_ping = lambda *_: None
        await confirm(connection)
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.abort()

    server.script(deaf, server.subscribed(wrapped(NEW)))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        clock.advance(1)
        assert "ping" in str(await following)
        release.set()


async def test_an_event_that_can_not_be_read_is_a_gap(exchange: StubExchange, clock: HandClock) -> None:
    """What it said is asked for by REST; the connection stays."""
    server = StreamServer()
    server.script(server.subscribed(wrapped({**NEW, "X": "LIMBO"}), wrapped(TRADE)))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        assert "LIMBO" in str(await anext(events))
        assert isinstance(await anext(events), OrderReport)


async def test_refused_credentials_end_the_stream(exchange: StubExchange, clock: HandClock) -> None:
    """Trying again with a refused key would only press the exchange."""
    server = StreamServer()
    server.script(server.subscribed(answer={"status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}}))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        with pytest.raises(CredentialsRefused, match="Invalid API-key"):
            await anext(events)


async def test_a_rate_limit_holds_the_stream_and_everything_else(exchange: StubExchange, clock: HandClock) -> None:
    """The websocket API says when to come back; until then nothing leaves, and the stream waits as long."""
    server = StreamServer()
    held = {"code": -1003, "msg": "Too much.", "data": {"serverTime": SERVER_MS, "retryAfter": SERVER_MS + 44_500}}
    server.script(server.subscribed(answer={"status": 429, "error": held}), server.subscribed())
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (connector, events):
        following = asyncio.ensure_future(anext(events))
        assert await clock.asleep.get() == 45
        assert connector.venue.limits.hold is not None
        clock.advance(45)
        assert isinstance(await following, Gap)


async def test_a_wrong_timestamp_in_the_subscription_sets_the_clock(exchange: StubExchange, clock: HandClock) -> None:
    """The next subscription carries the new time."""
    server = StreamServer()
    server.script(
        server.subscribed(answer={"status": 400, "error": {"code": -1021, "msg": "Too old."}}), server.subscribed()
    )
    exchange.script("GET", "/api/v3/time", reply({"serverTime": SERVER_MS}), reply({"serverTime": SERVER_MS + 90_000}))
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (_, events):
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        clock.advance(1)
        await following
        first, second = [await server.received.get() for _ in range(2)]
        assert second["params"]["timestamp"] - first["params"]["timestamp"] == 91_000


async def test_a_venue_that_is_down_is_waited_for(exchange: StubExchange, clock: HandClock) -> None:
    """Nobody listens on the stream's address, then the rules can't be read: the stream tries on."""
    async with listening(BinanceConnector, "ws://127.0.0.1:1", exchange, clock) as (_, events):
        following = asyncio.ensure_future(anext(events))
        assert await clock.asleep.get() == 1
        clock.advance(1)
        assert await clock.asleep.get() == 2
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    exchange.script("GET", "/api/v3/exchangeInfo", Reply(status=500))
    async with listening(BinanceConnector, "ws://127.0.0.1:1", exchange, clock) as (_, events):
        following = asyncio.ensure_future(anext(events))
        assert await clock.asleep.get() == 1
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_closing_ends_the_stream(exchange: StubExchange, clock: HandClock) -> None:
    """Whether it is reading or pausing, ``close`` ends the iteration without an error."""
    server = StreamServer()
    server.script(server.subscribed())
    async with server, listening(BinanceConnector, server.url, exchange, clock) as (connector, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(MAX_AGE_SECONDS)
        await connector.close()
        with pytest.raises(StopAsyncIteration):
            await following
    async with listening(BinanceConnector, "ws://127.0.0.1:1", exchange, clock) as (connector, events):
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        await connector.close()
        with pytest.raises(StopAsyncIteration):
            await following
        assert [event async for event in connector.events()] == []


async def test_perpetual_events(exchange: StubExchange, clock: HandClock) -> None:
    """A listen key opens the stream; orders and balances come as reports."""
    server = StreamServer()
    events_sent = [payload("perpetual_stream", key) for key in ("trade", "positions_only", "account")]
    server.script(server.plain(*events_sent, {"e": "TRADE_LITE"}, {"stream": "x", "data": events_sent[0]}))
    exchange.script("POST", LISTEN_KEY, reply({"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"}))
    async with server, listening(BinancePerpetualConnector, server.url, exchange, clock) as (_, events):
        assert isinstance(await anext(events), Gap)
        order, balance, again = [await anext(events) for _ in range(3)]
        assert isinstance(order, OrderReport)
        assert (order.order_id, order.trading_pair, order.state) == ("og-1", "BTC-USDT", "filled")
        assert isinstance(balance, BalanceReport)
        assert isinstance(again, OrderReport)
    assert server.paths == ["/private/ws?listenKey=pqia91ma19a5s61cv6a81va65sdf19v8a65a1"]
    assert exchange.asked("POST", LISTEN_KEY)[0].headers["x-mbx-apikey"] == API_KEY


@pytest.mark.parametrize(
    "last", [{"e": "listenKeyExpired", "E": 1, "listenKey": "k"}, {"error": {"code": 2, "msg": "oops"}}]
)
async def test_an_expired_key_leads_to_a_new_one(
    last: dict[str, Any], exchange: StubExchange, clock: HandClock
) -> None:
    """The next connection asks for a key again."""
    server = StreamServer()
    server.script(server.plain(last), server.plain())
    exchange.script("POST", LISTEN_KEY, reply({"listenKey": "one"}), reply({"listenKey": "two"}))
    async with server, listening(BinancePerpetualConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await clock.until_asleep(1)
        clock.advance(1)
        assert isinstance(await following, Gap)
        assert [path.rpartition("=")[2] for path in server.paths] == ["one", "two"]


async def test_the_listen_key_is_kept_alive(exchange: StubExchange, clock: HandClock) -> None:
    """Every twenty minutes; when that fails the connection is made anew. The key is never deleted: others may use it."""
    server = StreamServer()
    server.script(server.plain())
    exchange.script("POST", LISTEN_KEY, reply({"listenKey": "one"}))
    exchange.script("PUT", LISTEN_KEY, reply({}), error(400, -1125, "This listenKey does not exist."))
    async with server, listening(BinancePerpetualConnector, server.url, exchange, clock) as (_, events):
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        for _ in range(2):
            await clock.until_asleep(1200)
            clock.advance(1200)
        await clock.until_asleep(1)
        clock.advance(1)
        assert "kept alive" in str(await following)
    assert [request.parameters for request in exchange.asked("PUT", LISTEN_KEY)] == [{"listenKey": "one"}] * 2
    assert not exchange.asked("DELETE", LISTEN_KEY)
    assert len(server.paths) == 2
