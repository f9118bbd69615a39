"""Live connectors: one for each account, started once, and let go of when their credentials change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.connectors.binance.spot import BinanceConnector
from app.connectors.paper.spot import PaperConnector
from app.domain.errors import ConnectorNotConfigured, ExchangeDown, OrdergateError, UnknownAccount, UnknownConnector
from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.vault import Vault
from tests.connectors.hand_clock import HandClock
from tests.gateways import SECRET_KEY, opened_gateway
from tests.services.binance_stub import CREDENTIALS, running_stub, urls
from tests.services.world import until

#: How often a process looks for changed credentials, in seconds.
LOOK = 1.0


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
async def gateway(tmp_path: Path, sqlite_template: Path, hand: HandClock) -> AsyncIterator[Gateway]:
    """A gateway with the paper exchange."""
    async with opened_gateway(tmp_path, sqlite_template, hand) as gateway:
        yield gateway


async def test_a_connector_is_started_once(gateway: Gateway) -> None:
    """Many who need it first at the same time get the same one, and so do those who come later."""
    connectors = await asyncio.gather(
        *[gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")) for _ in range(5)]
    )
    connectors.append(await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")))
    assert len({id(each) for each in connectors}) == 1
    assert await gateway.sessions.keyless("paper") is await gateway.sessions.keyless("paper")


async def test_what_is_missing_is_told(gateway: Gateway) -> None:
    """No account, no connector and no credentials are three things."""
    with pytest.raises(UnknownAccount):
        await gateway.sessions.connector(AccountKey("nobody", "paper"))
    with pytest.raises(UnknownConnector):
        await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "nonsense"))
    with pytest.raises(ConnectorNotConfigured):
        await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))


async def test_credentials_that_changed_elsewhere_are_found_by_looking(gateway: Gateway, hand: HandClock) -> None:
    """Each second the process looks; a database that can't be asked is asked again."""
    gateway.sessions.start()
    old = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
    await hand.until_asleep(LOOK)
    with gateway.journal.database.change() as connection:
        connection.exec_driver_sql("ALTER TABLE credentials RENAME TO elsewhere")
    hand.advance(LOOK)
    await hand.until_asleep(LOOK)
    with gateway.journal.database.change() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO credentials")
    assert await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")) is old

    stored = gateway.journal.accounts.find_credential(MASTER_ACCOUNT, "paper")
    assert stored is not None
    fresh = Vault(SECRET_KEY).seal(MASTER_ACCOUNT, "paper", {})
    assert gateway.journal.accounts.put_credential(MASTER_ACCOUNT, "paper", fresh, old=stored.sealed)
    hand.advance(LOOK)
    await hand.until_asleep(LOOK)

    assert await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")) is not old


async def test_a_connector_that_was_let_go_of_closes_later(
    tmp_path: Path, sqlite_template: Path, hand: HandClock
) -> None:
    """It works for as long as a call may take, and then no more. Forgetting what is not live does nothing."""
    async with (
        running_stub() as stub,
        opened_gateway(tmp_path, sqlite_template, hand, connector_urls=urls(stub)) as gateway,
    ):
        timeout = gateway.settings.exchange_timeout.total_seconds()
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)
        old = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))
        gateway.sessions.forget(AccountKey(MASTER_ACCOUNT, "binance"))
        gateway.sessions.forget(AccountKey(MASTER_ACCOUNT, "binance"))
        await hand.until_asleep(timeout)
        await old.fetch_balances()

        retiring = list(gateway.sessions._retiring)
        hand.advance(timeout)
        await asyncio.gather(*retiring)

        with pytest.raises(OrdergateError):
            await old.fetch_balances()


async def test_an_exchange_that_opens_slowly_holds_up_no_other(
    tmp_path: Path, sqlite_template: Path, hand: HandClock
) -> None:
    """The paper exchange's store is locked by somebody: its first caller waits, and the first on Binance does not."""
    async with (
        running_stub() as stub,
        opened_gateway(tmp_path, sqlite_template, hand, connector_urls=urls(stub)) as gateway,
    ):
        binance = AccountKey(MASTER_ACCOUNT, "binance")
        gateway.journal.accounts.put_credential(*binance, Vault(SECRET_KEY).seal(*binance, CREDENTIALS))
        with closing(sqlite3.connect(gateway.settings.data_dir / "paper.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = [
                asyncio.create_task(gateway.sessions.keyless("paper")),
                asyncio.create_task(gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))),
            ]
            await until(lambda: gateway.sessions._locks["paper"].locked())

            connector = await gateway.sessions.connector(binance)
            await connector.fetch_balances()
            async with gateway.sessions.trial(binance, CREDENTIALS) as tried:
                await tried.fetch_balances()

            assert not any(each.done() for each in waiting)
            other.execute("ROLLBACK")
        await asyncio.gather(*waiting)


async def test_a_venue_that_closes_slowly_keeps_no_other_open(
    tmp_path: Path, sqlite_template: Path, hand: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All venues are closed at once, so a stop takes no longer than the slowest."""
    async with (
        running_stub() as stub,
        opened_gateway(tmp_path, sqlite_template, hand, connector_urls=urls(stub)) as gateway,
    ):
        await gateway.sessions.keyless("paper")
        await gateway.sessions.keyless("binance")
        others_closed = asyncio.Event()
        close_paper, close_binance = PaperConnector.close_venue, BinanceConnector.close_venue

        async def slow(venue: Any) -> None:
            await others_closed.wait()
            await close_paper(venue)

        async def told(venue: Any) -> None:
            await close_binance(venue)
            others_closed.set()

        monkeypatch.setattr(PaperConnector, "close_venue", slow)
        monkeypatch.setattr(BinanceConnector, "close_venue", told)
        await gateway.sessions.close()
        assert others_closed.is_set()


async def test_an_exchange_that_cannot_start_is_down(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a venue from opening, nothing was sent: 503, and the next caller tries again."""

    async def broken(*_: object) -> None:
        raise OSError("no such disk")

    with monkeypatch.context() as patch:
        patch.setattr(PaperConnector, "open_venue", broken)
        with pytest.raises(ExchangeDown, match="Connector 'paper' can't start: the connection or the system failed"):
            await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
    assert await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))


async def test_what_cannot_be_closed_keeps_nothing_else_open(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connector whose close raises is told of, and the venue is closed all the same."""

    async def broken(_: object) -> None:
        raise ZeroDivisionError

    connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
    monkeypatch.setattr(PaperConnector, "close", broken)
    await gateway.sessions.close()
    with pytest.raises(OrdergateError):
        await connector.fetch_balances()
