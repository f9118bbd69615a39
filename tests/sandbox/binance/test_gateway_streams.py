"""The gateway's market data by the exchange's streams, over its own Binance connectors and this Binance.

While somebody watches, the exchange pushes and is not asked; when its streams fail it is asked, as if there were none; when both
fail, that is an error. The requests that come to the exchange are counted where they arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import ExchangeDown, ExchangeReadFailed
from app.domain.reports import PublicTrade, Ticker
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.services.gateway import Gateway
from app.services.markets.market_subscriptions import (
    BookSubscription,
    CandleSubscription,
    CandleUpdate,
    MarketSubscription,
    TickerSubscription,
    TradeSubscription,
)
from tests.clock import FakeClock
from tests.gateways import opened_gateway

PAIR = "BTC-USDT"
CONNECTORS = ("binance", "binance_perpetual")


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, both_markets: Sandbox
) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the sandbox, streams too, all on the clock that the test moves."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    urls = {
        "ORDERGATE_BINANCE_REST_URL": both_markets.rest_url,
        "ORDERGATE_BINANCE_STREAM_URL": both_markets.stream_url,
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": both_markets.futures_rest_url,
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": both_markets.futures_stream_url,
    }
    async with opened_gateway(directory, sqlite_template, clock, connector_urls=urls) as gateway:
        yield gateway


class Watcher:
    """One subscriber: it polls four times per second, and stores what it gets."""

    def __init__(self, subscription: MarketSubscription, clock: FakeClock) -> None:
        self.subscription = subscription
        self.news: list[Any] = []
        self.errors: list[Exception] = []
        self._clock = clock

    async def look(self) -> None:
        try:
            news = await self.subscription.poll()
        except (ExchangeReadFailed, ExchangeDown) as error:
            self.errors.append(error)
            return
        if news is not None:
            self.news.append(news)

    async def look_for(self, seconds: float) -> None:
        """Look until ``seconds`` have passed."""
        for _ in range(int(seconds * 4)):
            await self.step()

    async def look_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.step()

    async def step(self) -> None:
        await self.look()
        await settle()
        self._clock.advance(0.25)
        await settle()


async def settle() -> None:
    """Let what is under way on the sockets of this process arrive."""
    for _ in range(10):  # turns of the loop count, not the time, of which a busy machine needs more for each
        await asyncio.sleep(0.001)


def subscription_of(gateway: Gateway, kind: str, connector_name: str) -> MarketSubscription:
    match kind:
        case "candles":
            return CandleSubscription(gateway.market_data, connector_name, PAIR, "1m", 50)
        case "trades":
            return TradeSubscription(gateway.market_data, connector_name, PAIR)
        case "ticker":
            return TickerSubscription(gateway.market_data, connector_name, PAIR)
        case _:
            return BookSubscription(gateway.market_data, connector_name, PAIR, 10)


def streamed(gateway: Gateway) -> dict[str, bool]:
    """The markets that are followed, and whether there is something to see of them."""
    return {key.name: market.snapshot.value is not None for key, market in gateway.market_data._live._markets.items()}


async def watching(gateway: Gateway, clock: FakeClock, kind: str, connector_name: str = "binance") -> Watcher:
    """A watcher whose market is being pushed."""
    watcher = Watcher(subscription_of(gateway, kind, connector_name), clock)
    await watcher.subscription.start()
    await watcher.look_until(lambda: streamed(gateway) != {} and all(streamed(gateway).values()))
    return watcher


@pytest.mark.parametrize("connector_name", CONNECTORS)
@pytest.mark.parametrize("kind", ["candles", "trades", "order_book", "ticker"])
async def test_a_watched_market_is_not_asked_about(
    gateway: Gateway, both_markets: Sandbox, clock: FakeClock, kind: str, connector_name: str
) -> None:
    """Once the stream sends, polling costs no request, and updates keep coming."""
    watcher = await watching(gateway, clock, kind, connector_name)
    before, seen = both_markets.requests.total(), len(watcher.news)
    await watcher.look_for(20)
    assert both_markets.requests.total() == before
    assert len(watcher.news) - seen >= 18
    assert watcher.errors == []
    watcher.subscription.close()


async def test_streamed_candles_are_the_exchange_s(gateway: Gateway, both_markets: Sandbox, clock: FakeClock) -> None:
    """After a minute of pushing, in which one opened, all are as the exchange itself shows them; and none was asked for."""
    watcher = await watching(gateway, clock, "candles")
    before = both_markets.requests.total()
    await watcher.look_for(65)
    assert both_markets.requests.total() == before
    live = await gateway.market_data.candles("binance", PAIR, "1m", 50, live_age=5)
    connector = await gateway.sessions.keyless("binance")
    asked = await connector.fetch_candles(PAIR, "1m", limit=50)
    assert list(live[:-1]) == list(asked[:-1])
    assert len(live) == 50
    opened = [news for news in watcher.news if isinstance(news, CandleUpdate) and news.is_new]
    assert len(opened) == 2
    watcher.subscription.close()


async def test_a_crowd_shares_one_stream(gateway: Gateway, both_markets: Sandbox, clock: FakeClock) -> None:
    """Ten who watch the same are one subscription, and see the same; the last one to go ends it."""
    watchers = [await watching(gateway, clock, "trades") for _ in range(10)]
    assert list(streamed(gateway)) == ["trades_binance_BTC-USDT_1000"]
    assert len(both_markets.connections) == 1
    for watcher in watchers[1:]:
        watcher.subscription.close()
        watcher.subscription.close()
    await watchers[0].look_for(2)
    assert all(streamed(gateway).values())
    watchers[0].subscription.close()
    assert streamed(gateway) == {}
    while len(both_markets.connections) > 0:
        clock.advance(0.5)
        await settle()


async def test_a_cut_loses_and_repeats_nothing(gateway: Gateway, both_markets: Sandbox, clock: FakeClock) -> None:
    """Every trade is seen once and in order, over three cuts of the stream with asking in between."""
    watcher = await watching(gateway, clock, "trades")
    for _ in range(3):
        before = both_markets.requests.total()
        await watcher.look_for(3)
        both_markets.connections.cut()
        await watcher.look_for(4)
        assert both_markets.requests.total() > before
        await watcher.look_until(lambda: all(streamed(gateway).values()))
    trades: Sequence[PublicTrade] = [trade for news in watcher.news for trade in news]
    ids = [int(trade.exchange_trade_id) for trade in trades]
    assert len(ids) > 20
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert watcher.errors == []
    watcher.subscription.close()


@pytest.mark.parametrize("kind", ["candles", "trades", "order_book", "ticker"])
async def test_while_the_streams_are_down_rest_serves(
    gateway: Gateway, both_markets: Sandbox, clock: FakeClock, path: SteeredPath, kind: str
) -> None:
    """What a watcher gets is as young as ever, and there is no error."""
    watcher = await watching(gateway, clock, kind)
    both_markets.faults.set(1, [FaultRule(kind=FaultKind.CUT, routes=("market",))])
    await watcher.look_until(lambda: not any(streamed(gateway).values()))
    seen = len(watcher.news)
    await watcher.look_for(10)
    assert len(watcher.news) - seen >= 8
    path.prices[PAIR] = D(70_000)
    await watcher.look_for(3)
    assert abs(_price(watcher.news[-1]) - 70_000) < 200
    assert watcher.errors == []
    watcher.subscription.close()


async def test_a_stream_that_falls_silent_hides_nothing(
    gateway: Gateway, both_markets: Sandbox, clock: FakeClock, path: SteeredPath
) -> None:
    """A connection may stay open and send nothing: five seconds after its last message REST is used again."""
    watcher = await watching(gateway, clock, "order_book")
    both_markets.faults.set(1, [FaultRule(kind=FaultKind.DROP, routes=("market",))])
    path.prices[PAIR] = D(70_000)
    began = clock.monotonic()
    await watcher.look_until(lambda: abs(_price(watcher.news[-1]) - 70_000) < 200)
    assert clock.monotonic() - began <= 6
    both_markets.faults.clear()
    await watcher.look_for(3)
    before = both_markets.requests.total()
    await watcher.look_for(3)
    assert both_markets.requests.total() == before
    watcher.subscription.close()


async def test_an_exchange_that_is_gone_is_an_error(gateway: Gateway, both_markets: Sandbox, clock: FakeClock) -> None:
    """Neither stream nor REST: a watcher gets an error, nothing old, and updates when the exchange is back."""
    watcher = await watching(gateway, clock, "order_book")
    both_markets.refuse_connections()
    await watcher.look_until(lambda: len(watcher.errors) > 0)
    seen = len(watcher.news)
    await watcher.look_for(5)
    assert len(watcher.news) == seen
    both_markets.listen()
    await watcher.look_until(lambda: all(streamed(gateway).values()))
    failed = len(watcher.errors)
    await watcher.look_for(3)
    assert len(watcher.errors) == failed
    assert len(watcher.news) > seen
    watcher.subscription.close()


async def test_questions_are_answered_by_a_fresh_stream_only(
    gateway: Gateway, both_markets: Sandbox, clock: FakeClock
) -> None:
    """Callers over HTTP share what is pushed while it is as young as REST's answer would be; after that REST is asked."""
    watcher = await watching(gateway, clock, "candles")
    seen = len(watcher.news)
    await watcher.look_until(lambda: len(watcher.news) > seen)
    market = gateway.market_data
    key = next(iter(market._live._markets))
    confirmed_at = market._live._markets[key].confirmed_at
    before = both_markets.requests.total()
    await market.candles("binance", PAIR, "1m", 30)
    assert both_markets.requests.total() == before
    clock.advance(1.0 - (clock.monotonic() - confirmed_at))
    assert market._live._markets[key].confirmed_at == confirmed_at
    await market.candles("binance", PAIR, "1m", 30)
    assert both_markets.requests.total() == before + 1
    watcher.subscription.close()


