"""Market streams of both connectors at the real sandbox, and at a scripted server where the exchange must misbehave.

What is shown: what the streams tell is what REST tells; who follows shares a connection, which the last one closes; whatever ends
or spoils it is told, and the stream comes back by itself; and the exchange never hears more from us than it takes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from app.connectors.base import ConnectorContext
from app.connectors.binance import sockets
from app.connectors.binance.account import BinanceAccount
from app.connectors.binance.market_streams import MAX_AGE_SECONDS, MarketReader, protocol, stream_name
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.capabilities import MarketTopic
from app.connectors.common import socket
from app.connectors.common.answers import Unreadable
from app.connectors.common.market_streams import LINGER_SECONDS, MarketStreams
from app.domain.errors import ExchangeDown, ExchangeReadFailed, UnsupportedFeature, UnsupportedPair
from app.domain.reports import CandleReport, Gap, Lost, MarketEvent, OrderBook, PublicTrade, Ticker
from app.outbound import Outbound
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.settings import Settings
from tests.clock import START, FakeClock
from tests.connectors.stream_server import Handler, StreamServer, heard
from tests.sandbox.conftest import serving

PAIR = "BTC-USDT"
CANDLES = MarketTopic(kind="candles", trading_pair=PAIR, interval="1m")
TRADES = MarketTopic(kind="trades", trading_pair=PAIR)
BOOK = MarketTopic(kind="order_book", trading_pair=PAIR)
TICKER = MarketTopic(kind="ticker", trading_pair=PAIR)
KINDS: tuple[type[BinanceAccount], ...] = (BinanceConnector, BinancePerpetualConnector)

Events = AsyncGenerator[MarketEvent, None]


@dataclass(kw_only=True)
class World:
    """A local Binance and keyless connectors to it, on one clock."""

    sandbox: Sandbox
    clock: FakeClock
    connectors: dict[type[BinanceAccount], BinanceAccount]

    def follow(self, topic: MarketTopic, kind: type[BinanceAccount] = BinanceConnector) -> Events:
        return self.connectors[kind].follow(topic)

    async def next(self, events: Events) -> MarketEvent:
        return await heard(events, self.clock)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until ``condition`` holds."""
        while not condition():
            await asyncio.sleep(0.005)
            self.clock.advance(0.25)


async def drain(events: Events) -> None:
    """Read until there is an end."""
    async for _ in events:
        continue


def keyless(kind: type[BinanceAccount], clock: Any, venue: Any) -> BinanceAccount:
    return kind(ConnectorContext(account_name="", credentials={}, clock=clock, venue=venue))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def world(clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    path = SteeredPath(1)
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'spot.db'}", clock=clock, seed=1, path=path)
    futures = PaperPerpetualExchange(f"sqlite:///{tmp_path / 'futures.db'}", clock=clock, seed=1, path=path)
    async with serving(exchange, clock, path, futures) as sandbox:
        settings = Settings(database_url="sqlite://", connector_urls=urls(sandbox))
        venues = {kind: await kind.open_venue(settings, clock) for kind in KINDS}
        connectors = {kind: keyless(kind, clock, venue) for kind, venue in venues.items()}
        yield World(sandbox=sandbox, clock=clock, connectors=connectors)
        for kind, venue in venues.items():
            await kind.close_venue(venue)
    exchange.close()
    futures.close()


def urls(sandbox: Sandbox) -> dict[str, str]:
    return {
        "ORDERGATE_BINANCE_REST_URL": sandbox.rest_url,
        "ORDERGATE_BINANCE_STREAM_URL": sandbox.stream_url,
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": sandbox.futures_rest_url,
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": sandbox.futures_stream_url,
    }


