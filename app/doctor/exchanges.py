"""The exchanges for which accounts have credentials: clocks, request limits, keys and what they may do.

The paper exchange is left out: it is part of the program, and its files are in the data directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from app.clock import Clock
from app.connectors.registry import connector_class, environments
from app.doctor.finding import Finding
from app.domain.enums import Environment
from app.domain.errors import ConnectorNotConfigured, OrdergateError
from app.domain.order import AccountKey
from app.services.accounts.credential_trial import CredentialTrials
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage.accounts import Accounts
from app.vault import Vault

#: Orders are signed with the exchange's time, so a clock that is wrong refuses none. Times in the journal, and the deadlines that
#: several hosts share, are by the machine's clock.
_CLOCK_LIMIT = timedelta(seconds=1)

#: The share of the request limits below which something else on this address uses them.
_LITTLE_HEADROOM = 0.25


async def exchanges(settings: Settings, clock: Clock, accounts: Accounts, vault: Vault) -> AsyncIterator[Finding]:
    """The findings, exchange by exchange. Raises ``JournalUnavailable``."""
    stored = await asyncio.to_thread(accounts.all_credentials)
    worlds = environments(settings)
    asked = [each for each in stored if worlds.get(each.connector_name) is not Environment.PAPER]
    if not asked:
        yield Finding(check="Exchanges", text="no account has keys of one; orders go to the paper exchange only")
        return
    sessions = Sessions(accounts, vault, settings, clock)
    trials = CredentialTrials(accounts, vault, sessions, settings.exchange_timeout)
    try:
        for name in dict.fromkeys(each.connector_name for each in asked):
            yield await _clock(sessions, name, settings)
            for account in (each for each in asked if each.connector_name == name):
                yield await _keys(trials, account)
            yield _limits(name, sessions.headroom().get(name))
    finally:
        await sessions.close()


async def _clock(sessions: Sessions, name: str, settings: Settings) -> Finding:
    check = f"Clock of {name}"
    if not connector_class(name).has_verb("fetch_clock_difference"):
        return Finding(check=check, text="not compared: this connector does not ask for the exchange's time")
    try:
        async with asyncio.timeout(settings.exchange_timeout.total_seconds()):
            ahead = await (await sessions.keyless(name)).fetch_clock_difference()
    except (OrdergateError, TimeoutError) as error:
        return Finding(
            check=check,
            level="failure",
            text=f"the exchange can't be asked: {_words(error)}",
            advice="Look at the network, the proxy (HTTPS_PROXY) and the exchange's status page",
        )
    seconds = (
        f"{abs(ahead) / timedelta(seconds=1):.3f} s {'ahead of' if ahead >= timedelta(0) else 'behind'} this machine's"
    )
    if abs(ahead) <= _CLOCK_LIMIT:
        return Finding(check=check, text=seconds)
    return Finding(
        check=check, level="warning", text=seconds, advice="Let the system set its clock: timedatectl set-ntp true"
    )


async def _keys(trials: CredentialTrials, account: AccountKey) -> Finding:
    check = f"Keys of {account.account_name} for {account.connector_name}"
    path = f"POST /accounts/add-credential/{account.account_name}/{account.connector_name}"
    try:
        trial = await trials.try_stored(account)
    except ConnectorNotConfigured:
        return Finding(check=check, text="deleted at this moment")
    match trial.verdict:
        case "ok":
            return Finding(check=check, text="the exchange takes them, and they may trade")
        case "sealed":
            advice = f"Restore the key file or ORDERGATE_SECRET_KEY that was used before, or add the keys again: {path}"
            return Finding(check=check, level="failure", text=trial.detail, advice=advice)
        case "refused":
            advice = f"Make keys at the exchange, and add them: {path}"
            return Finding(check=check, level="failure", text=trial.detail, advice=advice)
        case "no_orders":
            return Finding(
                check=check,
                level="failure",
                text=f"the exchange takes them, but not for orders: {trial.detail}",
                advice="Give the key the permission to trade, and this machine's address, in the exchange's pages",
            )
        case "orders_untried":
            text = f"the exchange takes them; whether they may trade could not be tried: {trial.detail}"
            return Finding(check=check, level="warning", text=text)
        case "untried":
            text = f"could not be tried: {trial.detail}"
            return Finding(check=check, level="warning", text=text, advice="Try again later")


def _limits(name: str, headroom: float | None) -> Finding:
    check = f"Limits of {name}"
    if headroom is None:
        return Finding(check=check, text="the exchange does not count requests")
    text = f"{headroom:.0%} of the requests of this address are left"
    if headroom >= _LITTLE_HEADROOM:
        return Finding(check=check, text=text)
    return Finding(check=check, level="warning", text=text, advice="Find what else on this address uses the exchange")


def _words(error: Exception) -> str:
    return error.detail if isinstance(error, OrdergateError) else "no answer in time"
