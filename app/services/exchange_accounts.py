"""Which account at the exchange an account's credentials open, as the exchange says it.

Nothing that an exchange says is true of an order unless it was asked about the account that the order is on. Credentials are stored
with the exchange's own name of their account. Those that were stored before that was done get it the first time that the exchange
is asked. From then on another name means that the credentials open another account, and nothing may be concluded from its answers.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from msgspec import Struct

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.base import Connector
from app.domain.errors import CredentialsChanged, ExchangeAccountChanged
from app.domain.order import AccountKey, Order
from app.settings import Settings
from app.storage.accounts import Accounts

#: How old the exchange's word may be for what it shows of orders.
ACCOUNT_AGE = timedelta(minutes=10)


def may_answer_for(name: str | None, order: Order) -> bool:
    """Whether the account ``name`` of the exchange may be the one that ``order`` is on; None is one that is not told."""
    return None in (name, order.exchange_account) or name == order.exchange_account


class _Said(Struct, frozen=True, kw_only=True):
    """What an exchange said; None where its answer does not name the account."""

    name: str | None


class ExchangeAccounts:
    """The accounts at exchanges that this process's connectors belong to."""

    def __init__(self, accounts: Accounts, settings: Settings, clock: Clock) -> None:
        self._accounts = accounts
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._said: dict[AccountKey, tuple[int | None, Cached[_Said]]] = {}

    async def name(self, connector: Connector, max_age: timedelta) -> str | None:
        """The exchange's name of the connector's account, said at most ``max_age`` ago; None if the exchange does not say.

        Raises ``ExchangeAccountChanged`` if it is not the account for which the credentials were stored, ``CredentialsChanged`` if
        they are not stored any more, and what the exchange raises when it can't be asked.
        """
        account, version = (
            AccountKey(connector.context.account_name, connector.name),
            connector.context.credentials_version,
        )
        known = self._said.get(account)
        if known is None or known[0] != version:
            known = self._said[account] = version, Cached(self._clock)
        said = await known[1].get(max_age.total_seconds(), partial(self._ask, connector, account, version))
        return said.name

    async def check(self, connector: Connector, order: Order, max_age: timedelta) -> str | None:
        """The same for what is asked about ``order``; raises ``ExchangeAccountChanged`` if that is on another account."""
        name = await self.name(connector, max_age)
        if not may_answer_for(name, order):
            raise ExchangeAccountChanged(order.account_name, order.connector_name)
        return name

    async def _ask(self, connector: Connector, account: AccountKey, version: int | None) -> _Said:
        async with asyncio.timeout(self._timeout.total_seconds()):
            name = await connector.fetch_exchange_account()
        stored = await asyncio.to_thread(self._accounts.find_credential, *account)
        if stored is None or stored.version != version:
            raise CredentialsChanged(*account)
        if name is not None and stored.exchange_account is None:
            await asyncio.to_thread(self._accounts.set_exchange_account, account, stored.version, name)
        elif name is not None and name != stored.exchange_account:
            raise ExchangeAccountChanged(*account)
        return _Said(name=name)
