"""Funding payments reach the journal's database: all of them, once, and whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from app.domain.order import AccountKey
from app.domain.reports import FundingPayment
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
def recorder(gateway: Gateway, clock: FakeClock) -> FundingRecorder:
    return FundingRecorder(gateway.journal.funding_payments, gateway.sessions, gateway.settings, clock)


def recorded(gateway: Gateway) -> tuple[RecordedFunding, ...]:
    return gateway.journal.funding_payments.page(FundingFilter(), limit=100, cursor=None).items


async def test_what_was_paid_is_recorded_once(gateway: Gateway, recorder: FundingRecorder, clock: FakeClock) -> None:
    """As the exchange has it; asking again adds nothing, and what is paid later is added."""
    await market(gateway, "0.1")
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 0
    clock.advance(EIGHT_HOURS)
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 1
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 0
    clock.advance(2 * EIGHT_HOURS)
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 2
    connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    at_exchange = await connector.fetch_funding_payments(recorded(gateway)[-1].payment.paid_at)
    assert [each.payment for each in reversed(recorded(gateway))] == at_exchange


async def test_a_long_pause_is_made_up_for(gateway: Gateway, recorder: FundingRecorder, clock: FakeClock) -> None:
    """Ten days without a gateway are thirty payments."""
    await market(gateway, "0.1")
    clock.advance(30 * EIGHT_HOURS)
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 30


async def test_it_goes_on_by_itself(gateway: Gateway, recorder: FundingRecorder, clock: FakeClock) -> None:
    """While it runs, every payment is recorded within a minute; a failure is only logged."""
    await market(gateway, "0.1")
    running = asyncio.create_task(recorder.run(AccountKey(MASTER_ACCOUNT, PERPETUAL)))
    lost = asyncio.create_task(recorder.run(AccountKey("nobody", PERPETUAL)))
    await until(lambda: len(recorded(gateway)) == 1, clock, step=600)
    assert not running.done()
    assert not lost.done()
    for task in (running, lost):
        task.cancel()
    await asyncio.gather(running, lost, return_exceptions=True)


async def test_there_is_nothing_to_do_on_spot(recorder: FundingRecorder) -> None:
    """It ends at once."""
    await asyncio.wait_for(recorder.run(AccountKey(MASTER_ACCOUNT, "paper")), 60)


async def test_the_feeds_have_it_done(gateway: Gateway, clock: FakeClock) -> None:
    """Whoever keeps the accounts in step records their funding too."""
    await market(gateway, "0.1")
    clock.advance(EIGHT_HOURS)
    assert gateway.account_feeds is not None
    gateway.account_feeds.start()
    await until(lambda: len(recorded(gateway)) == 1)


async def test_history_that_the_exchange_no_longer_tells_is_cut(
    gateway: Gateway, recorder: FundingRecorder, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway stood still for longer than the exchange remembers: it asks for what is left, and says once what is missing."""
    connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    asked: list[datetime] = []

    async def fetch(since: datetime) -> list[FundingPayment]:
        asked.append(since)
        return []

    monkeypatch.setattr(connector, "fetch_funding_payments", fetch)
    monkeypatch.setattr(connector, "capabilities", replace(connector.capabilities, funding_history=timedelta(days=7)))
    with structlog.testing.capture_logs() as lines:
        await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL))
        await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    assert asked == [clock.now() - timedelta(days=7)] * 2
    [line] = [line for line in lines if line["event"] == "funding history has a gap"]
    assert line["missing_from"] == (clock.now() - timedelta(days=30)).isoformat()
    assert line["missing_until"] == asked[0].isoformat()
    assert (
        recorder._metrics.registry.get_sample_value(
            "ordergate_history_cuts_total", {"connector": PERPETUAL, "history": "funding"}
        )
        == 1
    )
