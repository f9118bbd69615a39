"""Faults by seed: each does what its name says, the same seed does the same, and every one is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.enums import TradeType
from app.paper.exchange import PaperExchange
from app.paper.faults import KINDS, BadPlan, FaultPlan, Faults, ServerFault
from app.paper.orders import OrderRecord
from app.paper.refusals import PaperRefusal
from tests.chaos.exchanges import logged_faults
from tests.clock import FakeClock
from tests.paper.still_market import APPLE, limit
from tests.services.world import until


def faults(clock: FakeClock, *kinds: str, log: Path | None = None) -> Faults:
    """Faults that always happen, of these kinds."""
    return Faults(FaultPlan(seed=7, parts=1_000_000, kinds=frozenset(kinds)), clock, log)


class Placed:
    """An order that can be placed, and how often it was."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self.deadlines: list[float] = []

    async def __call__(self, deadline: float) -> OrderRecord:
        self.deadlines.append(deadline)
        return self._exchange.place(limit("a", "o1", TradeType.BUY, "1", 10))


@pytest.fixture
def placed(open_exchange: Callable[..., PaperExchange], tmp_path: Path) -> Placed:
    pairs, balances = {APPLE.trading_pair: APPLE}, {"EURO": Decimal(1_000)}
    return Placed(open_exchange(f"sqlite:///{tmp_path / 'paper.db'}", pairs=pairs, default_balances=balances))


def test_a_plan_is_read_from_text() -> None:
    """All kinds where none are named."""
    assert FaultPlan.parse("seed=7,rate=0.25") == FaultPlan(seed=7, parts=250_000)
    assert FaultPlan.parse("rate=1,kinds=late+drop").kinds == {"late", "drop"}


@pytest.mark.parametrize("text", ["seed=x", "rate=2", "rate=-1", "rate=many", "kinds=quake", "speed=1", "nonsense"])
def test_a_bad_plan_is_refused(text: str) -> None:
    """With the text that is wrong."""
    with pytest.raises(BadPlan, match="paper faults"):
        FaultPlan.parse(text)


@pytest.mark.parametrize(
    ("kind", "error", "arrives"),
    [
        ("reset", ConnectionResetError, True),
        ("error", ServerFault, True),
        ("garbage", ValueError, True),
        ("refuse", PaperRefusal, False),
        ("down", ServerFault, False),
    ],
)
async def test_what_happens_to_a_submit(
    clock: FakeClock, placed: Placed, kind: str, error: type[Exception], arrives: bool
) -> None:
    """The caller gets an error; whether the order is there is another matter."""
    with pytest.raises(error):
        await faults(clock, kind).submit("o1", placed, 5.0)
    assert placed.deadlines == [5.0] * arrives


async def test_a_lost_answer_never_comes(clock: FakeClock, placed: Placed) -> None:
    """The order is there, and the caller waits."""
    waiting = asyncio.create_task(faults(clock, "lost").submit("o1", placed, 5.0))
    await until(lambda: clock.sleepers > 0)
    assert placed.deadlines == [5.0]
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_late_order_arrives_after_the_caller_gave_up(clock: FakeClock, placed: Placed) -> None:
    """The connection breaks at once, the order arrives within three seconds, with its own deadline."""
    some = faults(clock, "late")
    with pytest.raises(ConnectionResetError):
        await some.submit("o1", placed, 5.0)
    assert placed.deadlines == []
    await until(lambda: clock.sleepers > 0)
    clock.advance(3)
    await until(lambda: bool(placed.deadlines))
    assert placed.deadlines == [3.5]
    await some.close()


async def test_a_late_order_is_lost_with_its_process(clock: FakeClock, placed: Placed) -> None:
    """Closing drops what is on its way."""
    some = faults(clock, "late")
    with pytest.raises(ConnectionResetError):
        await some.submit("o1", placed, 5.0)
    await some.close()
    clock.advance(10)
    assert placed.deadlines == []


async def test_what_happens_to_a_cancel(clock: FakeClock) -> None:
    """It is done and not answered, or not done."""
    done = 0

    async def cancel() -> int:
        nonlocal done
        done += 1
        return done

    with pytest.raises(ConnectionResetError):
        await faults(clock, "cancel_reset").cancel("o1", cancel)
    assert done == 1
    with pytest.raises(ServerFault):
        await faults(clock, "cancel_down").cancel("o1", cancel)
    assert done == 1


async def test_a_question_without_an_answer(clock: FakeClock) -> None:
    """The question does not reach the exchange."""
    with pytest.raises(ServerFault):
        await faults(clock, "unanswered").ask(asyncio.Event().wait)


async def test_an_order_is_hidden_only_just_after_it_was_placed(clock: FakeClock, placed: Placed) -> None:
    """Then queries know it for ever."""
    record = await placed(0.0)
    some = faults(clock, "hidden")
    assert some.hides(record)
    clock.advance(1.5)
    assert not some.hides(record)
    assert not some.hides(None)


def test_what_a_stream_does(clock: FakeClock) -> None:
    """Events are dropped, doubled, moved and held back; a stream may break."""
    assert faults(clock, "drop").stream([1, 2]) == []
    assert faults(clock, "double").stream([1]) == [1, 1]
    assert Faults(FaultPlan(seed=7, parts=0), clock).stream([1, 2]) == [1, 2]
    late = faults(clock, "delay")
    assert late.stream([1]) == []
    clock.advance(1)
    assert late.stream([]) == [1]
    broken = faults(clock, "cut")
    with pytest.raises(ConnectionResetError):
        [broken.stream([1]) for _ in range(1_000)]
    moved = Faults(FaultPlan(seed=7, parts=500_000, kinds=frozenset({"swap"})), clock)
    sent = [moved.stream(list(range(8))) for _ in range(8)]
    assert all(sorted(each) == list(range(8)) for each in sent)
    assert any(each != list(range(8)) for each in sent)


def test_a_seed_is_a_fate(clock: FakeClock) -> None:
    """The same seed does the same to the same orders, another seed does something else."""

    def kinds_of(seed: int) -> list[object]:
        some = Faults(FaultPlan(seed=seed, parts=500_000), clock)
        return [some._fate(sorted(KINDS), "submit", f"o{n}")[0] for n in range(50)]

    assert kinds_of(1) == kinds_of(1)
    assert kinds_of(1) != kinds_of(2)


async def test_every_fault_is_noted(clock: FakeClock, placed: Placed, tmp_path: Path) -> None:
    """In memory and, for several processes together, in a file."""
    log = tmp_path / "log.jsonl"
    assert logged_faults(log) == {}
    for _ in range(2):
        with pytest.raises(ServerFault):
            await faults(clock, "down", log=log).submit("o1", placed, 5.0)
    assert logged_faults(log) == {"down": 2}
