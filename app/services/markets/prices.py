"""What a token is worth in US dollars, for adding up a portfolio; never for an order.

A token with USD in its name counts as one dollar. Any other is worth its last trade on the connector that holds it, against the
first of the dollar tokens it is traded in there. A price that can't be had is None: the sum goes on without it, and shows that it
did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

import structlog

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight
from app.domain.errors import RulesNotLoaded
from app.domain.trading_rule import TradingRule
from app.services.markets.rules import Rules
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

_DOLLAR = "USD"
_ONE = Decimal(1)
#: What coins are quoted in, the most traded first.
_QUOTES = ("USDT", "USDC", "USD", "FDUSD", "USDE", "BUSD", "TUSD")
#: Seconds for which a price serves: pages of a portfolio are drawn from one set of prices.
_FRESH = 5.0
#: Seconds that all prices of one question may take. What is late is worth its last known price, or is shown without one.
_LIMIT = 5.0
#: Tickers asked for at once; enough for fifty coins in a second, few enough for any exchange's limits.
_AT_ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    price: Decimal
    until: float  # float: the clock's monotonic seconds, no money


class Prices:
    """Last prices by connector, remembered for a moment."""

    def __init__(self, *, sessions: Sessions, rules: Rules, clock: Clock) -> None:
        self._sessions = sessions
        self._rules = rules
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        self._flights: SingleFlight[tuple[str, str], None] = SingleFlight()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def of(self, connector_name: str, tokens: Collection[str]) -> Mapping[str, Decimal | None]:
        """The price of each of ``tokens``, None where there is none. Raises nothing."""
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

    async def close(self) -> None:
        """Give up on what is under way."""
        await self._flights.close()

    def _last(self, connector_name: str, token: str) -> Decimal | None:
        known = (self._known.get((connector_name, f"{token}-{quote}")) for quote in _QUOTES)
        return next((each.price for each in known if each is not None), None)

    async def _refresh(self, connector_name: str, trading_pair: str) -> None:
        key = (connector_name, trading_pair)
        known = self._known.get(key)
        if known is None or known.until <= self._clock.monotonic():
            await self._flights.run(key, lambda: self._ask(connector_name, trading_pair))

    async def _ask(self, connector_name: str, trading_pair: str) -> None:
        try:
            async with self._slots:
                connector = await self._sessions.keyless(connector_name)
                ticker = await connector.fetch_ticker(trading_pair)
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises, there is no new price; it is told, and the last one stays
            log.warning(
                "price missing", connector_name=connector_name, trading_pair=trading_pair, error=type(error).__name__
            )
            return
        until = self._clock.monotonic() + _FRESH
        self._known[(connector_name, trading_pair)] = _Known(price=ticker.price, until=until)


def is_dollar(token: str) -> bool:
    """Whether ``token`` counts as a dollar."""
    return _DOLLAR in token.upper()


def _pair(token: str, rules: Mapping[str, TradingRule]) -> str | None:
    return next((pair for quote in _QUOTES if (pair := f"{token}-{quote}") in rules), None)
