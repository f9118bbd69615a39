"""Tests of the spot market's stream events in a second."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from app.paper.exchange import PaperExchange
from app.sandbox.binance.spot.stream_events import SpotStreamEvents
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.books import Books
from app.sandbox.times import milliseconds
from tests.clock import FakeClock


@pytest.fixture
def events(exchange: PaperExchange, clock: FakeClock) -> SpotStreamEvents:
    return SpotStreamEvents(SpotVenue(exchange, clock), Books(exchange))


def _second(events: SpotStreamEvents, clock: FakeClock, *streams: str, seconds: float = 1) -> list[list[Any]]:
    clock.advance(seconds)
    events.start_second(milliseconds(clock.now()))
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
def test_an_event_has_its_keys(events: SpotStreamEvents, clock: FakeClock, stream: str, kind: str, keys: str) -> None:
    """And the kind, the time and the symbol."""
    ((event,),) = _second(events, clock, stream)
    assert (event["e"], event["s"], event["E"]) == (kind, "BTCUSDT", milliseconds(clock.now()))
    assert set(event) == {"e", "E", "s", *keys}


def test_books_have_streams_of_three_kinds(events: SpotStreamEvents, clock: FakeClock) -> None:
    """The best prices, the first levels, and differences, which all names of a symbol share."""
    _second(events, clock, "btcusdt@depth")
    best, part, slow, fast = _second(
        events, clock, "btcusdt@bookTicker", "btcusdt@depth5@100ms", "btcusdt@depth", "btcusdt@depth@100ms"
    )
    assert D(best[0]["b"]) < D(65_000) < D(best[0]["a"])
    assert len(part[0]["bids"]) == 5
    assert slow == fast
    assert slow[0]["U"] <= slow[0]["u"] == part[0]["lastUpdateId"] == best[0]["u"]


def test_trades_of_a_pause_are_sent(events: SpotStreamEvents, clock: FakeClock) -> None:
    """One per second, each once; after a long pause the last hundred."""
    _second(events, clock, "btcusdt@trade")
    (three,) = _second(events, clock, "btcusdt@trade", seconds=3)
    (one,) = _second(events, clock, "btcusdt@trade")
    assert [each["t"] for each in three + one] == list(range(three[0]["t"], three[0]["t"] + 4))
    (many,) = _second(events, clock, "btcusdt@trade", seconds=1_000)
    assert len(many) == 100


def test_a_candle_is_closed_once(events: SpotStreamEvents, clock: FakeClock) -> None:
    """Its last version is closed, and the next candle's first version follows."""
    candles = [event["k"] for _ in range(62) for event in _second(events, clock, "btcusdt@kline_1m")[0]]
    closed = [index for index, candle in enumerate(candles) if candle["x"]]
    assert len(closed) in (1, 2)
    for index in closed:
        assert candles[index]["t"] == candles[index - 1]["t"]
        assert candles[index + 1]["t"] == candles[index]["t"] + 60_000
    assert len(candles) == 62 + len(closed)


@pytest.mark.parametrize("stream", ["btcusdt@nothing", "nobody@trade", "btcusdt@kline_7m", "0", "btcusdt@depth7"])
def test_a_name_that_means_nothing_is_silent(events: SpotStreamEvents, clock: FakeClock, stream: str) -> None:
    """As on Binance."""
    assert _second(events, clock, stream) == [[]]


def test_all_symbols_in_one_stream(events: SpotStreamEvents, clock: FakeClock) -> None:
    """As one list."""
    ((rows,),) = _second(events, clock, "!miniTicker@arr")
    assert len({row["s"] for row in rows}) == len(rows) > 10
