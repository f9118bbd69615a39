"""Who keeps which account in step: one holder at a time, who stops before another may begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.domain.order import AccountKey
from app.services.reconciling.account_feeds import LEASE, AccountFeeds
from app.storage.accounts import Accounts
from app.storage.leases import Lease, Leases
from tests.clock import FakeClock
from tests.services.world import ACCOUNT, World


class Feeds:
    """Feeds that only say whether they run."""

    def __init__(self) -> None:
        self.running: set[AccountKey] = set()
        self.begun = 0
        self.fault: Exception | None = None

    def make(self, account: AccountKey) -> Any:
        feeds = self

        class Running:
            async def run(self) -> None:
                feeds.begun += 1
                if feeds.fault is not None:
                    raise feeds.fault
                feeds.running.add(account)
                try:
                    await asyncio.Event().wait()
                finally:
                    feeds.running.discard(account)

        return Running()


class CutOff:
    """Leases of a process that has lost its database; ``acquired`` still works, so that it can begin."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self.is_cut = False

    def acquire(self, name: str, holder: str, ttl: timedelta) -> Lease | None:
        return self._leases.acquire(name, holder, ttl)

    def renew(self, lease: Lease) -> bool:
        if self.is_cut:
            raise ConnectionError("the database is away")
        return self._leases.renew(lease)

    def release(self, lease: Lease) -> bool:
        return False


@asynccontextmanager
async def watching(
    accounts: Accounts, leases: Any, holder: str, feeds: Feeds, clock: FakeClock
) -> AsyncIterator[AccountFeeds]:
    running = AccountFeeds(accounts=accounts, leases=leases, holder=holder, make_feed=feeds.make, clock=clock)
    running.start()
    try:
        yield running
    finally:
        await running.close()


class Rest:
    """Knows whether anything is at work: without it, time would pass for a process while its thread waits for the machine."""

    #: Steps of the loop in which whoever is not asleep comes to a thread or falls asleep.
    _STEPS = 20

    def __init__(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self._clock = clock
        self._at_work = 0
        self._to_thread = asyncio.to_thread
        monkeypatch.setattr(asyncio, "to_thread", self._counted)

    async def _counted(self, *work: Any) -> Any:
        self._at_work += 1
        try:
            return await self._to_thread(*work)
        finally:
            self._at_work -= 1

    async def begin(self) -> None:
        """Wait until nobody does anything before time passes."""
        steps = 0
        while steps < self._STEPS:
            await asyncio.sleep(0.001 if self._at_work else 0)
            steps = 0 if self._at_work else steps + 1

    async def until(self, condition: Callable[[], bool], step: float = 0.5) -> None:
        """Let time pass, with a rest after each step, until ``condition`` holds."""
        await self.begin()
        while not condition():
            self._clock.advance(step)
            await self.begin()


@pytest.fixture
def rest(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Rest:
    return Rest(clock, monkeypatch)


@pytest.fixture
def watched(world: World) -> Callable[..., Any]:
    """Watches on the world's accounts, with leases of the same database (their time is the test's on SQLite)."""

    def make(feeds: Feeds, holder: str = "one", leases: Any = "own") -> Any:
        return watching(
            world.journal.accounts, world.journal.leases if leases == "own" else leases, holder, feeds, world.clock
        )

    return make


async def test_every_account_with_credentials_has_a_feed(world: World, watched: Callable[..., Any], rest: Rest) -> None:
    """One that comes is found, one that goes is let go, and without leases none is asked for."""
    feeds = Feeds()
    async with watched(feeds, leases=None):
        await rest.until(lambda: feeds.running == {(ACCOUNT, "paper")})
        world.journal.accounts.add_account("second")
        world.journal.accounts.put_credential("second", "paper", b"sealed")
        await rest.until(lambda: len(feeds.running) == 2)
        world.journal.accounts.delete_credential("second", "paper")
        await rest.until(lambda: len(feeds.running) == 1)
    assert feeds.running == set()


async def test_a_feed_that_fails_is_started_again(world: World, watched: Callable[..., Any], rest: Rest) -> None:
    """None should, but the account must not stay alone."""
    feeds = Feeds()
    feeds.fault = ValueError("broken")
    async with watched(feeds, leases=None):
        await rest.until(lambda: feeds.begun == 3)
        feeds.fault = None
        await rest.until(lambda: bool(feeds.running))


async def test_one_of_two_processes_has_the_account(world: World, watched: Callable[..., Any], rest: Rest) -> None:
    """The second waits, and takes over at once when the first stops in good order."""
    first, second = Feeds(), Feeds()
    async with watched(second, "two") as later:
        async with watched(first, "one"):
            await rest.until(lambda: bool(first.running or second.running))
            for _ in range(40):
                world.clock.advance(0.5)
                await rest.begin()
                assert len(first.running) + len(second.running) == 1
        await rest.until(lambda: bool(second.running))
        assert later is not None


async def test_a_dead_holder_s_account_is_taken_over(world: World, watched: Callable[..., Any], rest: Rest) -> None:
    """Its lease ends by itself, and the other has the account within seconds."""
    feeds = Feeds()
    lease = world.journal.leases.acquire(f"account:{ACCOUNT}:paper", "dead", timedelta(seconds=LEASE))
    assert lease is not None
    died_at = world.clock.now()
    async with watched(feeds, "two"):
        await rest.until(lambda: bool(feeds.running), step=0.1)
    # A tenth of a second of the test's time passes for each look, and the looks are a second apart.
    assert LEASE <= (world.clock.now() - died_at).total_seconds() < 2 * LEASE


async def test_a_holder_that_can_not_renew_stops_before_its_lease_ends(
    world: World, watched: Callable[..., Any], rest: Rest
) -> None:
    """Without the database it gives the account up while nobody else can have it yet."""
    feeds, leases = Feeds(), CutOff(world.journal.leases)
    async with watched(feeds, "one", leases):
        await rest.until(lambda: bool(feeds.running), step=0.1)
        leases.is_cut = True
        await rest.until(lambda: not feeds.running, step=0.1)
        taken = world.journal.leases.acquire(f"account:{ACCOUNT}:paper", "two", timedelta(seconds=LEASE))
    assert taken is None


async def test_a_holder_that_was_replaced_stops(world: World, watched: Callable[..., Any], rest: Rest) -> None:
    """It stood still for longer than its lease; when it goes on, another has the account, and it stops."""
    feeds = Feeds()
    async with watched(feeds, "one"):
        await rest.until(lambda: bool(feeds.running), step=0.1)
        world.clock.advance(LEASE + 1)
        assert world.journal.leases.acquire(f"account:{ACCOUNT}:paper", "two", timedelta(seconds=600)) is not None
        await rest.until(lambda: not feeds.running, step=0.1)
        assert not feeds.running


async def test_looking_goes_on_while_the_database_is_away(
    world: World, watched: Callable[..., Any], rest: Rest
) -> None:
    """What runs goes on running, and the next look is made."""
    feeds = Feeds()
    accounts = world.journal.accounts
    listed = accounts.all_credentials
    async with watched(feeds, leases=None):
        await rest.until(lambda: bool(feeds.running))

        def failing() -> Any:
            raise ConnectionError("away")

        accounts.all_credentials = failing  # type: ignore[method-assign]
        for _ in range(5):
            world.clock.advance(1)
            await asyncio.sleep(0.005)
        assert feeds.running
        accounts.all_credentials = listed  # type: ignore[method-assign]
        accounts.delete_credential(ACCOUNT, "paper")
        await rest.until(lambda: not feeds.running)
