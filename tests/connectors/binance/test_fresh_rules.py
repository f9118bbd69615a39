"""How old the rules of a market may be: pairs that are listed, closed or changed while the gateway runs, on both markets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.account import BinanceAccount
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.capabilities import MarketTopic
from app.domain.errors import ExchangeReadError, OrderRefused, UnsupportedPair
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order
from tests.connectors.binance.conftest import PAYLOADS
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import Reply, StubExchange, error, reply
from tests.services.world import until

#: What both markets answer to an order that breaks a rule.
CONTRADICTIONS = {
    "binance": [
        (-1013, "Filter failure: PRICE_FILTER"),
        (-1111, "Parameter 'price' has too much precision."),
        (-1121, "Invalid symbol."),
        (-2010, "Market is closed."),
    ],
    "binance_perpetual": [
        (-4014, "Price not increased by tick size."),
        (-1111, "Precision is over the maximum defined for this asset."),
        (-1121, "Invalid symbol."),
        (-4141, "Symbol is closed."),
        (-4164, "Order's notional must be no smaller than 5."),
    ],
}


@dataclass
class Market:
    """One market at a scripted exchange, whose symbols the test changes."""

    connector: BinanceAccount
    exchange: StubExchange
    prefix: str
    name: str

    def now_with(self, **symbol: Any) -> None:
        """From now on ``exchangeInfo`` has the first of its symbols of BTC changed in this way."""
        info = json.loads((PAYLOADS / f"{self.name}_exchange_info.json").read_text())
        row = next(row for row in info["symbols"] if row["symbol"] == "BTCUSDT")
        if "symbol" in symbol:
            info["symbols"].append({**row, **symbol})
        else:
            row.update(symbol)
        self.exchange.script("GET", f"{self.prefix}/exchangeInfo", reply(info))

    @property
    def questions(self) -> int:
        """How often the exchange was asked for its symbols."""
        return len(self.exchange.asked("GET", f"{self.prefix}/exchangeInfo"))

    @property
    def tick(self) -> Decimal:
        """The tick of BTC-USDT as it is known."""
        return self.connector.venue.known_markets.rules["BTC-USDT"].min_price_increment

    async def rule(self, trading_pair: str = "BTC-USDT") -> TradingRule | None:
        return (await self.connector.load_trading_rules()).get(trading_pair)


@pytest.fixture(params=["spot", "perpetual"])
def market(
    request: pytest.FixtureRequest,
    spot: BinanceConnector,
    perpetual: BinancePerpetualConnector,
    exchange: StubExchange,
) -> Market:
    if request.param == "spot":
        return Market(spot, exchange, "/api/v3", "spot")
    return Market(perpetual, exchange, "/fapi/v1", "perpetual")


def with_tick(tick: str) -> list[dict[str, str]]:
    """Filters with this tick and nothing else."""
    return [{"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick}]


async def test_rules_are_never_older_than_ten_minutes(market: Market, clock: HandClock) -> None:
    """After five minutes a use renews them beside it; after an hour of quiet the first use waits for new ones."""
    await market.rule()
    market.now_with(filters=with_tick("0.5"))
    clock.advance(300)
    await market.rule()
    await until(lambda: market.tick == Decimal("0.5") and not market.connector.venue._markets._flights)
    market.now_with(filters=with_tick("0.25"))
    clock.advance(3600)
    rule = await market.rule()
    assert rule is not None
    assert rule.min_price_increment == Decimal("0.25")


async def test_old_rules_serve_where_the_exchange_does_not_tell_new_ones(market: Market, clock: HandClock) -> None:
    """The exchange judges what is sent, so nothing wrong can come of it; it is asked again a few seconds later."""
    before = await market.rule()
    market.exchange.script("GET", f"{market.prefix}/exchangeInfo", Reply(status=500))
    clock.advance(3600)
    assert await market.rule() == before
    assert await market.rule() == before
    assert market.questions == 2
    clock.advance(5)
    assert await market.rule() == before
    assert market.questions == 3
    market.now_with(filters=with_tick("0.5"))
    clock.advance(5)
    rule = await market.rule()
    assert rule is not None
    assert rule.min_price_increment == Decimal("0.5")


async def test_a_pair_that_was_listed_meanwhile_has_a_price(market: Market, clock: HandClock) -> None:
    """Before a pair is denied the exchange is asked for its pairs, and then not again for ten seconds."""
    await market.rule()
    clock.advance(10)
    ticker = {"lastPrice": "7", "volume": "1", "quoteVolume": "7", "closeTime": 1_795_000_000_000}
    market.exchange.script("GET", f"{market.prefix}/ticker/24hr", reply(ticker))
    market.exchange.script("GET", f"{market.prefix}/depth", reply({"bids": [], "asks": [], "T": 1_795_000_000_000}))
    market.exchange.script("GET", f"{market.prefix}/klines", reply([]))
    market.now_with(symbol="NEWUSDT", baseAsset="NEW")
    assert (await market.connector.fetch_ticker("NEW-USDT")).price == 7
    await market.connector.fetch_order_book("NEW-USDT", 5)
    assert not await market.connector.fetch_candles("NEW-USDT", "1m", limit=5)
    assert market.questions == 2
    for _ in range(5):
        with pytest.raises(UnsupportedPair):
            await market.connector.fetch_ticker("NO-USDT")
    assert market.questions == 2
    clock.advance(10)
    with pytest.raises(UnsupportedPair):
        await market.connector.fetch_ticker("NO-USDT")
    assert market.questions == 3


async def test_streams_look_again_too(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, clock: HandClock
) -> None:
    """A pair can be followed exactly if it can be asked about."""
    await perpetual.load_trading_rules()
    clock.advance(10)
    events = perpetual.follow(MarketTopic(kind="ticker", trading_pair="NO-USDT"))
    with pytest.raises(UnsupportedPair):
        await anext(events)
    assert len(exchange.asked("GET", "/fapi/v1/exchangeInfo")) == 2


@pytest.mark.parametrize("number", range(5))
async def test_a_refusal_for_a_rule_renews_the_rules(
    market: Market, clock: HandClock, order_of: Callable[..., Order], number: int
) -> None:
    """The next order is checked by the rules of now; a row of such refusals costs one question in ten seconds."""
    contradictions = CONTRADICTIONS[market.connector.name]
    if number >= len(contradictions):
        return
    await market.rule()
    clock.advance(10)
    market.now_with(filters=with_tick("0.5"))
    market.exchange.script("POST", f"{market.prefix}/order", error(400, *contradictions[number]))
    for attempt in range(3):
        with pytest.raises(OrderRefused):
            await market.connector.submit_order(order_of(order_id=f"o{attempt}"))
    rule = await market.rule()
    assert rule is not None
    assert rule.min_price_increment == Decimal("0.5")
    assert market.questions == 2


async def test_a_refusal_that_came_too_early_for_a_question_is_not_forgotten(
    market: Market, clock: HandClock, order_of: Callable[..., Order]
) -> None:
    """Rules that are younger than ten seconds are renewed as soon as they are that old."""
    await market.rule()
    market.now_with(filters=with_tick("0.5"))
    code, text = CONTRADICTIONS[market.connector.name][0]
    market.exchange.script("POST", f"{market.prefix}/order", error(400, code, text))
    with pytest.raises(OrderRefused):
        await market.connector.submit_order(order_of())
    await market.rule()
    assert market.questions == 1
    clock.advance(10)
    rule = await market.rule()
    assert rule is not None
    assert rule.min_price_increment == Decimal("0.5")


async def test_other_refusals_renew_nothing(market: Market, clock: HandClock, order_of: Callable[..., Order]) -> None:
    """An account without money says nothing about the pair."""
    await market.rule()
    clock.advance(60)
    answer = error(400, -2010, "Account has insufficient balance for requested action.")
    market.exchange.script("POST", f"{market.prefix}/order", answer)
    with pytest.raises(OrderRefused):
        await market.connector.submit_order(order_of())
    await market.rule()
    assert market.questions == 1


async def test_a_question_about_a_symbol_that_was_removed_renews_the_pairs(market: Market, clock: HandClock) -> None:
    """What the exchange no longer knows is soon no longer offered."""
    await market.rule()
    clock.advance(10)
    info = json.loads((PAYLOADS / f"{market.name}_exchange_info.json").read_text())
    info["symbols"] = [row for row in info["symbols"] if row["symbol"] != "BTCUSDT"]
    market.exchange.script("GET", f"{market.prefix}/exchangeInfo", reply(info))
    market.exchange.script("GET", f"{market.prefix}/ticker/24hr", error(400, -1121, "Invalid symbol."))
    with pytest.raises(ExchangeReadError):
        await market.connector.fetch_ticker("BTC-USDT")
    assert await market.rule() is None
    with pytest.raises(UnsupportedPair):
        await market.connector.fetch_ticker("BTC-USDT")
