"""All checks, one after the other. What can't be looked at without something that is missing is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from app.clock import Clock
from app.doctor import database, host
from app.doctor.exchanges import exchanges
from app.doctor.finding import Finding
from app.domain.errors import OrdergateError
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.vault import Vault


async def examine(settings: Settings, clock: Clock, vault: Vault) -> AsyncIterator[Finding]:
    """The findings, as they are made."""
    for check in (host.python, host.variables, host.port, host.data_directory, host.disk, host.connections):
        yield check(settings)
    found = database.database(settings)
    yield found
    if found.level != "ok" or not database.exists(settings):
        return
    opened = Database(settings.database_url)
    try:
        accounts = Accounts(opened, clock)
        failure = database.lost(settings, accounts)
        if failure is not None:
            yield failure
            return
        yield database.user(settings, accounts)
        async for finding in exchanges(settings, clock, accounts, vault):
            yield finding
    except OrdergateError as error:
        yield Finding(check="Database", level="failure", text=error.detail)
    finally:
        opened.dispose()
