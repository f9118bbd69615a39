"""Trading rules by connector and pair.

The exchange's venue caches the rules and renews them, so nothing is cached here. A caller waits for the first load of a connector,
no longer than ten seconds, and where old rules would refuse what it asks: then they are renewed first, so that a pair that is new
or open again, or a filter that has changed, is known at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from app.concurrency.single_flight import SingleFlight
from app.connectors.base import PAIRS_MAX_AGE, Connector
from app.domain.errors import (
    ExchangeReadFailed,
    OrdergateError,
    RequestError,
    RulesNotLoaded,
    UnsupportedPair,
)
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import OrderRequest
from app.domain.wording import in_words
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds that the first order of a connector may wait for its rules.
_FIRST_LOAD = 10.0
#: A price or a size is not refused by older rules, if younger ones can be had. Callers who keep sending what breaks a rule cost the
#: exchange one question a minute.
_NUMBERS_MAX_AGE = timedelta(seconds=60)


class Rules:
    """The trading rules of every connector."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        #: The keyless connectors whose venues have loaded their rules.
        self._loaded: dict[str, Connector] = {}
        self._loads: SingleFlight[str, None] = SingleFlight()
        #: Why the rules of a connector could not be loaded, by its name; for readiness.
        self.problems: dict[str, str] = {}

    async def of(self, connector_name: str, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        """All rules by pair, no older than ``max_age``, or than ten minutes. Raises ``RulesNotLoaded`` if they could not be loaded
        yet, and with ``max_age`` what the exchange raises.
        """
        connector = self._loaded.get(connector_name)
        if connector is None:
            connector = await self._first_load(connector_name)
        rules = await connector.load_trading_rules(max_age)
        if not rules:
            raise RulesNotLoaded(connector_name)
        return rules

    async def rule(self, connector_name: str, trading_pair: str) -> TradingRule:
        """The rule of one pair. One that is unknown or closed is looked at again first, for it may be new or open by now.

        Raises ``RulesNotLoaded``, also where the look fails, or ``UnsupportedPair``.
        """
        rules = await self.of(connector_name)
        rule = rules.get(trading_pair)
        if rule is None or not rule.is_trading:
            rules = await self._renewed(connector_name)
            rule = rules.get(trading_pair)
        if rule is None:
            raise UnsupportedPair(trading_pair, connector_name, list(rules))
        return rule

    async def checked(self, request: OrderRequest) -> OrderRequest:
        """``request`` as it may be sent: ``TradingRule.checked``. A request that breaks a rule is measured by younger ones first.

        Raises as ``rule`` and ``TradingRule.checked`` do.
        """
        rule = await self.rule(request.connector_name, request.trading_pair)
        try:
            return rule.checked(request)
        except RequestError:
            younger = (await self._younger(request.connector_name)).get(request.trading_pair)
            if younger is None or younger == rule:
                raise
        return younger.checked(request)

    async def close(self) -> None:
        """Stop loading."""
        await self._loads.close()

    async def _renewed(self, connector_name: str) -> Mapping[str, TradingRule]:
        """The rules as young as they must be to deny a pair. Raises ``RulesNotLoaded``, or the ``Refused`` that names a hold."""
        try:
            return await self.of(connector_name, PAIRS_MAX_AGE)
        except ExchangeReadFailed as error:
            log.warning("trading rules not renewed", connector_name=connector_name, problem=error.detail)
            raise RulesNotLoaded(connector_name) from error

    async def _younger(self, connector_name: str) -> Mapping[str, TradingRule]:
        """The rules as young as they must be to refuse a price or a size, or none where the exchange can't be asked: then the rules
        of the last minutes hold.
        """
        try:
            return await self.of(connector_name, _NUMBERS_MAX_AGE)
        except OrdergateError as error:
            log.warning("trading rules not renewed", connector_name=connector_name, problem=error.detail)
            return {}

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
            problem = in_words(error)
            self.problems[connector_name] = f"trading rules not loaded: {problem}"
            log.warning(
                "trading rules not loaded", connector_name=connector_name, problem=problem, error=type(error).__name__
            )
            return
        self.problems.pop(connector_name, None)
        self._loaded[connector_name] = connector
