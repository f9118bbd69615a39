"""Tests of the market streams: what each says in a second, and how clients subscribe."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from aiohttp import WSMsgType

from app.paper.exchange import PaperExchange
from app.sandbox.binance.spot.stream_events import StreamEvents
from app.sandbox.binance.symbols import Symbols
from app.sandbox.books import Books
from app.sandbox.prices import SteeredPath
from app.sandbox.times import milliseconds
from tests.clock import FakeClock
from tests.sandbox.raw_client import RawClient, Socket, until


@pytest.fixture
def events(exchange: PaperExchange) -> StreamEvents:
    return StreamEvents(exchange, Symbols(exchange.pairs), Books(exchange))


def _second(events: StreamEvents, clock: FakeClock, *streams: str, seconds: float = 1) -> list[list[Any]]:
    clock.advance(seconds)
    events.begin(milliseconds(clock.now()))
    return [events.events(stream) for stream in streams]


@pytest.mark.parametrize(
    ("stream", "kind", "keys"),
    [
        ("btcusdt@trade", "trade", "tpqTmM"),
        ("btcusdt@aggTrade", "aggTrade", "apqflTmM"),
        ("btcusdt@miniTicker", "24hrMiniTicker", "cohlvq"),
        ("btcusdt@ticker", "24hrTicker", "pPwxcQbBaAohlvqOCFLn"),
        ("btcusdt@avgPrice", "avgPrice", "iwT"),
        ("btcusdt@kline_1m", "kline", "k"),
    ],
)
def test_an_event_has_its_keys(events: StreamEvents, clock: FakeClock, stream: str, kind: str, keys: str) -> None:
    """And the kind, the time and the symbol."""
    ((event,),) = _second(events, clock, stream)
    assert (event["e"], event["s"], event["E"]) == (kind, "BTCUSDT", milliseconds(clock.now()))
    assert set(event) == {"e", "E", "s", *keys}


def test_books_have_streams_of_three_kinds(events: StreamEvents, clock: FakeClock) -> None:
    """The best prices, the first levels, and differences, which all names of a symbol share."""
    _second(events, clock, "btcusdt@depth")
    best, part, slow, fast = _second(
        events, clock, "btcusdt@bookTicker", "btcusdt@depth5@100ms", "btcusdt@depth", "btcusdt@depth@100ms"
    )
    assert D(best[0]["b"]) < D(65_000) < D(best[0]["a"])
    assert len(part[0]["bids"]) == 5
    assert slow == fast
    assert slow[0]["U"] <= slow[0]["u"] == part[0]["lastUpdateId"] == best[0]["u"]


def test_trades_of_a_pause_are_told(events: StreamEvents, clock: FakeClock) -> None:
    """One a second, each once; after a long pause the last hundred."""
    _second(events, clock, "btcusdt@trade")
    (three,) = _second(events, clock, "btcusdt@trade", seconds=3)
    (one,) = _second(events, clock, "btcusdt@trade")
    assert [each["t"] for each in three + one] == list(range(three[0]["t"], three[0]["t"] + 4))
    (many,) = _second(events, clock, "btcusdt@trade", seconds=1_000)
    assert len(many) == 100


def test_a_candle_is_closed_once(events: StreamEvents, clock: FakeClock) -> None:
    """Its last picture says so, and the next candle's first follows."""
    told = [event["k"] for _ in range(62) for event in _second(events, clock, "btcusdt@kline_1m")[0]]
    closed = [index for index, candle in enumerate(told) if candle["x"]]
    assert len(closed) in (1, 2)
    for index in closed:
        assert told[index]["t"] == told[index - 1]["t"]
        assert told[index + 1]["t"] == told[index]["t"] + 60_000
    assert len(told) == 62 + len(closed)


@pytest.mark.parametrize("stream", ["btcusdt@nothing", "nobody@trade", "btcusdt@kline_7m", "0", "btcusdt@depth7"])
def test_a_name_that_means_nothing_is_silent(events: StreamEvents, clock: FakeClock, stream: str) -> None:
    """As on Binance."""
    assert _second(events, clock, stream) == [[]]


def test_all_symbols_in_one_stream(events: StreamEvents, clock: FakeClock) -> None:
    """As one list."""
    ((rows,),) = _second(events, clock, "!miniTicker@arr")
    assert len({row["s"] for row in rows}) == len(rows) > 10


async def _beat(clock: FakeClock, sleepers: int) -> None:
    """Let a second pass once so many sleep: the beat, and two for each connection."""
    await until(lambda: clock.sleepers >= sleepers)
    clock.advance(1)


async def test_raw_and_combined_streams(client: RawClient, clock: FakeClock, path: SteeredPath) -> None:
    """A raw connection brings bare events, a combined one wraps them in their stream's name."""
    async with client.socket("/ws/btcusdt@trade") as raw, client.socket("/stream?streams=a/ethusdt@trade") as combined:
        await _beat(clock, 5)
        assert (await raw.next())["s"] == "BTCUSDT"
        event = await combined.next()
        assert (event["stream"], event["data"]["s"]) == ("ethusdt@trade", "ETHUSDT")


async def test_subscriptions_change_on_the_way(client: RawClient, clock: FakeClock) -> None:
    """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS answer by id."""
    async with client.socket("/ws") as socket:
        streams = ["btcusdt@trade", "ethusdt@trade"]
        assert await _asked(socket, "SUBSCRIBE", streams) == {"result": None, "id": 1}
        assert await _asked(socket, "UNSUBSCRIBE", streams[:1]) == {"result": None, "id": 1}
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": streams[1:], "id": 1}
        await _beat(clock, 3)
        assert (await socket.next())["s"] == "ETHUSDT"


async def test_a_connection_becomes_a_combined_one(client: RawClient, clock: FakeClock) -> None:
    """By a property, which can be asked for."""
    async with client.socket("/ws") as socket:
        assert await _asked(socket, "SUBSCRIBE", ["ethusdt@trade"]) == {"result": None, "id": 1}
        assert await _asked(socket, "SET_PROPERTY", ["combined", True]) == {"result": None, "id": 1}
        assert await _asked(socket, "GET_PROPERTY", ["combined"]) == {"result": True, "id": 1}
        await _beat(clock, 3)
        assert (await socket.next())["stream"] == "ethusdt@trade"


async def test_requests_that_make_no_sense(client: RawClient) -> None:
    """No JSON, no such method, no list, too many: an error, and the connection stays."""
    async with client.socket("/ws") as socket:
        await socket.socket.send_str("{")
        assert (await socket.next())["error"]["code"] == 3
        assert (await _asked(socket, "SHOUT"))["code"] == 2
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
    async with client.socket("/ws") as socket:
        assert (await _asked(socket, "SUBSCRIBE", "btcusdt@trade"))["code"] == 2
        assert (await _asked(socket, "SUBSCRIBE", [str(number) for number in range(1_025)]))["code"] == 2
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}


async def test_who_says_too_much_is_cut_off(client: RawClient, clock: FakeClock) -> None:
    """More than five messages in a second, of whatever kind, end the connection; over two seconds they do not."""
    async with client.socket("/stream") as socket:
        for _ in range(4):
            assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        clock.advance(1)
        for _ in range(3):
            assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        for _ in range(3):
            await socket.socket.ping()
        message = await socket.socket.receive(timeout=10)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1008, "Too many requests")


async def _asked(socket: Socket, method: str, parameters: Any = None) -> Any:
    request = {"id": 1, "method": method} | ({} if parameters is None else {"params": parameters})
    return await socket.ask(request)