# -- what is told ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_candles_are_those_of_rest(world: World, kind: type[BinanceAccount]) -> None:
    """Every field, to the last digit; the final picture of a candle says that it is one, and the next follows it."""
    events = world.follow(CANDLES, kind)
    assert await world.next(events) == Gap(reason="connected")
    told: list[CandleReport] = []
    while not told or told[-1].candle.opened_at == told[0].candle.opened_at:
        event = await world.next(events)
        assert isinstance(event, CandleReport)
        told.append(event)
    closed = [each.candle for each in told if each.is_closed]
    assert len(closed) == 1
    assert told[-2].is_closed
    assert closed[0].trades > 0
    assert closed[0] in await world.connectors[kind].fetch_candles(PAIR, "1m", limit=3)
    await events.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_trades_are_those_of_rest(world: World, kind: type[BinanceAccount]) -> None:
    """With the ids, sides and times that REST gives them, so that both can be put together."""
    events = world.follow(TRADES, kind)
    assert isinstance(await world.next(events), Gap)
    told = [await world.next(events) for _ in range(5)]
    by_id = {trade.exchange_trade_id: trade for trade in await world.connectors[kind].fetch_recent_trades(PAIR, 100)}
    for event in told:
        assert isinstance(event, PublicTrade)
        assert by_id[event.exchange_trade_id] == event
    await events.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_book_comes_whole(world: World, kind: type[BinanceAccount]) -> None:
    """Twenty levels, best first, as REST has them."""
    events = world.follow(BOOK, kind)
    assert isinstance(await world.next(events), Gap)
    book = await world.next(events)
    assert isinstance(book, OrderBook)
    assert (book.trading_pair, len(book.bids), len(book.asks)) == (PAIR, 20, 20)
    assert book.bids[0].price > book.bids[1].price
    assert book.bids[0].price < book.asks[0].price < book.asks[1].price
    await events.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_ticker_is_that_of_rest(world: World, kind: type[BinanceAccount]) -> None:
    """Price and volumes, to the last digit: within one second, in which the sandbox trades once, REST says the same."""
    events = world.follow(TICKER, kind)
    assert isinstance(await world.next(events), Gap)
    while True:
        told, asked = await world.next(events), await world.connectors[kind].fetch_ticker(PAIR)
        assert isinstance(told, Ticker)
        assert told.base_volume > 0
        second = told.reported_at.replace(microsecond=0)
        if asked.reported_at.replace(microsecond=0) == second:
            break
    assert replace(told, reported_at=second) == replace(asked, reported_at=second)
    await events.aclose()


#: Spot's event as Binance documents it; futures' lacks x, b, B, a and A.
DAY_TICKER: dict[str, Any] = {
    "e": "24hrTicker",
    "E": 1_795_000_000_123,
    "s": "BTCUSDT",
    "p": "0.00150000",
    "P": "250.00",
    "w": "0.00180000",
    "x": "0.00090000",
    "c": "0.00250000",
    "Q": "10",
    "b": "0.00240000",
    "B": "10",
    "a": "0.00260000",
    "A": "100",
    "o": "0.00100000",
    "h": "0.00260000",
    "l": "0.00100000",
    "v": "10000.10000000",
    "q": "18.00000001",
    "O": 1_794_913_600_123,
    "C": 1_795_000_000_100,
    "F": 0,
    "L": 18_150,
    "n": 18_151,
}


def test_a_ticker_is_read_exactly() -> None:
    """The last price, not the change or an average; both volumes; and the time of the event."""
    (told,) = MarketReader(TICKER, lambda: START).read(DAY_TICKER)
    assert stream_name(TICKER, "BTCUSDT") == "btcusdt@ticker"
    assert told == Ticker(
        trading_pair=PAIR,
        price=D("0.0025"),
        base_volume=D("10000.1"),
        quote_volume=D("18.00000001"),
        reported_at=datetime(2026, 11, 18, 11, 6, 40, 123_000, tzinfo=UTC),
    )


@pytest.mark.parametrize("bad", [{"c": "cheap"}, {"c": None}, {"v": True}, {"q": "NaN"}, {"E": None}, {"E": -1}])
def test_a_ticker_that_can_not_be_read_is_none(bad: dict[str, Any]) -> None:
    """Nothing is made up for what is missing or no number."""
    with pytest.raises(Unreadable):
        MarketReader(TICKER, lambda: START).read({**DAY_TICKER, **bad})
    with pytest.raises(Unreadable):
        MarketReader(TICKER, lambda: START).read([DAY_TICKER])


