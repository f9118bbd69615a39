"""What the last comparison came to, as one process notes it and another reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from app.clock import Clock
from app.domain.errors import ExchangeReadFailed
from app.domain.order import AccountKey
from app.domain.reconciliation import Reconciliation, ReconciliationState
from app.services.reconciliations import Reconciliations
from app.storage.database import Database
from app.storage.reconciliations import StoredReconciliations
from tests.clock import FakeClock

ACCOUNT = AccountKey("a", "paper")


@pytest.fixture
def stored(database_url: str) -> Iterator[StoredReconciliations]:
    """A database that several processes share."""
    database = Database(database_url)
    yield StoredReconciliations(database)
    database.dispose()


def _found(clock: Clock) -> Reconciliation:
    return Reconciliation(at=clock.now(), is_whole=True, orders=1, difference_count=0, differences=(), foreign_orders=0)


async def test_one_process_needs_no_store(clock: FakeClock) -> None:
    """A failure leaves what was found before, and success ends it."""
    reconciliations = Reconciliations(None, clock)
    reconciliations.start()
    assert await reconciliations.last(ACCOUNT) == ReconciliationState()
    found = _found(clock)
    reconciliations.note(ACCOUNT, found)
    with pytest.raises(ExchangeReadFailed), reconciliations.noting_failure(ACCOUNT):
        raise ExchangeReadFailed("the exchange said 503")
    state = await reconciliations.last(ACCOUNT)
    assert (state.last, state.failed_at, state.problem) == (found, clock.now(), "the exchange said 503")
    reconciliations.note(ACCOUNT, found)
    assert await reconciliations.last(ACCOUNT) == ReconciliationState(last=found)
    await reconciliations.close()


async def test_other_processes_read_what_one_notes(stored: StoredReconciliations, clock: FakeClock) -> None:
    """Stored by and by. A process that takes an account over and fails keeps what the one before it found."""
    first, second = Reconciliations(stored, clock), Reconciliations(stored, clock)
    found = _found(clock)
    first.start()
    first.note(ACCOUNT, found)
    assert await _until(second, clock, ReconciliationState(last=found))
    await first.close()
    second.start()
    with pytest.raises(TimeoutError), second.noting_failure(ACCOUNT):
        raise TimeoutError
    failed = ReconciliationState(last=found, failed_at=clock.now(), problem="it took too long")
    assert await _until(first, clock, failed)
    await second.close()


async def _until(reader: Reconciliations, clock: FakeClock, wanted: ReconciliationState) -> bool:
    """Wait until ``reader`` reads ``wanted``, however far the clock has gone meanwhile."""
    async with asyncio.timeout(60):
        while await reader.last(ACCOUNT) != wanted:
            clock.advance(1)
            await asyncio.sleep(0.01)
    return True
