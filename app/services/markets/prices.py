"""What a token is worth in US dollars, for the value of a portfolio; never for an order.

A token with USD in its name counts as one dollar. Any other token is worth its last trade on the connector where it is held,
against the first of the dollar tokens that it is traded in there. A ticker that can't be read leaves the last known price. A price
that is not known at all is None: the sum leaves the token out, and shows that it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from decimal import Decimal

import structlog

from app.domain.errors import RulesNotLoaded
from app.domain.trading_rule import TradingRule
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

    async def of(self, connector_name: str, tokens: Collection[str]) -> Mapping[str, Decimal | None]:
        """The price of each of ``tokens``, None where it is not known. Raises nothing."""
        prices: dict[str, Decimal | None] = {token: _ONE if is_dollar(token) else None for token in tokens}
        wanted = [token for token, price in prices.items() if price is None]
        if not wanted:
            return prices
        try:
            async with asyncio.timeout(_LIMIT):
                rules = await self._rules.of(connector_name)
                pairs = {token: pair for token in wanted if (pair := _pair(token, rules)) is not None}
                await asyncio.gather(*[self._refresh(connector_name, pair) for pair in pairs.values()])
        except (TimeoutError, RulesNotLoaded) as error:
            log.warning("prices missing", connector_name=connector_name, error=type(error).__name__)
        for token in wanted:
            prices[token] = self._last(connector_name, token)
        return prices

    def _last(self, connector_name: str, token: str) -> Decimal | None:
        tickers = (self._market_data.last_ticker(connector_name, f"{token}-{quote}") for quote in _QUOTES)
        return next((ticker.price for ticker in tickers if ticker is not None), None)

    async def _refresh(self, connector_name: str, trading_pair: str) -> None:
        try:
            await self._market_data.ticker(connector_name, trading_pair, max_age=_MAX_AGE)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no new price; it is logged, and the last price stays
            log.warning(
                "price missing", connector_name=connector_name, trading_pair=trading_pair, error=type(error).__name__
            )


def is_dollar(token: str) -> bool:
    """Whether ``token`` counts as a dollar."""
    return _DOLLAR in token.upper()


def _pair(token: str, rules: Mapping[str, TradingRule]) -> str | None:
    return next((pair for quote in _QUOTES if (pair := f"{token}-{quote}") in rules), None)
