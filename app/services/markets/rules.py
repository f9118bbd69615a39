"""Trading rules by connector and pair.

The exchange's venue caches the rules and renews them, so nothing is cached here. A caller waits only for the first load of a
connector, and no longer than ten seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from app.concurrency.single_flight import SingleFlight
from app.connectors.base import Connector
from app.domain.errors import OrdergateError, RulesNotLoaded, UnsupportedPair
from app.domain.trading_rule import TradingRule
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds that the first order of a connector may wait for its rules.
_FIRST_LOAD = 10.0


class Rules:
    """The trading rules of every connector."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        #: The keyless connectors whose venues have loaded their rules.
        self._loaded: dict[str, Connector] = {}
        self._loads: SingleFlight[str, None] = SingleFlight()
        #: Why the rules of a connector could not be loaded, by its name; for readiness.
        self.problems: dict[str, str] = {}

    async def of(self, connector_name: str) -> Mapping[str, TradingRule]:
        """All rules by pair. Raises ``RulesNotLoaded`` if they could not be loaded yet."""
        connector = self._loaded.get(connector_name)
        if connector is None:
            connector = await self._first_load(connector_name)
        rules = await connector.load_trading_rules()
        if not rules:
            raise RulesNotLoaded(connector_name)
        return rules

    async def rule(self, connector_name: str, trading_pair: str) -> TradingRule:
        """The rule of one pair. Raises ``RulesNotLoaded`` or ``UnsupportedPair``."""
        rules = await self.of(connector_name)
        try:
            return rules[trading_pair]
        except KeyError:
            raise UnsupportedPair(trading_pair, connector_name, list(rules)) from None

    async def close(self) -> None:
        """Stop loading."""
        await self._loads.close()

    async def _first_load(self, connector_name: str) -> Connector:
        load = self._loads.start(connector_name, lambda: self._load(connector_name))
        await asyncio.wait({load}, timeout=_FIRST_LOAD)
        try:
            return self._loaded[connector_name]
        except KeyError:
            raise RulesNotLoaded(connector_name) from None

    async def _load(self, connector_name: str) -> None:
        try:
            connector = await self._sessions.keyless(connector_name)
            await connector.load_trading_rules()
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises, the rules are not loaded; it is logged and tried again
            problem = error.detail if isinstance(error, OrdergateError) else type(error).__name__
            self.problems[connector_name] = f"trading rules not loaded: {problem}"
            log.warning("trading rules not loaded", connector_name=connector_name, problem=problem)
            return
        self.problems.pop(connector_name, None)
        self._loaded[connector_name] = connector