# -- who shares a connection ----------------------------------------------------------------------------------------------


async def test_all_who_follow_share_a_connection(world: World) -> None:
    """Spot has one for everything; perpetuals one for each of Binance's two routes. Nobody connects before somebody follows."""
    assert len(world.sandbox.connections) == 0
    spot = [world.follow(topic) for topic in (CANDLES, TRADES, BOOK, TICKER, CANDLES)]
    for events in spot:
        assert isinstance(await world.next(events), Gap)
    assert len(world.sandbox.connections) == 1
    perpetual = [world.follow(topic, BinancePerpetualConnector) for topic in (CANDLES, TRADES, BOOK, TICKER)]
    for events in perpetual:
        assert isinstance(await world.next(events), Gap)
        assert not isinstance(await world.next(events), Gap)
    assert len(world.sandbox.connections) == 3
    for events in spot + perpetual:
        await events.aclose()


async def test_the_last_one_closes_the_connection(world: World) -> None:
    """The exchange is told at once that a stream is wanted no more; the connection stays for a moment, for who comes back."""
    candles, trades = world.follow(CANDLES), world.follow(TRADES)
    await world.next(candles)
    await world.next(trades)
    messages = world.sandbox.spot.market_sockets.messages
    await candles.aclose()
    await world.until(lambda: messages["UNSUBSCRIBE"] == 1)
    assert isinstance(await world.next(trades), PublicTrade)
    await trades.aclose()
    await world.until(lambda: messages["UNSUBSCRIBE"] == 2)
    back = world.follow(TRADES)
    assert isinstance(await world.next(back), Gap)
    world.clock.advance(2 * LINGER_SECONDS)
    assert isinstance(await world.next(back), PublicTrade)
    assert len(world.sandbox.connections) == 1
    await back.aclose()
    await world.until(lambda: len(world.sandbox.connections) == 0)


async def test_the_exchange_hears_little(world: World) -> None:
    """A hundred and twenty streams are asked for in three messages, and followers who come and go in a crowd never make more than
    five messages a second, after which the sandbox would cut the connection.
    """
    pairs = [pair for pair, rule in (await world.connectors[BinanceConnector].load_trading_rules()).items() if rule][
        :10
    ]
    intervals = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
    topics = [MarketTopic(kind="candles", trading_pair=pair, interval=each) for pair in pairs for each in intervals]
    assert len(topics) == 120
    many = [world.follow(topic) for topic in topics]
    firsts = [asyncio.ensure_future(anext(events)) for events in many]
    await world.until(lambda: all(first.done() for first in firsts))
    assert {type(first.result()) for first in firsts} == {Gap}
    messages = world.sandbox.spot.market_sockets.messages
    assert messages["SUBSCRIBE"] == 3
    connections = set(world.sandbox.connections._open)
    for _ in range(40):
        fickle = world.follow(TRADES)
        waiting = asyncio.ensure_future(anext(fickle))
        await asyncio.sleep(0.002)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await fickle.aclose()
    steady = world.follow(TRADES)
    assert isinstance(await world.next(steady), Gap)
    assert isinstance(await world.next(steady), PublicTrade)
    assert set(world.sandbox.connections._open) == connections
    for events in many:
        await events.aclose()
    await steady.aclose()


async def test_a_second_follower_begins_with_a_gap_too(world: World) -> None:
    """Whoever joins must read what was before, even though the stream has been there for long."""
    first, second = world.follow(TRADES), world.follow(TRADES)
    await world.next(first)
    await world.next(first)
    assert isinstance(await world.next(second), Gap)
    assert isinstance(await world.next(second), PublicTrade)
    assert world.sandbox.spot.market_sockets.messages["SUBSCRIBE"] == 1
    await first.aclose()
    await second.aclose()


# -- what goes wrong ------------------------------------------------------------------------------------------------------


