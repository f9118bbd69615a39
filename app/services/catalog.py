"""The connectors: what they can do, which credentials they need, their trading rules, and whether they are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.registry import connector_class, credential_fields, served_names
from app.domain.errors import JournalUnavailable, OrdergateError
from app.domain.markets.trading_rule import TradingRule
from app.domain.wording import in_words
from app.journal.journal import Journal
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from app.settings import Settings

#: Seconds within which the database answers a short question.
_READ_SECONDS = 0.5

#: Seconds for which what is wrong is taken to be the same.
_PROBLEMS_SECONDS = 1.0

#: The journal's problem, and the connectors' by name; None is none.
Problems = tuple[str | None, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHealth:
    """How it is with an exchange.

    ``problem`` is why it is not ready for orders; ``clock_ahead`` how far its clock is ahead of ours, None where it can't be asked
    (then ``clock_problem`` says why) or has none; ``request_headroom`` the share of its request limits that is left, None where
    nothing is counted; ``unreadable`` how many rows could not be read, by the list that they were in.
    """

    problem: str | None
    clock_ahead: timedelta | None
    clock_problem: str | None
    request_headroom: float | None
    unreadable: Mapping[str, int]


class Catalog:
    """Describes the connectors."""

    def __init__(
        self,
        *,
        journal: Journal,
        rules: Rules,
        sessions: Sessions,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._timeout = settings.exchange_timeout
        self._journal = journal
        self._accounts = journal.accounts
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

    async def health(self, connector_name: str) -> ConnectorHealth:
        """How it is with an exchange as this process sees it. Its clock is asked at most every three minutes, where it has one.

        Raises ``UnknownConnector`` or ``UnsupportedConnector``.
        """
        ahead, clock_problem = None, None
        if connector_class(connector_name).has_verb("fetch_clock_difference"):
            try:
                async with asyncio.timeout(self._timeout.total_seconds()):
                    ahead = await (await self._sessions.keyless(connector_name)).fetch_clock_difference()
            except (OrdergateError, TimeoutError) as error:
                clock_problem = in_words(error)
        problems = {**self._sessions.problems(), **self._rules.problems}
        return ConnectorHealth(
            problem=problems.get(connector_name),
            clock_ahead=ahead,
            clock_problem=clock_problem,
            request_headroom=self._sessions.headroom().get(connector_name),
            unreadable=self._sessions.unreadable().get(connector_name, {}),
        )

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
