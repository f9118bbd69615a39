"""Trading rules: loaded once a connector on first use, refreshed when they grow old, shared by all accounts.

Stale rules are served while fresh ones are fetched; a caller waits only for the first load, and not for long. A rule for which no
exchange has to be asked stands here too: which order ids a connector can send.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.connectors.base import Capabilities
from app.domain.errors import OrdergateError, RulesNotLoaded, SchemaViolation, UnsupportedPair
from app.domain.trading_rule import TradingRule
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Exchanges change filters rarely and announce it; an hour keeps us close without weight on their limits.
_MAX_AGE = timedelta(hours=1)
#: How soon a failed refresh is tried again.
_RETRY = timedelta(seconds=30)
#: How long the first order of a connector may wait for its rules.
_FIRST_LOAD = timedelta(seconds=10)


@dataclass(slots=True)
class _Loaded:
    rules: Mapping[str, TradingRule]
    refresh_at: datetime


class Rules:
    """The trading rules of every connector."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._loaded: dict[str, _Loaded] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        #: Why the rules of a connector could not be loaded, by its name; for readiness.
        self.problems: dict[str, str] = {}

    async def of(self, connector_name: str) -> Mapping[str, TradingRule]:
        """All rules by pair. Raises ``RulesNotLoaded`` if they could not be fetched yet."""
        loaded = self._loaded.get(connector_name)
        if loaded is None or loaded.refresh_at <= self._clock.now():
            task = self._load_soon(connector_name)
            if loaded is None:
                await asyncio.wait({task}, timeout=_FIRST_LOAD.total_seconds())
                loaded = self._loaded.get(connector_name)
        if loaded is None or not loaded.rules:
            raise RulesNotLoaded(connector_name)
        return loaded.rules

    async def rule(self, connector_name: str, trading_pair: str) -> TradingRule:
        """The rule of one pair. Raises ``RulesNotLoaded`` or ``UnsupportedPair``."""
        rules = await self.of(connector_name)
        try:
            return rules[trading_pair]
        except KeyError:
            raise UnsupportedPair(trading_pair, connector_name, list(rules)) from None

    async def close(self) -> None:
        """Stop loading."""
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    def _load_soon(self, connector_name: str) -> asyncio.Task[None]:
        task = self._loading.get(connector_name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(connector_name))
            self._loading[connector_name] = task
            task.add_done_callback(lambda _: self._loading.pop(connector_name, None))
        return task

    async def _load(self, connector_name: str) -> None:
        now = self._clock.now()
        try:
            connector = await self._sessions.keyless(connector_name)
            rules = await connector.load_trading_rules()
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises, the rules are not here; it is told and retried
            problem = error.detail if isinstance(error, OrdergateError) else type(error).__name__
            self.problems[connector_name] = f"trading rules not loaded: {problem}"
            log.warning("trading rules not loaded", connector_name=connector_name, problem=problem)
            if connector_name in self._loaded:
                self._loaded[connector_name].refresh_at = now + _RETRY
            return
        self._loaded[connector_name] = _Loaded(rules, now + _MAX_AGE)
        self.problems.pop(connector_name, None)


def check_client_order_id(client_order_id: str | None, connector_name: str, can: Capabilities) -> None:
    """Raise ``SchemaViolation`` if the connector could not send an order under that id, so that no intent is written for it."""
    if client_order_id is None or re.fullmatch(can.client_id_pattern, client_order_id, re.ASCII):
        return
    fault = {
        "type": "string_pattern_mismatch",
        "loc": ["body", "client_order_id"],
        "msg": f"String should match pattern '{can.client_id_pattern}' on {connector_name}",
        "input": client_order_id,
        "ctx": {"pattern": can.client_id_pattern},
    }
    raise SchemaViolation([fault])
