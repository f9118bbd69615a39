"""What a token is worth in US dollars, for the value of a portfolio; never for an order.

A token with USD in its name counts as one dollar. Any other token is worth its last trade on the connector where it is held,
against the first of the dollar tokens that it is traded in there, or that are traded in it. Where there is no such market, it is
worth what the connector's tickers give over tokens in between, by the search of the rates. A name that is no coin (of a product of
the exchange, for example) is worth the coin that it stands for by the connector's table. A price that can't be read now leaves the
last known one. A price that is not known at all is None: the sum leaves the token out, and shows that it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from decimal import Decimal

import structlog

from app.connectors.registry import connector_class
from app.domain.errors import OrdergateError, RulesNotLoaded
from app.domain.markets.rates import RatePool
from app.domain.markets.trading_rule import TradingRule
from app.services.markets.market_data import MarketData
from app.services.markets.rules import Rules

log = structlog.get_logger(__name__)

_DOLLAR = "USD"
_ONE = Decimal(1)
#: What coins are quoted in, the most traded first.
_QUOTES = ("USDT", "USDC", "USD", "FDUSD", "USDE", "BUSD", "TUSD")
#: Seconds for which a price serves: the pages of a portfolio show one set of prices.
_MAX_AGE = 5.0
#: Seconds that all prices of one question may take. A token whose price is late has its last known price, or none.
_LIMIT = 5.0


class Prices:
    """Last prices by connector."""

    def __init__(self, *, market_data: MarketData, rules: Rules) -> None:
        self._market_data = market_data
        self._rules = rules
        #: What was found last, by connector and token.
        self._known: dict[tuple[str, str], Decimal] = {}

    async def of(self, connector_name: str, tokens: Collection[str]) -> Mapping[str, Decimal | None]:
        """The price of each of ``tokens``, None where it is not known. Raises nothing."""
        prices: dict[str, Decimal | None] = {token: _ONE if is_dollar(token) else None for token in tokens}
        wanted = [token for token, price in prices.items() if price is None]
        if not wanted:
            return prices
        try:
            async with asyncio.timeout(_LIMIT):
                await self._renew(connector_name, wanted)
        except (TimeoutError, RulesNotLoaded) as error:
            log.warning("prices missing", connector_name=connector_name, error=type(error).__name__)
        for token in wanted:
            prices[token] = self._known.get((connector_name, token))
        return prices

    async def _renew(self, connector_name: str, tokens: Collection[str]) -> None:
        rules = await self._rules.of(connector_name)
        listed = {name for pair in rules for name in pair.split("-")}
        coins = {token: _coin(connector_name, token, listed) for token in tokens}
        left = await self._renew_directly(connector_name, coins, rules, trading=True)
        if left := await self._renew_over_others(connector_name, left, listed):
            left = await self._renew_directly(connector_name, left, rules, trading=False)
        for token in left:
            self._known.pop((connector_name, token), None)

    async def _renew_directly(
        self, connector_name: str, coins: Mapping[str, str], rules: Mapping[str, TradingRule], *, trading: bool
    ) -> dict[str, str]:
        """Read one market of each coin against a dollar. Return the tokens that have none, or none with a trade."""

        async def renew(token: str, coin: str) -> bool:
            if is_dollar(coin):
                self._known[connector_name, token] = _ONE
                return True
            pair = _pair(coin, rules, trading=trading)
            return pair is not None and await self._read(connector_name, token, coin, pair)

        found = await asyncio.gather(*(renew(token, coin) for token, coin in coins.items()))
        return {token: coin for (token, coin), has_price in zip(coins.items(), found, strict=True) if not has_price}

    async def _read(self, connector_name: str, token: str, coin: str, pair: str) -> bool:
        """Read a market; False if it has had no trade. One that can't be read leaves what is known."""
        try:
            ticker = await self._market_data.ticker(connector_name, pair, max_age=_MAX_AGE)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no new price; it is logged, and the last price stays
            log.warning("price missing", connector_name=connector_name, trading_pair=pair, error=type(error).__name__)
            return True
        return self._find(connector_name, token, coin, RatePool({pair: ticker.price}))

    async def _renew_over_others(
        self, connector_name: str, coins: Mapping[str, str], listed: Collection[str]
    ) -> dict[str, str]:
        """Look for a way over other markets. Return the tokens that have none."""
        if not any(coin in listed for coin in coins.values()):
            return dict(coins)
        try:
            tickers = await self._market_data.tickers(connector_name)
        except OrdergateError as error:
            log.warning("prices missing", connector_name=connector_name, error=type(error).__name__)
            return {token: coin for token, coin in coins.items() if (connector_name, token) not in self._known}
        pool = RatePool({pair: ticker.price for pair, ticker in tickers.items()})
        return {
            token: coin
            for token, coin in coins.items()
            if coin not in listed or not self._find(connector_name, token, coin, pool)
        }

    def _find(self, connector_name: str, token: str, coin: str, pool: RatePool) -> bool:
        rates = (pool.rate(f"{coin}-{quote}") for quote in _QUOTES)
        price = next((rate for rate in rates if rate is not None), None)
        if price is not None:
            self._known[connector_name, token] = price
        return price is not None


def is_dollar(token: str) -> bool:
    """Whether ``token`` counts as a dollar."""
    return _DOLLAR in token.upper()


def _coin(connector_name: str, token: str, listed: Collection[str]) -> str:
    """The coin that ``token`` is, or stands for. What is traded under its own name stands for nothing else."""
    if token in listed:
        return token
    try:
        names = connector_class(connector_name).capabilities.balance_names
    except OrdergateError:  # a connector of another version, whose names nobody knows
        return token
    if token in names.stand_for:
        return names.stand_for[token]
    return next((rest for prefix in names.prefixes if (rest := token.removeprefix(prefix)) in listed), token)


def _pair(coin: str, rules: Mapping[str, TradingRule], *, trading: bool) -> str | None:
    pairs = (pair for quote in _QUOTES for pair in (f"{coin}-{quote}", f"{quote}-{coin}") if pair in rules)
    return next((pair for pair in pairs if rules[pair].is_trading is trading), None)
