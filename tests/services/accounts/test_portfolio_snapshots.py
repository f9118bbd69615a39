"""Snapshots of the portfolio: one per slot, of what is known, by one of several processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clock import Clock
from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.accounts.portfolio_snapshots import SnapshotTaker
from app.services.gateway import Gateway
from app.storage.portfolio import SLOT, SnapshotFilter
from tests.clock import FakeClock
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import StubExchange, error
from tests.gateways import SECRET_KEY, opened_gateway
from tests.services.binance_stub import ACCOUNT


def taker(gateway: Gateway, clock: Clock, holder: str = "", *, leases: bool = False) -> SnapshotTaker:
    """One that takes snapshots of the gateway's portfolio."""
    return SnapshotTaker(
        journal=gateway.journal,
        portfolio=gateway.portfolio,
        leases=gateway.journal.leases if leases else None,
        holder=holder,
        clock=clock,
    )


async def test_a_snapshot_holds_what_is_known(gateway: Gateway, stub: StubExchange, clock: FakeClock) -> None:
    """It is the state at its slot; an exchange that can't be asked is carried on with what it said last."""
    snapshots = taker(gateway, clock)
    await snapshots.take()
    stub.script(*ACCOUNT, error(503, -1000))
    clock.advance(SLOT.total_seconds())
    await snapshots.take()

    newest, first = gateway.journal.snapshots.page(SnapshotFilter(), limit=10, cursor=None).items
    assert newest.at - first.at == SLOT
    assert [each.connector_name for each in newest.holdings] == ["binance", "paper", "paper"]
    assert (newest.holdings[0].asked_at, newest.holdings[1].asked_at) == (first.holdings[0].asked_at, clock.now())


async def test_snapshots_are_taken_at_the_start_of_each_slot(gateway: Gateway) -> None:
    """The first one is taken at once, each further one when the next slot begins."""
    hand = HandClock()
    snapshots = taker(gateway, hand)
    snapshots.start()
    for expected in range(1, 4):
        await hand.until_asleep(SLOT.total_seconds())
        page = gateway.journal.snapshots.page(SnapshotFilter(), limit=10, cursor=None)
        assert len(page.items) == expected
        assert page.items[0].at == hand.now()
        hand.advance(SLOT.total_seconds())
    await snapshots.close()
    await snapshots.close()


async def test_a_snapshot_that_fails_is_left_out(gateway: Gateway) -> None:
    """A database that can't take one does not end the taking of snapshots."""
    hand = HandClock()
    snapshots = taker(gateway, hand)
    with gateway.journal.database.change() as connection:
        connection.exec_driver_sql("ALTER TABLE portfolio_snapshots RENAME TO elsewhere")
    snapshots.start()
    await hand.until_asleep(SLOT.total_seconds())
    with gateway.journal.database.change() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO portfolio_snapshots")
    hand.advance(SLOT.total_seconds())
    await hand.until_asleep(SLOT.total_seconds())

    [snapshot] = gateway.journal.snapshots.page(SnapshotFilter(), limit=10, cursor=None).items
    assert snapshot.at == hand.now()
    await snapshots.close()


@pytest.mark.postgres
async def test_one_of_several_processes_takes_a_slot(
    postgres_url: str, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> None:
    """While one process has the lease another leaves the slot to it, and takes over once the lease has ended."""
    async with opened_gateway(
        tmp_path, sqlite_template, clock, database_url=postgres_url, secret_key=SECRET_KEY
    ) as gateway:
        await taker(gateway, clock, "one", leases=True).take()
        gateway.accounts.add_account("second")
        await gateway.accounts.add_credential(AccountKey("second", "paper"), {})
        await taker(gateway, clock, "two", leases=True).take()
        [snapshot] = gateway.journal.snapshots.page(SnapshotFilter(), limit=10, cursor=None).items
        assert [each.account_name for each in snapshot.holdings] == [MASTER_ACCOUNT]
