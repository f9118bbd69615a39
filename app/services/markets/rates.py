"""What one token is worth in another: the rate oracle, and the cross rates of all connectors in use.

The oracle uses the tickers of one connector, its source, which an operator may choose. The choice is stored in the database, so
that it survives restarts and holds for every process. The pool is the tickers of every connector that is in use. The invented
prices of the paper exchange never mix with real ones: the merged pool has them only where there are no others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from app.connectors.registry import connector_class
from app.domain.audit import AuditRecord
from app.domain.errors import ChangeConflict, ExchangeReadError, InvalidArgument, OrdergateError, UnsupportedFeature
from app.domain.markets.rates import RatePool, split_pair
from app.domain.reports import Ticker
from app.services.markets.market_data import TICKERS_AGE, MarketData, connectors_with
from app.storage.accounts import Accounts
from app.storage.preferences import Preferences

_KEY = "rate_oracle"
_PAPER = "paper"
#: The verb that a source must have: rates need all of its prices.
_VERB = "fetch_tickers"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfig:
    """Where rates come from, and the token that values are shown in. ``version`` names the choice that is stored."""

    source: str
    quote: str = "USDT"
    symbol: str = "$"
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerPool:
    """The tickers of several connectors; ``errors`` says why one has none."""

    tickers: Mapping[str, Mapping[str, Ticker]]
    errors: Mapping[str, str] = field(default_factory=dict)

    def updated_at(self, connector_name: str) -> datetime | None:
        """The newest of a connector's tickers; None where there is none."""
        return max((each.reported_at for each in self.tickers.get(connector_name, {}).values()), default=None)


class Rates:
    """The verbs of the oracle and of the pool."""

    def __init__(self, market_data: MarketData, accounts: Accounts, preferences: Preferences) -> None:
        self._market_data = market_data
        self._accounts = accounts
        self._preferences = preferences

    # -- the oracle -----------------------------------------------------------------------------------------------------

    def sources(self) -> list[str]:
        """The connectors that can be the source, sorted."""
        return connectors_with(_VERB)

    async def config(self) -> RateConfig:
        """The operator's choice. Without one the source is the first real exchange in use, else the paper exchange."""
        return await self._config_of(await asyncio.to_thread(self._preferences.get, _KEY))

    async def configure(
        self,
        *,
        source: str | None = None,
        quote: str | None = None,
        symbol: str | None = None,
        versions: Collection[str] | None = None,
        record: AuditRecord | None = None,
    ) -> tuple[RateConfig, Sequence[str]]:
        """Change what is given and leave the rest; ``record`` is appended to the audit log with it. Return the choice as it now is,
        and what changed, in words.

        Raises ``InvalidArgument`` for an unknown source; ``ChangeConflict`` if another change comes at the same moment, or the
        choice is none of those that ``versions`` names; ``KeyRevoked`` and ``CallerChanged``.
        """
        if source is not None and source not in self.sources():
            raise InvalidArgument(f"Invalid rate oracle source: {source}. Available sources: {self.sources()}")
        given = {"source": source, "quote": quote, "symbol": symbol}
        wanted = {name: value for name, value in given.items() if value is not None}
        stored = await asyncio.to_thread(self._preferences.get, _KEY)
        if versions is not None and _version(stored) not in versions:
            raise ChangeConflict.of_version("the rate configuration has", versions, "/rate-oracle/config")
        if wanted:
            changed = {**stored, **wanted}
            if not await asyncio.to_thread(self._preferences.replace, _KEY, stored, changed, record):
                raise ChangeConflict("Another change of the rate configuration came first; nothing was changed")
            stored = changed
        config = await self._config_of(stored)
        changes = [] if source is None else [f"Rate oracle source updated to {source}"]
        if quote is not None or symbol is not None:
            changes.append(f"Global token updated to {config.quote} ({config.symbol})")
        return config, changes

    async def oracle_rates(self, config: RateConfig, trading_pairs: Sequence[str]) -> Mapping[str, Decimal | None]:
        """The rate of each pair by the oracle's source; None where no chain of pairs leads from one token to the other."""
        _check(trading_pairs)
        tickers = await self._market_data.tickers(config.source)
        return _rates(_prices(tickers), trading_pairs)

    async def oracle_prices(self, config: RateConfig) -> Mapping[str, Decimal]:
        """The last price of every pair of the oracle's source."""
        return _prices(await self._market_data.tickers(config.source))

    # -- the pool -------------------------------------------------------------------------------------------------------

    async def pool(self, connector_names: Sequence[str] | None = None, *, max_age: float = TICKERS_AGE) -> TickerPool:
        """The tickers of the named connectors, or of all that are in use.

        Raises ``UnknownConnector``; ``InvalidArgument`` if none of them has tickers, ``ExchangeReadError`` if all failed. If some
        fail, ``errors`` names them.
        """
        names = await self._in_use() if connector_names is None else list(dict.fromkeys(connector_names))
        for name in names:
            _check_known(name)
        able = [name for name in names if name in self.sources()]
        if not able:
            raise InvalidArgument(
                f"None of the connectors has tickers: {names}. Available connectors: {self.sources()}"
            )
        found = await asyncio.gather(
            *(self._market_data.tickers(name, max_age) for name in able), return_exceptions=True
        )
        pool = _pool(dict(zip(able, found, strict=True)), [name for name in names if name not in able])
        if not pool.tickers:
            raise ExchangeReadError("; ".join(f"{name}: {text}" for name, text in pool.errors.items()))
        return pool

    async def pool_prices(
        self, connector_name: str | None = None, *, among: Sequence[str] | None = None
    ) -> Mapping[str, Decimal]:
        """The last price of every pair of one connector, or of those ``among`` which, or of all that are in use, the oracle's
        source first.
        """
        if connector_name is not None:
            return _prices(await self._market_data.tickers(connector_name))
        pool = await self.pool(among)
        source = (await self.config()).source
        merged: dict[str, Decimal] = {}
        for name in sorted(_real(pool.tickers), key=lambda name: (name != source, name)):
            for trading_pair, price in _prices(pool.tickers[name]).items():
                merged.setdefault(trading_pair, price)
        return merged

    async def pool_rates(
        self, trading_pairs: Sequence[str], connector_name: str | None = None, *, among: Sequence[str] | None = None
    ) -> Mapping[str, Decimal | None]:
        """The rate of each pair by one connector's tickers or the merged pool, as ``pool_prices`` has it; None where no chain of
        pairs does.
        """
        _check(trading_pairs)
        return _rates(await self.pool_prices(connector_name, among=among), trading_pairs)

    async def _in_use(self) -> list[str]:
        """The connectors that accounts have credentials for and that have tickers, and the oracle's source."""
        accounts = await asyncio.to_thread(self._accounts.all_credentials)
        sources = self.sources()
        source = (await self.config()).source
        return sorted({account.connector_name for account in accounts if account.connector_name in sources} | {source})

    async def _config_of(self, stored: Mapping[str, Any]) -> RateConfig:
        chosen = {name: stored[name] for name in ("quote", "symbol") if name in stored}
        source = stored.get("source") or await self._default_source()
        return RateConfig(source=source, version=_version(stored), **chosen)

    async def _default_source(self) -> str:
        accounts = await asyncio.to_thread(self._accounts.all_credentials)
        sources = self.sources()
        names = (account.connector_name for account in accounts)
        return min((name for name in names if name in sources and not _is_paper(name)), default=_PAPER)


