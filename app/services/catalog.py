"""The connectors: what they can do, which credentials they need, their trading rules, and whether they are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.registry import connector_class, credential_fields, served_names
from app.domain.errors import JournalUnavailable
from app.domain.trading_rule import TradingRule
from app.journal.journal import Journal
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from app.storage.accounts import Accounts

#: Seconds within which the database answers a short question.
_READ_SECONDS = 0.5

#: Seconds for which what is wrong is taken to be the same.
_PROBLEMS_SECONDS = 1.0

#: The journal's problem, and the connectors' by name; None is none.
Problems = tuple[str | None, Mapping[str, str | None]]


class Catalog:
    """Describes the connectors."""

    def __init__(self, *, journal: Journal, accounts: Accounts, rules: Rules, sessions: Sessions, clock: Clock) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rules = rules
        self._sessions = sessions
        self._problems: Cached[Problems] = Cached(clock, self._look)

    def list_connectors(self) -> list[str]:
        """The names of the connectors that can trade."""
        return served_names()

    def capabilities(self, connector_name: str) -> Capabilities:
        """What a connector can do. Raises ``UnknownConnector`` or ``UnsupportedConnector``."""
        return connector_class(connector_name).capabilities

    def credential_fields(self, connector_name: str) -> Mapping[str, CredentialField]:
        """The fields of a connector's credentials, also of one that can't trade yet. Raises ``UnknownConnector``."""
        return credential_fields(connector_name)

    async def trading_rules(self, connector_name: str) -> Mapping[str, TradingRule]:
        """The rules of a connector by pair. Raises ``UnknownConnector``, ``UnsupportedConnector`` or ``RulesNotLoaded``."""
        connector_class(connector_name)
        return await self._rules.of(connector_name)

    async def problems(self) -> Problems:
        """The problem of the journal and of each connector in use, None where there is none. Asks no exchange: a connector that has
        not been used yet has no problem. Anybody may ask, so the answer is a second old at the most, and shared.
        """
        return await self._problems.get(_PROBLEMS_SECONDS)

    async def close(self) -> None:
        """Cancel a look that is under way."""
        await self._problems.close()

    async def _look(self) -> Problems:
        journal = await self._journal.problem()
        if journal is not None:
            return journal, {}
        try:
            async with asyncio.timeout(_READ_SECONDS):
                accounts = await asyncio.to_thread(self._accounts.all_credentials)
        except (JournalUnavailable, TimeoutError):
            return "the database does not answer questions", {}
        names = sorted({account.connector_name for account in accounts})
        problems = {**self._sessions.problems(), **self._rules.problems}
        return None, {name: problems.get(name) for name in names}
