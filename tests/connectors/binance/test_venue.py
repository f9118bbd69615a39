"""What the accounts of one market share, and how it is kept fresh without ever being in the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import structlog

from app.connectors.binance.spot import BinanceConnector
from app.domain.errors import ExchangeDown, ExchangeReadError
from tests.connectors.binance.conftest import SERVER_MS
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import Reply, StubExchange, error, reply
from tests.services.world import until


async def test_a_venue_that_is_down_stops_nothing(
    spot: BinanceConnector, exchange: StubExchange, clock: HandClock
) -> None:
    """Rules that can't be read are an error of that question and a problem of the venue; the next one heals both."""
    path = "/api/v3/exchangeInfo"
    good = exchange.scripted("GET", path)
    exchange.script("GET", path, Reply(status=503, body=b"down"), error(503, -1008), good)
    with pytest.raises(Exception, match="503"):
        await spot.load_trading_rules()
    assert spot.venue.problem is not None
    with pytest.raises(ExchangeDown):
        await spot.load_trading_rules()
    assert "BTC-USDT" in await spot.load_trading_rules()
    assert spot.venue.problem is None


async def test_old_rules_serve_while_new_ones_are_fetched(
    spot: BinanceConnector, exchange: StubExchange, clock: HandClock
) -> None:
    """After five minutes a use renews the rules beside it; if that fails the old ones stay and the venue names the problem."""
    path = "/api/v3/exchangeInfo"
    good = exchange.scripted("GET", path)
    before = await spot.load_trading_rules()
    assert await spot.load_trading_rules() is before
    assert len(exchange.asked("GET", path)) == 1
    exchange.script("GET", path, Reply(status=500), good)
    clock.advance(301)
    assert await spot.load_trading_rules() is before
    await until(lambda: spot.venue.problem is not None)
    assert "500" in str(spot.venue.problem)
    assert await spot.load_trading_rules() is before
    # The pause before another attempt begins a moment after the problem is named.
    while spot.venue.problem is not None:
        clock.advance(5)
        await spot.load_trading_rules()
        await asyncio.sleep(0.01)
    assert await spot.load_trading_rules() is not before


async def test_rules_have_an_age(spot: BinanceConnector, exchange: StubExchange, clock: HandClock) -> None:
    """Who asks for an age gets rules of that age at most, waits for them, and hears why they can't be had."""
    path = "/api/v3/exchangeInfo"
    good = exchange.scripted("GET", path)
    before = await spot.load_trading_rules()
    clock.advance(60)
    assert await spot.load_trading_rules(timedelta(seconds=61)) is before
    renewed = await spot.load_trading_rules(timedelta(seconds=60))
    assert renewed is not before
    assert renewed == before
    assert await spot.load_trading_rules() is renewed
    exchange.script("GET", path, Reply(status=500), good)
    with pytest.raises(ExchangeReadError, match="500"):
        await spot.load_trading_rules(timedelta(0))
    assert await spot.load_trading_rules() is renewed
    assert await spot.load_trading_rules(timedelta(0)) is not renewed
    assert len(exchange.asked("GET", path)) == 4


async def test_pairs_that_can_not_be_read_are_named_once(spot: BinanceConnector) -> None:
    """The operator sees in the log which pairs are missing, and not again with every renewal."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            assert "BROKEN-USDT" not in await spot.load_trading_rules(timedelta(0))
    (line,) = [line for line in lines if line["event"] == "pairs left out"]
    assert "BROKENUSDT" in str(line["unreadable"])


async def test_the_clock_is_read_half_way_and_again_after_minutes(
    spot: BinanceConnector, exchange: StubExchange, clock: HandClock
) -> None:
    """The exchange's time is taken at half the round trip, runs on by itself, and is asked again after three minutes."""

    def slow(_: object) -> Reply:
        clock.advance(2)
        return reply({"serverTime": SERVER_MS})

    exchange.script("GET", "/api/v3/time", slow)
    await spot.venue.ready_to_sign()
    assert spot.venue.server_clock.now_ms() == SERVER_MS + 1000
    clock.advance(60)
    assert spot.venue.server_clock.now_ms() == SERVER_MS + 61_000
    await spot.venue.ready_to_sign()
    assert len(exchange.asked("GET", "/api/v3/time")) == 1
    clock.advance(180)
    await spot.venue.ready_to_sign()
    await until(lambda: len(exchange.asked("GET", "/api/v3/time")) == 2)


async def test_many_first_uses_ask_once(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Whoever waits for the first answer shares it."""
    await asyncio.gather(*(spot.load_trading_rules() for _ in range(10)))
    assert len(exchange.asked("GET", "/api/v3/exchangeInfo")) == 1
