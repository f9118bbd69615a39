"""Connectors and rates, within the bounds of one caller: a key for play money asks no live exchange, not even without naming it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

from app.services.bounded.accounts import Record
from app.services.bounded.bounds import Bounds
from app.services.markets.market_data import TICKERS_AGE
from app.services.markets.rates import RateConfig, Rates, TickerPool


class CallersRates:
    """The verbs of ``Rates`` that read, for one caller."""

    def __init__(self, rates: Rates, bounds: Bounds, record: Record, noted: Callable[[], None]) -> None:
        self._rates = rates
        self._bounds = bounds
        self._record = record
        self._noted = noted
        self.config = rates.config

    async def configure(
        self,
        *,
        source: str | None = None,
        quote: str | None = None,
        symbol: str | None = None,
        versions: Collection[str] | None = None,
    ) -> tuple[RateConfig, Sequence[str]]:
        """As ``Rates.configure``. Raises ``WrongEnvironment`` or ``OutOfBounds`` for a source that is not the caller's."""
        self._bounds.check(connector_name=source)
        record = self._record("rate_oracle.change_config", source or "")
        configured = await self._rates.configure(
            source=source, quote=quote, symbol=symbol, versions=versions, record=record
        )
        if (source, quote, symbol) != (None, None, None):
            self._noted()
        return configured

    def sources(self) -> list[str]:
        """The connectors that can be the source."""
        return self._bounds.seen(self._rates.sources())

    async def oracle_rates(self, config: RateConfig, trading_pairs: Sequence[str]) -> Mapping[str, Decimal | None]:
        """As ``Rates.oracle_rates``. Raises ``WrongEnvironment`` or ``OutOfBounds`` where the source is not the caller's."""
        self._bounds.check(connector_name=config.source)
        return await self._rates.oracle_rates(config, trading_pairs)

    async def oracle_prices(self, config: RateConfig) -> Mapping[str, Decimal]:
        """As ``Rates.oracle_prices``. Raises ``WrongEnvironment`` or ``OutOfBounds`` where the source is not the caller's."""
        self._bounds.check(connector_name=config.source)
        return await self._rates.oracle_prices(config)

    async def pool(self, connector_names: Sequence[str] | None = None, *, max_age: float = TICKERS_AGE) -> TickerPool:
        """As ``Rates.pool``; without names, of the caller's connectors."""
        return await self._rates.pool(self._names(connector_names), max_age=max_age)

    async def pool_prices(self, connector_name: str | None = None) -> Mapping[str, Decimal]:
        """As ``Rates.pool_prices``; without a name, of the caller's connectors."""
        return await self._rates.pool_prices(connector_name, among=self._names(None))

    async def pool_rates(
        self, trading_pairs: Sequence[str], connector_name: str | None = None
    ) -> Mapping[str, Decimal | None]:
        """As ``Rates.pool_rates``; without a name, of the caller's connectors."""
        return await self._rates.pool_rates(trading_pairs, connector_name, among=self._names(None))

    def _names(self, asked: Sequence[str] | None) -> Sequence[str] | None:
        if asked is not None or self._bounds.is_whole:
            return asked
        return self.sources()