@pytest.mark.parametrize("connector_name", CONNECTORS)
async def test_a_price_is_answered_by_a_fresh_ticker_only(
    gateway: Gateway, both_markets: Sandbox, clock: FakeClock, connector_name: str
) -> None:
    """``GET``-like questions for a price cost nothing while the pushed one is younger than a second; then REST is asked."""
    watcher = await watching(gateway, clock, "ticker", connector_name)
    seen = len(watcher.news)
    await watcher.look_until(lambda: len(watcher.news) > seen)
    market = gateway.market_data
    (live,) = market._live._markets.values()
    confirmed_at, before = live.confirmed_at, both_markets.requests.total()
    assert (await market.prices(connector_name, [PAIR])).prices == {PAIR: watcher.news[-1].price}
    assert both_markets.requests.total() == before
    clock.advance(1.0 - (clock.monotonic() - confirmed_at))
    assert live.confirmed_at == confirmed_at
    await market.prices(connector_name, [PAIR])
    assert both_markets.requests.total() == before + 1
    watcher.subscription.close()


async def test_a_deep_book_is_asked_for(gateway: Gateway, both_markets: Sandbox, clock: FakeClock) -> None:
    """What is pushed has twenty levels; who wants more gets more, over REST."""
    shallow, deep = (
        Watcher(BookSubscription(gateway.market_data, "binance", PAIR, depth), clock) for depth in (20, 21)
    )
    for watcher in (shallow, deep):
        await watcher.subscription.start()
        await watcher.look()
    assert list(streamed(gateway)) == ["order_book_binance_BTC-USDT_20"]
    await shallow.look_until(lambda: all(streamed(gateway).values()))
    before = both_markets.requests.total()
    await deep.look_for(3)
    assert both_markets.requests.total() > before
    await shallow.look_for(2)
    assert [len(news[-1].bids) for news in (shallow.news, deep.news)] == [20, 21]
    assert "order_book_binance_BTC-USDT_20" in {reading.key.name for reading in gateway.market_data.active()}
    assert gateway.market_data.remove_pair("binance", PAIR)
    for watcher in (shallow, deep):
        watcher.subscription.close()


