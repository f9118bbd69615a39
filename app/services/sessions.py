"""The live connectors of this process: each is started on first use and closed at the end.

What an exchange's accounts share (its venue) is opened once per process. A connector without credentials, the keyless one, serves
the public data of an exchange to all callers. Everything that a connector returns or raises is cleaned of its credentials.
Credentials that another process replaced or deleted are noticed within about a second. A retired connector closes a little later,
so that calls which are under way on it can end.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

from app.clock import Clock
from app.connectors.base import Connector, ConnectorContext
from app.connectors.registry import build_connector, connector_class
from app.domain.errors import (
    ConnectorNotConfigured,
    CredentialsChanged,
    ExchangeDown,
    OrdergateError,
    UnknownAccount,
)
from app.domain.order import AccountKey
from app.domain.wording import in_words, text_of
from app.settings import Settings
from app.storage.accounts import Accounts
from app.vault import Vault

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: The account name of keyless connectors; no account can have it.
_KEYLESS = ""
#: Seconds between looks for credentials that another process has changed: one small query each.
_LOOK = 1.0


class Sessions:
    """The live connectors of this process."""

    def __init__(self, accounts: Accounts, vault: Vault, settings: Settings, clock: Clock) -> None:
        self._accounts = accounts
        self._vault = vault
        self._settings = settings
        self._clock = clock
        self._live: dict[AccountKey, Connector] = {}
        self._venues: dict[str, Any] = {}
        #: By connector: opening a venue may take seconds, in which connectors of other exchanges are started all the same.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._retirements: defaultdict[AccountKey, asyncio.Event] = defaultdict(asyncio.Event)
        self._retiring: dict[asyncio.Task[None], Connector] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for changed credentials."""
        self._loop = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def connector(self, account: AccountKey) -> Connector:
        """The connector of an account.

        Raises ``UnknownAccount``, ``UnknownConnector``, ``UnsupportedConnector`` or ``ConnectorNotConfigured``.
        """
        live = self._live.get(account)
        if live is not None:
            return live
        account_name, connector_name = account
        if not await asyncio.to_thread(self._accounts.has_account, account_name):
            raise UnknownAccount(account_name, await asyncio.to_thread(self._accounts.list_accounts))
        kind = connector_class(connector_name)
        stored = await asyncio.to_thread(self._accounts.find_credential, account_name, connector_name)
        if stored is None:
            raise ConnectorNotConfigured(connector_name, account_name)
        credentials = self._vault.open(account_name, connector_name, stored.sealed)
        return await self._start(kind, account, credentials, stored.version)

    async def write_with_current_credentials(
        self, connector: Connector, write: Callable[[int | None], Awaitable[T]]
    ) -> tuple[Connector, T]:
        """Do ``write`` with the version of the connector's credentials, which it checks in its transaction. If they were replaced
        meanwhile, it is done with the new ones; if they were deleted, this raises what says so. Nothing has been sent before.
        """
        try:
            return connector, await write(connector.context.credentials_version)
        except CredentialsChanged:
            account = AccountKey(connector.context.account_name, connector.name)
            if self._live.get(account) is connector:
                self.forget(account)
            connector = await self.connector(account)
        connector.check_available()
        return connector, await write(connector.context.credentials_version)

    async def keyless(self, connector_name: str) -> Connector:
        """A connector for public data. Raises ``UnknownConnector`` or ``UnsupportedConnector``."""
        account = AccountKey(_KEYLESS, connector_name)
        live = self._live.get(account)
        if live is not None:
            return live
        return await self._start(connector_class(connector_name), account, {}, None)

    @asynccontextmanager
    async def trial(self, account: AccountKey, credentials: Mapping[str, str]) -> AsyncIterator[Connector]:
        """A connector with credentials that are to be tried, beside the one in use; closed at the end."""
        kind = connector_class(account.connector_name)
        async with self._locks[account.connector_name]:
            connector = await self._build(kind, account, credentials, None)
        try:
            yield connector
        finally:
            await connector.close()

    def retirement(self, account: AccountKey) -> asyncio.Event:
        """What is set as soon as the account's connector is retired: its credentials are other ones from then on, or gone."""
        return self._retirements[account]

    def forget(self, account: AccountKey) -> None:
        """Retire the connector of an account, so that the next use starts it with its credentials as they then are."""
        self._retirements.pop(account, asyncio.Event()).set()
        live = self._live.pop(account, None)
        if live is None:
            return
        log.info("connector retired", account_name=account.account_name, connector_name=account.connector_name)
        task = asyncio.get_running_loop().create_task(self._retire(live))
        self._retiring[task] = live
        task.add_done_callback(lambda done: self._retiring.pop(done, None))

    def headroom(self) -> dict[str, float]:
        """What is left of the request limits, 1 is all, by connector name. Exchanges without counted limits are left out."""
        known = {name: connector_class(name).headroom(venue) for name, venue in self._venues.items()}
        return {name: ratio for name, ratio in known.items() if ratio is not None}

    def unreadable(self) -> dict[str, Mapping[str, int]]:
        """How many rows and events of each exchange could not be read, by connector name and list."""
        return {name: connector_class(name).unreadable(venue) for name, venue in self._venues.items()}

    def problems(self) -> dict[str, str]:
        """Why exchanges are not ready, by connector name, as their last use showed. Exchanges that are ready are left out."""
        known = {name: connector_class(name).problem(venue) for name, venue in self._venues.items()}
        return {name: problem for name, problem in known.items() if problem is not None}

    async def close(self) -> None:
        """Close everything; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        await self._close_all([*retiring.values(), *self._live.values()])
        self._live.clear()
        venues, self._venues = self._venues, {}
        await asyncio.gather(
            *(self._close_safely(name, connector_class(name).close_venue(venue)) for name, venue in venues.items())
        )

    async def _close_all(self, connectors: Sequence[Connector]) -> None:
        await asyncio.gather(*(self._close_safely(connector.name, connector.close()) for connector in connectors))

    async def retire_changed(self) -> None:
        """Retire the connectors whose credentials have been replaced or deleted."""
        # Listed before the query: a connector that starts during it may have newer credentials than its result.
        known = dict(self._live)
        versions = await asyncio.to_thread(self._accounts.credential_versions)
        for key, live in known.items():
            version = live.context.credentials_version
            if version is not None and versions.get(key) != version and self._live.get(key) is live:
                self.forget(key)

    async def _look_for_ever(self) -> None:
        while True:
            await self._clock.sleep(_LOOK)
            try:
                await self.retire_changed()
            except Exception as error:  # noqa: BLE001 - the database can't be asked now; the connectors go on, and we look again
                log.warning("credentials not looked at", error=type(error).__name__)

    async def _retire(self, connector: Connector) -> None:
        await self._clock.sleep(self._settings.exchange_timeout.total_seconds())
        await self._close_safely(connector.name, connector.close())

    async def _start(
        self,
        kind: type[Connector],
        account: AccountKey,
        credentials: Mapping[str, str],
        version: int | None,
    ) -> Connector:
        async with self._locks[account.connector_name]:
            live = self._live.get(account)
            if live is not None:
                return live
            connector = await self._build(kind, account, credentials, version)
            self._live[account] = connector
            log.info(
                "connector started",
                account_name=account.account_name or None,
                connector_name=account.connector_name,
            )
            return connector

    async def _open_venue(self, kind: type[Connector], connector_name: str) -> Any:
        try:
            return await kind.open_venue(self._settings, self._clock)
        except OrdergateError:
            raise
        except Exception as error:
            # For example a damaged file of the paper exchange: nothing was sent, and it may be repaired while the gateway runs.
            log.error(
                "connector can't start", connector_name=connector_name, error=type(error).__name__, text=text_of(error)
            )
            raise ExchangeDown(f"Connector '{connector_name}' can't start: {in_words(error)}") from error

    async def _close_safely(self, name: str, closing: Coroutine[Any, Any, None]) -> None:
        """Close one connector or venue within the time-out. A failure must not stop the others, and the journal, from closing."""
        try:
            async with asyncio.timeout(self._settings.exchange_timeout.total_seconds()):
                await closing
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises: it is logged, and the process is about to end
            log.warning("not closed", connector_name=name, error=type(error).__name__, text=text_of(error))

    async def _build(
        self, kind: type[Connector], account: AccountKey, credentials: Mapping[str, str], version: int | None
    ) -> Connector:
        account_name, connector_name = account
        if connector_name not in self._venues:
            self._venues[connector_name] = await self._open_venue(kind, connector_name)
        context = ConnectorContext(
            account_name=account_name,
            credentials=credentials,
            clock=self._clock,
            venue=self._venues[connector_name],
            credentials_version=version,
        )
        return build_connector(connector_name, context)
