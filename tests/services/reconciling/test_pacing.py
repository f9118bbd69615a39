"""The share of request limits that questions at intervals may take, and how accounts take turns."""

from __future__ import annotations

import asyncio

import pytest

from app.connectors.base import Question
from app.domain.order import AccountKey
from app.domain.reports import OrderReport
from app.services.reconciling.pacing import Pace
from tests.clock import FakeClock
from tests.services.world import ACCOUNT, World, request, until


def test_what_is_taken_comes_back_within_a_minute(clock: FakeClock) -> None:
    """Half of the share may be taken at once, and then as much in every minute; each connector has its own."""
    pace = Pace(clock, 0.5)
    assert [pace.take("a", 0.1) for _ in range(3)] == [True, True, False]
    assert pace.take("b", 0.25)
    clock.advance(12)
    assert pace.take("a", 0.1)
    assert not pace.has_room("a", 0.1)
    clock.advance(3600)
    assert [pace.take("a", 0.1) for _ in range(3)] == [True, True, False]


def test_what_costs_more_than_the_share_may_go_alone(clock: FakeClock) -> None:
    """An exchange with small limits is asked all the same, when nothing else was."""
    pace = Pace(clock, 0.5)
    assert pace.take("a", 0.7)
    assert not pace.take("a", 0.1)
    clock.advance(60)
    assert pace.take("a", 0.7)


async def test_who_waits_is_served_in_turn(clock: FakeClock) -> None:
    """Nobody overtakes those who wait already, also with a smaller question."""
    pace, served = Pace(clock, 0.5), []

    async def wait(name: str, cost: float) -> None:
        await pace.wait("a", cost)
        served.append((name, clock.monotonic()))

    begun = clock.monotonic()
    tasks = [asyncio.create_task(wait(name, cost)) for name, cost in (("x", 0.25), ("y", 0.25), ("z", 0.01))]
    await until(lambda: clock.sleepers == 1)
    assert not pace.take("a", 0.0)
    await until(lambda: len(served) == 3, clock)
    await asyncio.gather(*tasks)
    assert [name for name, _ in served] == ["x", "y", "z"]
    assert served[1][1] - begun == pytest.approx(60, abs=1)


async def test_thirty_accounts_leave_more_than_half_of_the_limits(world: World) -> None:
    """However often all of them compare, what they take in a minute stays within the share; each has its turn."""
    shares: dict[Question, float] = {"open_orders": 40 / 2400, "open_orders_of_pair": 1 / 2400}
    connector = await world.connector()
    spent: list[tuple[float, str | None]] = []

    async def fetch_open_orders(trading_pair: str | None = None) -> list[OrderReport]:
        spent.append((world.clock.monotonic(), trading_pair))
        return []

    connector.request_share = lambda question: shares.get(question, 0.0)  # type: ignore[method-assign]
    connector.fetch_open_orders = fetch_open_orders  # type: ignore[method-assign]
    accounts = [AccountKey(ACCOUNT, "paper")] + [AccountKey(f"a{number}", "paper") for number in range(29)]

    async def found(_: AccountKey) -> object:
        return connector

    world.recovery._sessions.connector = found  # type: ignore[method-assign,assignment]
    await world.orders.place(request(client_order_id="o1"))
    for _ in range(20):
        await asyncio.gather(*(world.recovery.reconcile(account, after_gap=False) for account in accounts))
        world.clock.advance(30)
    for start in range(0, 600, 60):
        begun = spent[0][0] + start
        minute = [
            shares["open_orders" if pair is None else "open_orders_of_pair"]
            for at, pair in spent
            if begun <= at < begun + 60
        ]
        assert sum(minute) <= 0.3 + 1e-6
    whole = [at for at, pair in spent if pair is None]
    assert len(whole) >= 2 * len(accounts), "each is seen whole every five minutes"
    assert sum(pair == "BTC-USDT" for _, pair in spent) >= 15, "in between the pair with an order is asked about"


async def test_a_gap_makes_the_whole_book_due(world: World) -> None:
    """What the stream may have missed can be on any pair."""
    shares: dict[Question, float] = {"open_orders": 0.01, "open_orders_of_pair": 0.001}
    connector = await world.connector()
    connector.request_share = lambda question: shares.get(question, 0.0)  # type: ignore[method-assign]
    ask, asked = connector.fetch_open_orders, []

    async def fetch_open_orders(trading_pair: str | None = None) -> object:
        asked.append(trading_pair)
        return await ask(trading_pair)

    connector.fetch_open_orders = fetch_open_orders  # type: ignore[method-assign,assignment]
    await world.orders.place(request(client_order_id="o1"))
    account = AccountKey(ACCOUNT, "paper")
    for after_gap in (True, False, False, True, False):
        await world.recovery.reconcile(account, after_gap=after_gap)
    assert asked == [None, "BTC-USDT", "BTC-USDT", None, "BTC-USDT"]
    world.clock.advance(300)
    await world.recovery.reconcile(account, after_gap=False)
    assert asked[-1] is None
