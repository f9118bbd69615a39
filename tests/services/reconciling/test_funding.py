"""Funding payments reach the journal's database: all of them, once, and whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.services.reconciling.funding import FundingRecorder
from app.storage.funding import FundingFilter, RecordedFunding
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.services.perpetuals import PERPETUAL, give, market
from tests.services.world import until

EIGHT_HOURS = 8 * 3_600


@pytest.fixture
async def gateway(tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> AsyncIterator[Gateway]:
    """A gateway with the master account on the paper perpetuals."""
    async with opened_gateway(tmp_path, sqlite_template, clock) as gateway:
        give(gateway, MASTER_ACCOUNT, PERPETUAL)
        yield gateway


@pytest.fixture
def keeper(gateway: Gateway, clock: FakeClock) -> FundingRecorder:
    return FundingRecorder(gateway.journal.funding_payments, gateway.sessions, gateway.settings, clock)


def recorded(gateway: Gateway) -> tuple[RecordedFunding, ...]:
    return gateway.journal.funding_payments.page(FundingFilter(), limit=100, cursor=None).items


async def test_what_was_paid_is_recorded_once(gateway: Gateway, keeper: FundingRecorder, clock: FakeClock) -> None:
    """As the exchange has it; asking again adds nothing, and what is paid later is added."""
    await market(gateway, "0.1")
    assert await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 0
    clock.advance(EIGHT_HOURS)
    assert await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 1
    assert await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 0
    clock.advance(2 * EIGHT_HOURS)
    assert await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 2
    connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    at_exchange = await connector.fetch_funding_payments(recorded(gateway)[-1].payment.paid_at)
    assert [each.payment for each in reversed(recorded(gateway))] == at_exchange


async def test_a_long_pause_is_made_up_for(gateway: Gateway, keeper: FundingRecorder, clock: FakeClock) -> None:
    """Ten days without a gateway are thirty payments."""
    await market(gateway, "0.1")
    clock.advance(30 * EIGHT_HOURS)
    assert await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 30


async def test_it_goes_on_by_itself(gateway: Gateway, keeper: FundingRecorder, clock: FakeClock) -> None:
    """While it runs, every payment is recorded within a minute; a failure is only told."""
    await market(gateway, "0.1")
    running = asyncio.create_task(keeper.run(AccountKey(MASTER_ACCOUNT, PERPETUAL)))
    lost = asyncio.create_task(keeper.run(AccountKey("nobody", PERPETUAL)))
    await until(lambda: len(recorded(gateway)) == 1, clock, step=600)
    assert not running.done()
    assert not lost.done()
    for task in (running, lost):
        task.cancel()
    await asyncio.gather(running, lost, return_exceptions=True)


async def test_there_is_nothing_to_do_on_spot(keeper: FundingRecorder) -> None:
    """It ends at once."""
    await asyncio.wait_for(keeper.run(AccountKey(MASTER_ACCOUNT, "paper")), 5)


async def test_the_watch_has_it_done(gateway: Gateway, clock: FakeClock) -> None:
    """Whoever keeps the accounts in step records their funding too."""
    await market(gateway, "0.1")
    clock.advance(EIGHT_HOURS)
    assert gateway.account_feeds is not None
    gateway.account_feeds.start()
    await until(lambda: len(recorded(gateway)) == 1)