def _version(stored: Mapping[str, Any]) -> str:
    """A name of the stored choice: the same for the same choice, another for any other."""
    return sha256(repr(sorted(stored.items())).encode()).hexdigest()[:16]


def _check(trading_pairs: Sequence[str]) -> None:
    for trading_pair in trading_pairs:
        try:
            split_pair(trading_pair)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None


def _check_known(name: str) -> None:
    """Raise ``UnknownConnector`` for an unknown name. A known connector that can't trade yet has no tickers."""
    try:
        connector_class(name)
    except UnsupportedFeature:
        return


def _prices(tickers: Mapping[str, Ticker]) -> Mapping[str, Decimal]:
    return {trading_pair: ticker.price for trading_pair, ticker in tickers.items()}


def _rates(prices: Mapping[str, Decimal], trading_pairs: Sequence[str]) -> Mapping[str, Decimal | None]:
    pool = RatePool(prices)
    return {trading_pair: pool.rate(trading_pair) for trading_pair in trading_pairs}


def _real(names: Mapping[str, object]) -> list[str]:
    """The names without the paper exchange's, unless there are no others."""
    return [name for name in names if not _is_paper(name)] or list(names)


def _is_paper(name: str) -> bool:
    return name == _PAPER or name.startswith(f"{_PAPER}_")


def _pool(found: Mapping[str, Mapping[str, Ticker] | BaseException], unable: Sequence[str]) -> TickerPool:
    errors = {name: f"{name} does not support tickers" for name in unable}
    tickers: dict[str, Mapping[str, Ticker]] = {}
    for name, outcome in found.items():
        if isinstance(outcome, OrdergateError):
            errors[name] = outcome.detail
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            tickers[name] = outcome
    return TickerPool(tickers=tickers, errors=errors)
