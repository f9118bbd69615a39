"""From an account's name to a live connector: made on first use, kept, closed at the end.

What an exchange's accounts share (its venue) is opened once a process. A connector without credentials, the keyless one, serves the
public questions of an exchange for everybody. What a connector says is cleaned of its credentials. Credentials that another process
replaced or deleted are noticed within a second or so; a connector that is let go of closes a little later, so that calls which are
under way on it come to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from app.clock import Clock
from app.connectors.base import Connector, ConnectorContext
from app.connectors.registry import build_connector, connector_class
from app.domain.errors import ConnectorNotConfigured, ExchangeDown, OrdergateError, UnknownAccount
from app.settings import Settings
from app.storage.accounts import Accounts
from app.vault import Vault

log = structlog.get_logger(__name__)

#: The keyless connector of an exchange is kept under this name, which no account can have.
_NOBODY = ""
#: Seconds between looks for credentials that another process has changed: one small query each.
_LOOK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """A connector, and when the credentials that it was built with were put."""

    connector: Connector
    put_at: datetime | None


class Sessions:
    """The live connectors of this process."""

    def __init__(self, accounts: Accounts, vault: Vault, settings: Settings, clock: Clock) -> None:
        self._accounts = accounts
        self._vault = vault
        self._settings = settings
        self._clock = clock
        self._live: dict[tuple[str, str], _Live] = {}
        self._venues: dict[str, Any] = {}
        self._lock = asyncio.Lock()
        self._retiring: dict[asyncio.Task[None], Connector] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for changed credentials."""
        self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    async def connector(self, account_name: str, connector_name: str) -> Connector:
        """The connector of an account.

        Raises ``UnknownAccount``, ``UnknownConnector``, ``UnsupportedConnector`` or ``ConnectorNotConfigured``.
        """
        live = self._live.get((account_name, connector_name))
        if live is not None:
            return live.connector
        if not await asyncio.to_thread(self._accounts.has_account, account_name):
            raise UnknownAccount(account_name)
        kind = connector_class(connector_name)
        stored = await asyncio.to_thread(self._accounts.find_credential, account_name, connector_name)
        if stored is None:
            raise ConnectorNotConfigured(connector_name, account_name)
        credentials = self._vault.open(account_name, connector_name, stored.sealed)
        return await self._start(kind, connector_name, account_name, credentials, stored.put_at)

    async def keyless(self, connector_name: str) -> Connector:
        """A connector for the public questions. Raises ``UnknownConnector`` or ``UnsupportedConnector``."""
        live = self._live.get((_NOBODY, connector_name))
        if live is not None:
            return live.connector
        return await self._start(connector_class(connector_name), connector_name, _NOBODY, {}, None)

    @asynccontextmanager
    async def trial(
        self, account_name: str, connector_name: str, credentials: Mapping[str, str]
    ) -> AsyncIterator[Connector]:
        """A connector with credentials that are to be tried, beside the one in use; closed at the end."""
        kind = connector_class(connector_name)
        async with self._lock:
            connector = await self._build(kind, connector_name, account_name, credentials)
        try:
            yield connector
        finally:
            await connector.close()

    def forget(self, account_name: str, connector_name: str) -> None:
        """Let go of the connector of an account, so that the next use starts it with its credentials as they then are."""
        live = self._live.pop((account_name, connector_name), None)
        if live is None:
            return
        log.info("connector let go", account_name=account_name, connector_name=connector_name)
        task = asyncio.get_running_loop().create_task(self._retire(live.connector))
        self._retiring[task] = live.connector
        task.add_done_callback(lambda done: self._retiring.pop(done, None))

    def headroom(self) -> dict[str, float]:
        """What is left of each exchange's request limits, 1 is all, by connector name; only of those that count."""
        known = {name: connector_class(name).headroom(venue) for name, venue in self._venues.items()}
        return {name: ratio for name, ratio in known.items() if ratio is not None}

    def problems(self) -> dict[str, str]:
        """Why an exchange is not ready, as last found out by using it, by connector name; only of those with a problem."""
        known = {name: connector_class(name).problem(venue) for name, venue in self._venues.items()}
        return {name: problem for name, problem in known.items() if problem is not None}

    async def close(self) -> None:
        """Close everything; may be called twice."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        await self._close_all([*retiring.values(), *(live.connector for live in self._live.values())])
        self._live.clear()
        for name in list(self._venues):
            await self._close_safely(name, connector_class(name).close_venue(self._venues.pop(name)))

    async def _close_all(self, connectors: Sequence[Connector]) -> None:
        await asyncio.gather(*(self._close_safely(connector.name, connector.close()) for connector in connectors))

    async def look(self) -> None:
        """Let go of the connectors whose credentials have been replaced or deleted."""
        # Listed before the question: whatever starts while it is asked has newer credentials than the answer knows.
        known = dict(self._live)
        put_at = await asyncio.to_thread(self._accounts.credentials_put_at)
        for key, live in known.items():
            if live.put_at is not None and put_at.get(key) != live.put_at and self._live.get(key) is live:
                self.forget(*key)

    async def _keep_looking(self) -> None:
        while True:
            await self._clock.sleep(_LOOK)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the database can't be asked now; what runs goes on, and we look again
                log.warning("credentials not looked at", error=type(error).__name__)

    async def _retire(self, connector: Connector) -> None:
        await self._clock.sleep(self._settings.exchange_timeout.total_seconds())
        await self._close_safely(connector.name, connector.close())

    async def _start(
        self,
        kind: type[Connector],
        connector_name: str,
        account_name: str,
        credentials: Mapping[str, str],
        put_at: datetime | None,
    ) -> Connector:
        async with self._lock:
            live = self._live.get((account_name, connector_name))
            if live is not None:
                return live.connector
            connector = await self._build(kind, connector_name, account_name, credentials)
            self._live[(account_name, connector_name)] = _Live(connector=connector, put_at=put_at)
            log.info("connector started", account_name=account_name or None, connector_name=connector_name)
            return connector

    async def _open_venue(self, kind: type[Connector], connector_name: str) -> Any:
        try:
            return await kind.open_venue(self._settings, self._clock)
        except OrdergateError:
            raise
        except Exception as error:
            # Such as a damaged file of the paper exchange: nothing was sent, and it may be mended while the gateway runs.
            log.error(
                "connector can't start", connector_name=connector_name, error=type(error).__name__, text=str(error)
            )
            raise ExchangeDown(f"Connector '{connector_name}' can't start: {type(error).__name__}") from error

    async def _close_safely(self, name: str, closing: Coroutine[Any, Any, None]) -> None:
        """Close one thing within the time-out. What can't be closed must not keep the rest, and the journal, from closing."""
        try:
            async with asyncio.timeout(self._settings.exchange_timeout.total_seconds()):
                await closing
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises: it is told, and the process is about to end
            log.warning("not closed", connector_name=name, error=type(error).__name__, text=str(error))

    async def _build(
        self, kind: type[Connector], connector_name: str, account_name: str, credentials: Mapping[str, str]
    ) -> Connector:
        if connector_name not in self._venues:
            self._venues[connector_name] = await self._open_venue(kind, connector_name)
        context = ConnectorContext(
            account_name=account_name,
            credentials=credentials,
            clock=self._clock,
            venue=self._venues[connector_name],
        )
        return build_connector(connector_name, context)
