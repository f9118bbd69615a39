"""What tokens are worth in dollars: read through the readings, and the last known price where no new one can be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import cast

import pytest

from app.domain.errors import ExchangeReadError, RulesNotLoaded
from app.domain.markets.trading_rule import TradingRule
from app.domain.reports import Ticker
from app.services.markets.market_data import MarketData
from app.services.markets.prices import Prices
from app.services.markets.readings import FEED_TIMEOUT, Readings
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from tests.clock import START, FakeClock
from tests.services.world import TIMEOUT, until


def rule(pair: str, *, is_trading: bool = True) -> TradingRule:
    quote = pair.partition("-")[2]
    return TradingRule(
        trading_pair=pair,
        is_trading=is_trading,
        buy_order_collateral_token=quote,
        sell_order_collateral_token=quote,
    )


def trading(*pairs: str) -> dict[str, TradingRule]:
    return {pair: rule(pair) for pair in pairs}


class Exchange:
    """A keyless connector, its sessions and its rules in one. It trades ``pairs`` at ``price``."""

    capabilities = None

    def __init__(self) -> None:
        self.pairs = trading("BTC-USDT", "ETH-USDC", "ETH-USD")
        self.price = Decimal(100)
        #: By pair, where it is not ``price``.
        self.prices: dict[str, Decimal] = {}
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = self.most_at_once = 0
        self.others: dict[str, Exchange] = {}

    async def keyless(self, connector_name: str) -> Exchange:
        return self.others.get(connector_name, self)

    async def of(self, connector_name: str) -> Mapping[str, TradingRule]:
        if not self.pairs:
            raise RulesNotLoaded(connector_name)
        return self.pairs

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        self.asked.append(trading_pair)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        if self.fault is not None:
            raise self.fault
        return self._ticker(trading_pair)

    async def fetch_tickers(self) -> list[Ticker]:
        self.asked.append("all")
        if self.fault is not None:
            raise self.fault
        return [self._ticker(pair) for pair, rule in self.pairs.items() if rule.is_trading]

    def _ticker(self, pair: str) -> Ticker:
        return Ticker(trading_pair=pair, price=self.prices.get(pair, self.price), reported_at=START)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def market_data(exchange: Exchange, clock: FakeClock) -> AsyncIterator[MarketData]:
    market_data = MarketData(cast(Sessions, exchange), Readings(clock, TIMEOUT), clock)
    yield market_data
    await market_data.close()


@pytest.fixture
def prices(exchange: Exchange, market_data: MarketData) -> Prices:
    return Prices(market_data=market_data, rules=cast(Rules, exchange))


async def test_a_token_is_worth_its_last_trade_against_a_dollar(prices: Prices, exchange: Exchange) -> None:
    """The first dollar token that it is traded in counts; dollars are dollars, and what is not traded has no price."""
    found = await prices.of("odd", ["BTC", "ETH", "USDT", "ODD"])
    assert found == {"BTC": 100, "ETH": 100, "USDT": 1, "ODD": None}
    assert sorted(exchange.asked) == ["BTC-USDT", "ETH-USDC"]


async def test_prices_are_readings(prices: Prices, market_data: MarketData, exchange: Exchange) -> None:
    """What somebody else has just read serves, and the other way round."""
    await market_data.ticker("odd", "BTC-USDT")
    await prices.of("odd", ["BTC"])
    await prices.of("odd", ["ETH"])
    await market_data.ticker("odd", "ETH-USDC")
    assert exchange.asked == ["BTC-USDT", "ETH-USDC"]
    assert [reading.key.trading_pair for reading in market_data.active()] == ["BTC-USDT", "ETH-USDC"]


async def test_a_price_serves_for_five_seconds(prices: Prices, exchange: Exchange, clock: FakeClock) -> None:
    """Then it is read anew."""
    await prices.of("odd", ["BTC"])
    exchange.price = Decimal(120)
    clock.advance(4.9)
    assert await prices.of("odd", ["BTC"]) == {"BTC": 100}
    clock.advance(0.1)
    assert await prices.of("odd", ["BTC"]) == {"BTC": 120}


@pytest.mark.parametrize("fault", [ExchangeReadError("not now"), ZeroDivisionError()])
async def test_a_ticker_that_fails_leaves_the_last_known_price(
    prices: Prices, exchange: Exchange, clock: FakeClock, fault: Exception
) -> None:
    """However often it fails, while somebody asks for it within the time that a reading is remembered."""
    await prices.of("odd", ["BTC"])
    exchange.fault = fault
    for _ in range(3):
        clock.advance(FEED_TIMEOUT.total_seconds() - 1)
        assert await prices.of("odd", ["BTC", "ETH"]) == {"BTC": 100, "ETH": None}


async def test_without_rules_the_last_known_price_stands(prices: Prices, exchange: Exchange, clock: FakeClock) -> None:
    """An exchange that does not say what it trades is asked for no ticker."""
    await prices.of("odd", ["BTC"])
    exchange.pairs = {}
    clock.advance(60)
    assert await prices.of("odd", ["BTC", "ETH"]) == {"BTC": 100, "ETH": None}
    assert exchange.asked == ["BTC-USDT"]


async def test_a_ticker_that_is_late_is_there_for_the_next_caller(
    prices: Prices, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one does not wait for it."""
    monkeypatch.setattr("app.services.markets.prices._LIMIT", 0.01)
    exchange.gate.clear()
    assert await prices.of("odd", ["BTC"]) == {"BTC": None}
    exchange.gate.set()
    await until(lambda: exchange.at_once == 0)
    assert await prices.of("odd", ["BTC"]) == {"BTC": 100}
    assert exchange.asked == ["BTC-USDT"]