async def test_what_can_not_be_pushed_is_asked_for(gateway: Gateway, clock: FakeClock) -> None:
    """The paper exchange has no streams: nothing is followed, and its watchers see what they always saw."""
    for kind in ("candles", "trades", "order_book", "ticker"):
        watcher = Watcher(subscription_of(gateway, kind, "paper"), clock)
        await watcher.subscription.start()
        await watcher.look_for(2)
        assert watcher.news
        watcher.subscription.close()
    assert streamed(gateway) == {}


async def test_streams_without_an_address(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, both_markets: Sandbox
) -> None:
    """Where only REST's address was changed, the public streams would be of another market: they are not used."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    urls = {"ORDERGATE_BINANCE_REST_URL": both_markets.rest_url}
    async with opened_gateway(directory, sqlite_template, clock, connector_urls=urls) as gateway:
        watcher = Watcher(subscription_of(gateway, "trades", "binance"), clock)
        await watcher.subscription.start()
        await watcher.look_for(3)
        assert watcher.news
        assert not any(streamed(gateway).values())
        assert len(both_markets.connections) == 0
        watcher.subscription.close()


def _price(news: Any) -> D:
    if isinstance(news, CandleUpdate):
        return news.candles[-1].close
    if isinstance(news, Ticker):
        return news.price
    return news[-1].price if isinstance(news, list) else news.bids[0].price