async def test_a_cut_is_told_and_mended(world: World) -> None:
    """``Lost`` at once, ``Gap`` when the stream is there again, and then it goes on."""
    events = world.follow(TRADES)
    await world.next(events)
    for _ in range(2):
        assert isinstance(await world.next(events), PublicTrade)
        world.sandbox.connections.cut()
        assert isinstance(await world.next(events), Lost)
        assert isinstance(await world.next(events), Gap)
    await events.aclose()


@pytest.mark.parametrize("ending", ["age", "shutdown"])
async def test_an_end_that_was_due(world: World, ending: str) -> None:
    """The connection is made anew before the exchange would close it, and when the exchange says that it is about to."""
    events = world.follow(TRADES)
    await world.next(events)
    await world.next(events)
    if ending == "age":
        world.clock.advance(MAX_AGE_SECONDS)
    else:
        world.sandbox.connections.announce_shutdown()
    seen: list[MarketEvent] = []
    while not any(isinstance(event, Gap) for event in seen):
        seen.append(await world.next(events))
    assert isinstance(seen[-2], Lost)
    assert isinstance(await world.next(events), PublicTrade)
    await events.aclose()


async def test_a_missing_trade_is_a_gap(world: World) -> None:
    """Trades are numbered, so that one that did not come is noticed."""
    events = world.follow(TRADES)
    await world.next(events)
    await world.next(events)
    world.sandbox.faults.set(1, [FaultRule(kind=FaultKind.DROP, routes=("market",), times=1)])
    seen: list[MarketEvent] = []
    while not any(isinstance(event, Gap) for event in seen):
        seen.append(await world.next(events))
    assert "missing" in str(seen[-1])
    after = await world.next(events)
    assert isinstance(after, PublicTrade)
    world.sandbox.faults.set(1, [FaultRule(kind=FaultKind.DOUBLE, routes=("market",), times=1)])
    following = [await world.next(events) for _ in range(3)]
    ids = [int(trade.exchange_trade_id) for trade in following if isinstance(trade, PublicTrade)]
    first = int(after.exchange_trade_id) + 1
    assert ids == [first, first + 1, first + 2]
    await events.aclose()


async def test_what_can_not_be_followed(world: World, clock: FakeClock) -> None:
    """A pair that is not traded, an exchange whose rules can't be read, and streams of another place than REST's."""
    with pytest.raises(UnsupportedPair):
        await anext(world.follow(MarketTopic(kind="trades", trading_pair="NO-PAIR")))
    moved = {name: url for name, url in urls(world.sandbox).items() if not name.endswith("STREAM_URL")}
    settings = Settings(database_url="sqlite://", connector_urls=moved)
    for kind in KINDS:
        venue = await kind.open_venue(settings, clock)
        with pytest.raises(UnsupportedFeature, match="no address"):
            await anext(keyless(kind, clock, venue).follow(TRADES))
        await kind.close_venue(venue)
    nowhere = {
        "ORDERGATE_BINANCE_REST_URL": "http://127.0.0.1:1/api",
        "ORDERGATE_BINANCE_STREAM_URL": "ws://127.0.0.1:1/",
    }
    settings = Settings(database_url="sqlite://", connector_urls=nowhere)
    venue = await BinanceConnector.open_venue(settings, clock)
    with pytest.raises((ExchangeReadFailed, ExchangeDown)):
        await anext(keyless(BinanceConnector, clock, venue).follow(TRADES))
    await BinanceConnector.close_venue(venue)


async def test_closing_ends_every_follower(world: World) -> None:
    """With an error, so that nobody waits for what will never come; and whoever comes later gets it too."""
    events = world.follow(TRADES)
    await world.next(events)
    await BinanceConnector.close_venue(world.connectors[BinanceConnector].venue)
    with pytest.raises(ExchangeDown):
        await drain(events)
    with pytest.raises(ExchangeDown):
        await anext(world.follow(TRADES))
    assert len(world.sandbox.connections) == 0


# -- an exchange that misbehaves ------------------------------------------------------------------------------------------

NAME = "btcusdt@trade"


def trade(number: int, **changes: Any) -> dict[str, Any]:
    told = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": number, "p": "1.5", "q": "0.10", "T": 1_795_000_000_000 + number}
    return {"stream": NAME, "data": {**told, "m": True, "M": True, **changes}}