async def test_not_all_tickers_are_read_at_once(prices: Prices, exchange: Exchange) -> None:
    """Fifty coins must not use up an exchange's limits."""
    tokens = [f"C{number}" for number in range(50)]
    exchange.pairs = trading(*(f"{token}-USDT" for token in tokens))
    exchange.gate.clear()
    asking = asyncio.create_task(prices.of("odd", tokens))
    await until(lambda: exchange.at_once == 5)
    exchange.gate.set()
    assert set((await asking).values()) == {Decimal(100)}
    assert exchange.most_at_once == 5


async def test_an_exchange_that_hangs_holds_up_no_other(prices: Prices, exchange: Exchange) -> None:
    """Its requests wait for themselves only."""
    tokens = [f"C{number}" for number in range(9)]
    exchange.pairs = trading(*(f"{token}-USDT" for token in tokens))
    exchange.others["other"] = Exchange()
    exchange.gate.clear()
    asking = asyncio.create_task(prices.of("odd", tokens))
    await until(lambda: exchange.at_once == 5)
    assert await prices.of("other", ["C1"]) == {"C1": 100}
    exchange.gate.set()
    await asking


async def test_a_market_the_other_way_round(prices: Prices, exchange: Exchange) -> None:
    """Where dollars are what is traded in the token, as in USDT-BRL, the price is turned round."""
    exchange.pairs = trading("USDT-BRL", "BTC-USDT")
    exchange.prices = {"USDT-BRL": Decimal(5)}
    assert await prices.of("odd", ["BRL"]) == {"BRL": Decimal("0.2")}
    assert exchange.asked == ["USDT-BRL"]


async def test_a_coin_that_is_traded_against_no_dollar(prices: Prices, exchange: Exchange, clock: FakeClock) -> None:
    """The rates' search finds the way over other coins, from one question for all tickers; the last one stands while that fails."""
    exchange.pairs = trading("BTC-USDT", "OLD-BTC", "OLD-X", "EUR-X", "BTC-EUR")
    exchange.prices = {"BTC-USDT": Decimal(60_000), "OLD-BTC": Decimal("0.001"), "BTC-EUR": Decimal(50_000)}
    assert await prices.of("odd", ["OLD", "EUR"]) == {"OLD": 60, "EUR": Decimal("1.2")}
    assert exchange.asked == ["all"]
    exchange.fault = ExchangeReadError("not now")
    clock.advance(60)
    assert await prices.of("odd", ["OLD", "EUR"]) == {"OLD": 60, "EUR": Decimal("1.2")}


async def test_a_market_that_is_halted_or_was_never_used(prices: Prices, exchange: Exchange) -> None:
    """A market in use counts first, then a way over others, then the last trade before the halt. Zero is no price."""
    exchange.pairs = trading("A-USDC", "B-USDT", "B-BTC", "BTC-USDT", "C-USDT") | {
        pair: rule(pair, is_trading=False) for pair in ("A-USDT", "D-USDT", "E-USDT")
    }
    exchange.prices = {
        "A-USDT": Decimal(1),
        "A-USDC": Decimal(2),
        "B-USDT": Decimal(0),
        "B-BTC": Decimal("0.5"),
        "C-USDT": Decimal(0),
        "D-USDT": Decimal(7),
        "E-USDT": Decimal(0),
    }
    found = await prices.of("odd", ["A", "B", "C", "D", "E"])
    assert found == {"A": 2, "B": 50, "C": None, "D": 7, "E": None}


async def test_what_is_no_longer_traded_has_no_price(prices: Prices, exchange: Exchange) -> None:
    """A price that was known once is not the price of a coin without any market."""
    assert await prices.of("odd", ["BTC"]) == {"BTC": 100}
    exchange.pairs = trading("ETH-USDC")
    assert await prices.of("odd", ["BTC"]) == {"BTC": None}


async def test_names_that_are_no_coin(prices: Prices, exchange: Exchange) -> None:
    """They are worth the coin that they stand for at their exchange; a coin of such a name is itself. What is unknown stays so."""
    exchange.pairs = trading("BTC-USDT", "ETH-USDT", "LDO-USDT", "O-USDT", "BAKE-USDT", "USDT-BRL")
    exchange.prices = {"BTC-USDT": Decimal(60_000), "ETH-USDT": Decimal(3_000), "LDO-USDT": Decimal(2)}
    tokens = ["LDBTC", "LDO", "LDUSDT", "LDBAKET", "BETH", "BNFCR", "LDBRL", "LDNOPE", "LD"]
    assert await prices.of("binance", tokens) == {
        "LDBTC": 60_000,
        "LDO": 2,
        "LDUSDT": 1,
        "LDBAKET": 100,
        "BETH": 3_000,
        "BNFCR": 1,
        "LDBRL": Decimal("0.01"),
        "LDNOPE": None,
        "LD": None,
    }
    assert await prices.of("paper", ["LDBTC"]) == {"LDBTC": None}
