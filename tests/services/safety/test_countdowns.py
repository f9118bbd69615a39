"""Dead-man's switches that the exchange holds, over the services and in the test's time: what it is told, and when.

The exchange is the paper exchange with countdowns of its own, which end by the test's clock whatever the gateway does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import failpoints
from app.connectors.paper.spot import PaperConnector
from app.domain.enums import DeadManKeep, DeadManRequire, OrderState
from app.domain.errors import CountdownMissing, DeadManDue, ExchangeReadError, NoExchangeCountdown, ProtectiveNotKept
from app.domain.safety.dead_man import ALL_PAIRS
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath
from tests.services.safety.test_dead_man import RECORD, THE_ACCOUNT, arm, is_clear, kinds, pass_time, switch
from tests.services.world import World, request, running_world

BTC, ETH = "BTC-USDT", "ETH-USDT"


class Exchange:
    """The countdowns of the account, and every call that set one."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.ends_at: dict[str, datetime] = {}
        self.calls: list[tuple[str, datetime | None]] = []
        self.is_down = False

    async def set(self, trading_pair: str, until: datetime | None) -> None:
        if self.is_down:
            raise ExchangeReadError("no answer")
        self.calls.append((trading_pair, until))
        if until is None:
            self.ends_at.pop(trading_pair, None)
        else:
            self.ends_at[trading_pair] = until

    def runs(self, trading_pair: str) -> bool:
        """Whether a countdown of the pair runs."""
        return trading_pair in self.ends_at and self.ends_at[trading_pair] > self.clock.now()