def confirmed(*messages: Any, stay: bool = True, answer: Any = None) -> Handler:
    """Answer the first request, say ``messages``, then answer every request, or close."""

    async def handle(connection: ServerConnection) -> None:
        request = json.loads(await connection.recv())
        await connection.send(json.dumps({"id": request["id"], **(answer or {"result": None})}))
        # What follows the confirmation at once belongs to the time before it is taken in; REST tells that.
        await asyncio.sleep(0.02)
        for message in messages:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        if stay:
            async for text in connection:
                await connection.send(json.dumps({"id": json.loads(text)["id"], "result": None}))

    return handle


@asynccontextmanager
async def following(server: StreamServer, clock: FakeClock) -> AsyncIterator[tuple[MarketStreams, Events]]:
    async with server:
        streams = MarketStreams(protocol(f"{server.url}/", Outbound()), clock)
        events = streams.follow(NAME, MarketReader(TRADES, lambda: START))
        try:
            yield streams, events
        finally:
            await events.aclose()
            await streams.close()


@pytest.mark.parametrize(
    "last",
    [
        "not json",
        "[1]",
        {"error": {"code": 3, "msg": "Invalid JSON"}},
        {"code": 2, "msg": "Invalid request", "id": 9},
        {"e": "serverShutdown", "E": 1},
        {"stream": NAME, "data": {"e": "serverShutdown", "E": 1}},
    ],
)
async def test_a_bad_word_ends_the_connection(clock: FakeClock, last: Any) -> None:
    """Nothing is repaired in place: the connection is made anew, and its followers are told."""
    server = StreamServer()
    server.script(confirmed(trade(1), last), confirmed(trade(7)))
    async with following(server, clock) as (_, events):
        seen = [await heard(events, clock) for _ in range(5)]
    assert [type(event) for event in seen] == [Gap, PublicTrade, Lost, Gap, PublicTrade]
    assert server.paths == ["/stream", "/stream"]


@pytest.mark.parametrize(
    "bad",
    [{"p": "cheap"}, {"t": None}, {"m": "yes"}, {"T": -1}, {"q": True}],
)
async def test_an_event_that_can_not_be_read_is_a_gap(clock: FakeClock, bad: dict[str, Any]) -> None:
    """What it said is read over REST; the connection stays."""
    server = StreamServer()
    server.script(confirmed(trade(1), trade(2, **bad), {"stream": NAME, "data": [1]}, trade(3)))
    async with following(server, clock) as (_, events):
        seen = [await heard(events, clock) for _ in range(5)]
    assert [type(event) for event in seen[:4]] == [Gap, PublicTrade, Gap, Gap]
    assert len(server.paths) == 1


async def test_trades_outside_the_book_are_left_out(clock: FakeClock) -> None:
    """Futures tell of them, at prices of no market; they are no gap either."""
    server = StreamServer()
    server.script(confirmed(trade(1, X="MARKET"), trade(2, X="INSURANCE_FUND"), trade(3, X="MARKET")))
    async with following(server, clock) as (_, events):
        seen = [await heard(events, clock) for _ in range(3)]
    assert [event.exchange_trade_id for event in seen if isinstance(event, PublicTrade)] == ["1", "3"]


async def test_a_deaf_connection_is_found_out(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that answers no ping is gone, however open its connection looks."""
    monkeypatch.setattr(sockets, "MARKET_PING_SECONDS", 0.1)
    monkeypatch.setattr(socket, "CLOSE_SECONDS", 0.1)
    release = asyncio.Event()
    server = StreamServer()

    async def deaf(connection: ServerConnection) -> None:
        connection.protocol.recv_ping = lambda *_: None  # type: ignore[method-assign]
        await confirmed(stay=False)(connection)
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.abort()

    server.script(deaf, confirmed(trade(1)))
    async with following(server, clock) as (_, events):
        assert isinstance(await heard(events, clock), Gap)
        assert isinstance(await anext(events), Lost)
        assert isinstance(await heard(events, clock), Gap)
        release.set()
