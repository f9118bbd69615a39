"""Leases: one holder at a time, ended by time, release or a higher token."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.storage.database import Database
from app.storage.leases import Leases
from app.storage.tables import LEASES
from tests.clock import START, FakeClock

NAME = "account:master_account:binance"
TTL = timedelta(seconds=30)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of each kind."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def leases(database: Database, clock: FakeClock) -> Leases:
    """Leases on each database."""
    return Leases(database, clock)


def let_time_pass(database: Database, clock: FakeClock) -> None:
    """Make every lease end: the clock decides on SQLite; on PostgreSQL the server's does, so the lease is moved instead."""
    clock.advance(TTL.total_seconds())
    if not database.is_sqlite:
        with database.change() as connection:
            connection.execute(update(LEASES).values(expires_at=START))


def test_one_holder_at_a_time(leases: Leases) -> None:
    """While a lease is held nobody else gets it, but other leases are free."""
    held = leases.acquire(NAME, "one", TTL)
    assert held is not None
    assert (held.name, held.holder, held.token) == (NAME, "one", 1)
    assert leases.acquire(NAME, "two", TTL) is None
    assert leases.acquire("other", "two", TTL) is not None
    assert leases.renew(held)


def test_an_ended_lease_goes_to_the_next_with_a_higher_token(
    leases: Leases, database: Database, clock: FakeClock
) -> None:
    """A holder that did not renew can't renew or release any more, whether or not it was replaced."""
    first = leases.acquire(NAME, "one", TTL)
    assert first is not None
    let_time_pass(database, clock)
    assert not leases.renew(first)

    second = leases.acquire(NAME, "two", TTL)

    assert second is not None
    assert second.token == 2
    assert not leases.renew(first)
    assert not leases.release(first)
    assert leases.renew(second)


def test_a_released_lease_is_free_at_once(leases: Leases) -> None:
    """The token rises all the same."""
    first = leases.acquire(NAME, "one", TTL)
    assert first is not None
    assert leases.release(first)
    assert not leases.release(first)
    assert not leases.renew(first)

    second = leases.acquire(NAME, "two", TTL)
    assert second is not None
    assert second.token == 2


def test_the_holder_may_acquire_again(leases: Leases) -> None:
    """Who holds a lease is given it anew; the older lease has ended with that."""
    first = leases.acquire(NAME, "one", TTL)
    second = leases.acquire(NAME, "one", TTL)
    assert first is not None
    assert second is not None
    assert second.token == 2
    assert not leases.renew(first)


def test_of_many_who_ask_at_once_one_gets_it(leases: Leases) -> None:
    """Asking from many threads gives one lease."""
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: leases.acquire(NAME, f"holder{n}", TTL), range(24)))
    assert sum(lease is not None for lease in got) == 1
