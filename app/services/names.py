"""Whether the accounts, connectors, pairs and keys that somebody names exist, where nothing would tell a slip of the pen later."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Set

import structlog

from app.connectors.base import PAIRS_MAX_AGE
from app.connectors.registry import connector_class
from app.domain.errors import OrdergateError, UnknownAccount, UnknownKey, UnsupportedPair
from app.domain.markets.rates import is_pair
from app.domain.wording import in_words
from app.services.markets.rules import Rules
from app.storage.accounts import Accounts
from app.storage.callers import StoredCallers

log = structlog.get_logger(__name__)

#: Seconds that an exchange may take to tell its pairs: a halt must not wait for an exchange that is down.
_LONGEST = 2.0


class Names:
    """The names of this gateway. Without ``rules`` no exchange is asked, and pairs are known by their form alone."""

    def __init__(self, accounts: Accounts, callers: StoredCallers, rules: Rules | None = None) -> None:
        self._accounts = accounts
        self._callers = callers
        self._rules = rules

    async def check(
        self,
        *,
        accounts: Collection[str] = (),
        connectors: Collection[str] = (),
        pairs: Collection[str] = (),
        key_id: str | None = None,
    ) -> None:
        """Raise ``UnknownAccount``, ``UnknownConnector``, ``UnsupportedConnector``, ``UnsupportedPair`` or ``UnknownKey`` for what
        does not exist. A deleted key exists: its orders stay.

        A pair must be one of the connectors that are named. Where none is, or one does not tell its pairs, its form must be right.
        """
        if accounts:
            known = await asyncio.to_thread(self._accounts.list_accounts)
            for name in accounts:
                if name not in known:
                    raise UnknownAccount(name, known)
        for name in connectors:
            connector_class(name)
        if key_id is not None and not await asyncio.to_thread(self._callers.has_key, key_id):
            raise UnknownKey(key_id)
        if pairs:
            await self._check_pairs(pairs, connectors)

    async def _check_pairs(self, pairs: Collection[str], connectors: Collection[str]) -> None:
        told = {name: await self._pairs_of(name, frozenset(pairs)) for name in connectors}
        there: Set[str] = frozenset().union(*told.values())
        is_complete = bool(told) and all(told.values())
        missing = [pair for pair in pairs if pair not in there and (is_complete or not is_pair(pair))]
        if missing and is_complete:
            raise UnsupportedPair(missing[0], " or ".join(sorted(told)), sorted(there))
        if missing:
            known = await self._pairs_in_use()
            for pair in missing:
                if pair not in known:
                    raise UnsupportedPair(pair, None, sorted(known))

    async def _pairs_of(self, connector_name: str, wanted: Set[str] = frozenset()) -> Set[str]:
        """The pairs of a connector, read anew where not all ``wanted`` are among them; none where it does not tell them in time."""
        if self._rules is None:
            return frozenset()
        try:
            async with asyncio.timeout(_LONGEST):
                pairs = (await self._rules.of(connector_name)).keys()
                return pairs if wanted <= pairs else (await self._rules.of(connector_name, PAIRS_MAX_AGE)).keys()
        except (OrdergateError, TimeoutError) as error:
            log.warning("pairs not told", connector_name=connector_name, problem=in_words(error))
            return frozenset()

    async def _pairs_in_use(self) -> Set[str]:
        """The pairs of all connectors that an account has credentials for."""
        configured = await asyncio.to_thread(self._accounts.all_credentials)
        names = {account.connector_name for account in configured}
        return frozenset().union(*await asyncio.gather(*map(self._pairs_of, names)))