@pytest.fixture
def exchange(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """Countdowns for the paper exchange."""
    exchange = Exchange(clock)

    async def set_countdown(_: Any, trading_pair: str, until: datetime | None) -> None:
        await exchange.set(trading_pair, until)

    monkeypatch.setattr(PaperConnector, "set_countdown", set_countdown)
    monkeypatch.setattr(PaperConnector, "capabilities", replace(PaperConnector.capabilities, countdown="pair"))
    return exchange


@pytest.fixture
async def worlds(
    exchange: Exchange, sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[tuple[World, World]]:
    """Two processes on one journal and one exchange."""
    path = HandPath()
    async with (
        running_world(sqlite_url, tmp_path, clock, path=path) as one,
        running_world(sqlite_url, tmp_path, clock, path=path, seed=2) as other,
    ):
        yield one, other
        await one.safety.close()
        await other.safety.close()


class Died(BaseException):
    """What ends a process where a failpoint stands: nothing catches it."""


@contextmanager
def dying_at(point: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it whatever reaches ``point`` ends there."""

    def reach(name: str) -> None:
        if name == point:
            raise Died

    with monkeypatch.context() as patch, suppress(Died):
        patch.setattr(failpoints, "reach", reach)
        yield
        raise AssertionError(f"{point} was not reached")


async def test_a_pair_has_a_countdown_before_its_first_order(exchange: Exchange, world: World) -> None:
    """And each word of the caller renews those of the pairs that have orders, and ends the others."""
    status = await arm(world, timeout_seconds=60)
    assert status.is_held_by_exchange
    assert exchange.calls == []
    until = world.clock.now() + timedelta(seconds=60)
    connector = await world.connector()
    whole = connector.submit_order

    async def submit(order: Any) -> Any:
        assert exchange.runs(order.trading_pair)
        return await whole(order)

    connector.submit_order = submit  # type: ignore[method-assign]
    world.clock.advance(20)
    await world.orders.place(request(client_order_id="o1"))
    await world.orders.place(request(client_order_id="o2"))
    assert exchange.calls == [(BTC, until)]
    await world.orders.place(request(client_order_id="o3", trading_pair=ETH, price=Decimal(1500)))
    assert (await switch(world)).switch.covered == (BTC, ETH)
    await world.orders.cancel(world.order("o3").key)
    exchange.calls.clear()
    later = world.clock.now() + timedelta(seconds=60)
    status = await arm(world, timeout_seconds=60)
    assert sorted(exchange.calls) == sorted([(BTC, later), (ETH, None)])
    assert (status.switch.covered, status.switch.ending, status.is_held_by_exchange) == ((BTC,), (), True)


async def test_what_there_was_is_covered_when_it_is_armed(exchange: Exchange, world: World) -> None:
    """Orders of before are covered by the call itself, and ended by disarming."""
    await world.orders.place(request(client_order_id="o1"))
    status = await arm(world, require=DeadManRequire.EXCHANGE)
    assert (status.switch.covered, status.is_held_by_exchange) == ((BTC,), True)
    disarmed = await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    assert (disarmed.was_armed, disarmed.still_counting) == (True, ())
    assert exchange.ends_at == {}


async def test_another_process_knows_what_is_covered(exchange: Exchange, worlds: tuple[World, World]) -> None:
    """It sends nothing more to the exchange, and starts a countdown where there is none."""
    one, other = worlds
    await arm(one, timeout_seconds=60)
    await one.orders.place(request(client_order_id="o1"))
    await other.orders.place(request(client_order_id="o2"))
    assert [pair for pair, _ in exchange.calls] == [BTC]
    await other.orders.place(request(client_order_id="o3", trading_pair=ETH, price=Decimal(1500)))
    assert [pair for pair, _ in exchange.calls] == [BTC, ETH]


async def test_many_first_orders_start_one_countdown(exchange: Exchange, world: World) -> None:
    """They wait for it together."""
    await arm(world)
    await asyncio.gather(*(world.orders.place(request(client_order_id=f"o{number}")) for number in range(8)))
    assert [pair for pair, _ in exchange.calls] == [BTC]


async def test_an_order_without_a_countdown_is_refused(exchange: Exchange, world: World) -> None:
    """Nothing was sent and nothing is in the journal, so the same call may come again."""
    await arm(world)
    exchange.is_down = True
    with pytest.raises(CountdownMissing, match="no answer"):
        await world.orders.place(request(client_order_id="o1"))
    assert world.at_exchange("o1") == []
    exchange.is_down = False
    assert (await world.orders.place(request(client_order_id="o1"))).order.state is OrderState.OPEN


async def test_a_renewal_that_the_exchange_does_not_take_is_told(exchange: Exchange, world: World) -> None:
    """The gateway holds it then, until the deadline; who demands the exchange gets an error."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    exchange.is_down = True
    status = await arm(world)
    assert (status.switch.covered, status.is_held_by_exchange) == ((), False)
    assert not (await switch(world)).is_held_by_exchange
    with pytest.raises(ExchangeReadError):
        await arm(world, require=DeadManRequire.EXCHANGE)
    exchange.is_down = False
    assert (await arm(world)).is_held_by_exchange


async def test_nothing_leaves_in_the_last_second(exchange: Exchange, world: World) -> None:
    """It might arrive after the exchange has fired, and rest with nobody behind it."""
    await arm(world)
    world.clock.advance(8.9)
    await world.orders.place(request(client_order_id="o1"))
    world.clock.advance(0.2)
    with pytest.raises(DeadManDue, match="about to fire"):
        await world.orders.place(request(client_order_id="o2"))
    assert kinds(world) == ["dead_man_armed"]


async def test_protective_orders_would_not_be_kept(exchange: Exchange, world: World) -> None:
    """The exchange cancels everything, so the switch is refused rather than leaving a naked position."""
    with pytest.raises(ProtectiveNotKept):
        await arm(world, keep=DeadManKeep.PROTECTIVE)
    assert await world.safety.dead_men.status() == []


async def test_after_firing_countdowns_are_ended_before_orders_are_taken(exchange: Exchange, world: World) -> None:
    """One that ran on would cancel the next orders."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    # The exchange's end comes a little later than ours, as after a slow call.
    exchange.ends_at[BTC] += timedelta(seconds=5)
    exchange.is_down = True
    world.safety.dead_men.start()
    while world.order("o1").state is not OrderState.CANCELED:
        await pass_time(world, 1)
    with pytest.raises(DeadManDue):
        await world.orders.place(request(client_order_id="o2"))
    exchange.is_down = False
    await is_clear(world)
    assert exchange.ends_at == {}
    await world.orders.place(request(client_order_id="o2"))
    await world.safety.close()


async def test_the_way_out_where_a_countdown_can_not_be_ended(exchange: Exchange, world: World) -> None:
    """Until then the account is closed, and an order, the switch and a metric tell why. To arm and disarm it opens the account."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    exchange.is_down = True
    world.safety.dead_men.start()
    while world.order("o1").state is not OrderState.CANCELED:
        await pass_time(world, 1)
    await pass_time(world, 30)
    with pytest.raises(DeadManDue, match=f"has not ended the countdown of {BTC}") as refused:
        await world.orders.place(request(client_order_id="o2"))
    assert "GET /safety/dead-man" in (refused.value.hint or "")
    assert (await switch(world)).switch.ending == (BTC,)
    since = world.safety.dead_men.clearing_for(await world.journal.safety())
    assert since[THE_ACCOUNT] >= 30
    await arm(world)
    for _ in range(100):
        if (await switch(world)).switch.clearing is None:
            break
        await pass_time(world, 0.5)
        await arm(world)
    assert world.safety.dead_men.clearing_for(await world.journal.safety()) == {}
    await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    await world.orders.place(request(client_order_id="o2"))
    await world.safety.close()


async def test_the_exchanges_countdown_runs_until_the_orders_are_gone(exchange: Exchange, world: World) -> None:
    """While the gateway's own cancels come to nothing it may be all that there is."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    exchange.ends_at[BTC] += timedelta(seconds=5)
    world.faults.plan("cancel", *["cancel_down"] * 100)
    world.safety.dead_men.start()
    while kinds(world)[-1] != "dead_man_fired":
        await pass_time(world, 1)
    await pass_time(world, 5)
    assert world.order("o1").state is OrderState.OPEN
    assert BTC in exchange.ends_at
    world.faults.forget()
    await is_clear(world)
    assert exchange.ends_at == {}
    await world.safety.close()


async def test_what_could_not_be_ended_is_ended_later(exchange: Exchange, world: World) -> None:
    """A disarmed switch must not cancel anything. The gateway goes on asking, and a repeated call asks at once."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world, timeout_seconds=600)
    exchange.is_down = True
    disarmed = await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    assert (disarmed.was_armed, disarmed.still_counting) == (True, (BTC,))
    exchange.is_down = False
    disarmed = await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    assert (disarmed.was_armed, disarmed.still_counting) == (False, ())
    assert exchange.ends_at == {}
    await arm(world, timeout_seconds=600)
    exchange.is_down = True
    await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    exchange.is_down = False
    world.safety.dead_men.start()
    while exchange.ends_at:
        await pass_time(world, 1)
    await world.safety.close()


@pytest.mark.parametrize("point", ["dead_man.armed", "countdowns.renewed"])
async def test_a_process_dies_while_it_renews(
    exchange: Exchange, worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """No pair counts as covered that is not, and the next call sets everything right."""
    one, other = worlds
    await one.orders.place(request(client_order_id="o1"))
    with dying_at(point, monkeypatch):
        await arm(one, timeout_seconds=60)
    found = await switch(other)
    assert found.switch.armed_until == other.clock.now() + timedelta(seconds=60)
    assert set(found.switch.covered) <= {pair for pair in (BTC, ETH) if exchange.runs(pair)}
    assert not found.is_held_by_exchange
    assert (await arm(other, timeout_seconds=60)).is_held_by_exchange


async def test_a_process_dies_after_it_has_started_a_countdown(
    exchange: Exchange, worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order was not sent. The repeated call starts the countdown again, and sends it once."""
    one, other = worlds
    await arm(one)
    with dying_at("countdowns.started", monkeypatch):
        await one.orders.place(request(client_order_id="o1", idempotency_key="k"))
    assert one.at_exchange("o1") == []
    await other.orders.place(request(client_order_id="o1", idempotency_key="k"))
    assert len(other.at_exchange("o1")) == 1
    assert exchange.runs(BTC)


async def test_a_process_dies_while_it_disarms(
    exchange: Exchange, worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The countdown that it has left is ended by another, so it cancels nothing."""
    one, other = worlds
    await one.orders.place(request(client_order_id="o1"))
    await arm(one, timeout_seconds=60)
    with dying_at("dead_man.disarmed", monkeypatch):
        await one.safety.dead_men.disarm(THE_ACCOUNT, RECORD)
    assert exchange.runs(BTC)
    other.safety.dead_men.start()
    while exchange.ends_at:
        await pass_time(other, 1)
    assert other.order("o1").state is OrderState.OPEN


async def test_a_word_during_a_renewal_is_the_one_that_holds(exchange: Exchange, worlds: tuple[World, World]) -> None:
    """Two processes hear the caller at once, and what the exchange has in the end is the last deadline."""
    one, other = worlds
    await one.orders.place(request(client_order_id="o1"))
    await arm(one, timeout_seconds=30)
    whole, spoken = exchange.set, []

    async def slow(trading_pair: str, until: datetime | None) -> None:
        if not spoken:
            spoken.append(until)
            one.clock.advance(5)
            await arm(other, timeout_seconds=30)
        await whole(trading_pair, until)

    exchange.set = slow  # type: ignore[method-assign]
    status = await arm(one, timeout_seconds=30)
    assert status.switch.armed_until == one.clock.now() + timedelta(seconds=30)
    assert exchange.ends_at[BTC] == status.switch.armed_until


async def test_one_countdown_of_the_account_covers_all_pairs(
    exchange: Exchange, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins before the first order of any pair, and ends when none has an order; a second pair costs no call."""
    capabilities = replace(PaperConnector.capabilities, countdown="account", countdown_seconds=(5, 60))
    monkeypatch.setattr(PaperConnector, "capabilities", capabilities)
    until = world.clock.now() + timedelta(seconds=60)
    assert (await arm(world, timeout_seconds=60, require=DeadManRequire.EXCHANGE)).is_held_by_exchange
    await world.orders.place(request(client_order_id="o1"))
    await world.orders.place(request(client_order_id="o2", trading_pair=ETH, price=Decimal(1500)))
    assert exchange.calls == [(ALL_PAIRS, until)]
    assert (await switch(world)).is_held_by_exchange
    world.clock.advance(20)
    later = world.clock.now() + timedelta(seconds=60)
    assert (await arm(world, timeout_seconds=60, require=DeadManRequire.EXCHANGE)).switch.covered == (ALL_PAIRS,)
    assert exchange.calls[1:] == [(ALL_PAIRS, later)]
    for name in ("o1", "o2"):
        await world.orders.cancel(world.order(name).key)
    await arm(world, timeout_seconds=60, require=DeadManRequire.EXCHANGE)
    assert exchange.calls[2:] == [(ALL_PAIRS, None)]
    await world.orders.place(request(client_order_id="o3"))
    assert exchange.runs(ALL_PAIRS)


async def test_an_exchange_that_does_not_count_so_long_leaves_it_to_the_gateway(
    exchange: Exchange, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a switch that it held is armed for longer: what ran there is ended."""
    capabilities = replace(PaperConnector.capabilities, countdown="account", countdown_seconds=(10, 60))
    monkeypatch.setattr(PaperConnector, "capabilities", capabilities)
    for seconds in (9, 61):
        with pytest.raises(NoExchangeCountdown, match="10 to 60 seconds"):
            await arm(world, timeout_seconds=seconds, require=DeadManRequire.EXCHANGE)
    with pytest.raises(ProtectiveNotKept):
        await arm(world, timeout_seconds=60, keep=DeadManKeep.PROTECTIVE)
    await world.orders.place(request(client_order_id="o1"))
    assert (await arm(world, timeout_seconds=60)).is_held_by_exchange
    status = await arm(world, timeout_seconds=61)
    assert (status.is_held_by_exchange, status.switch.covered, status.switch.ending) == (False, (), ())
    assert exchange.ends_at == {}


async def test_a_countdown_of_the_account_that_can_not_be_ended_is_named(
    exchange: Exchange, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, where orders wait for it."""
    monkeypatch.setattr(PaperConnector, "capabilities", replace(PaperConnector.capabilities, countdown="account"))
    await arm(world, timeout_seconds=5)
    await world.orders.place(request(client_order_id="o1"))
    exchange.is_down = True
    await pass_time(world, 6)
    with pytest.raises(DeadManDue, match="the countdown of all pairs"):
        await world.orders.place(request(client_order_id="o2"))
