"""One world: a stage, callers, and whatever goes wrong on it by one seed; from start to verdict."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.enums import EventKind
from tests.chaos.campaign import doubted_in
from tests.chaos.checker import Violation, check
from tests.simulation import seams
from tests.simulation.bases import Base
from tests.simulation.callers import Caller, Habits
from tests.simulation.faults import Faults
from tests.simulation.kernel import Kernel
from tests.simulation.policy import SeededPolicy
from tests.simulation.randomness import stream
from tests.simulation.safety import check_safety
from tests.simulation.stage import Stage

#: Seconds of simulated time: until the journal must be equal to the exchange once nothing goes wrong any more, and between looks.
_SETTLE_LIMIT = 600.0
_LOOK = 5.0
#: Seconds after which a world that has not ended is broken.
_LONGEST = 24 * 3600.0
#: The share of disruptions that end a process; the others let it stand still.
_CRASHES = 0.8


#: What may be odd about an exchange: it tells nothing by itself and must be asked; or it takes a cancel before it carries it out.
QUIRKS = ("ack_only_cancels", "polling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a world is made of. The same plan makes the same world, step by step."""

    seed: int
    orders: int = 2000
    callers: int = 12
    processes: int = 1
    connector_name: str = seams.CONNECTOR
    #: What is odd about the exchange all the time: ``QUIRKS`` says what.
    quirks: frozenset[str] = frozenset()
    fault_rate: float = 0.15
    #: How many times as often as usual the exchange forgets, amends, closes a market, and so on.
    oddity: float = 1.0
    #: The share of answers that callers do not get.
    lost_answers: float = 0.03
    #: Callbacks between two disruptions on average, and the shares of named steps at which a process
    #: dies, and at which it stands still.
    steps_per_disruption: int = 12_000
    crash_points: float = 0.0006
    stand_points: float = 0.0003
    #: Whether what the exchange keeps back, and processes that stand still, outlast the trading.
    is_lingering: bool = True
    skipped_faults: frozenset[int] = frozenset()
    skipped_disruptions: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a world."""

    plan: Plan
    orders: int
    calls: int
    entries: int
    seconds: float
    steps: int
    crashes: Mapping[str, int]
    faults: Mapping[str, int]
    deeds: Mapping[str, int]
    drawn_faults: int
    drawn_disruptions: int
    doubted: int
    presumed: int
    settled_after: float | None
    #: What the world's process took of the machine: processor seconds, and the most memory in MB.
    processor_seconds: float
    memory: float
    violations: tuple[Violation, ...]
    troubles: tuple[str, ...] = ()


class World(Stage):
    """Everything of one plan."""

    def __init__(self, plan: Plan, base: Base) -> None:
        self.plan = plan
        self.policy = SeededPolicy(
            plan.seed,
            steps_per_disruption=plan.steps_per_disruption,
            crash_points=plan.crash_points,
            stand_points=plan.stand_points,
        )
        self._luck = stream(plan.seed, "luck")
        super().__init__(
            Kernel(self.policy),
            Faults(plan.seed, rate=plan.fault_rate, oddity=plan.oddity, skipped=plan.skipped_faults),
            base,
            seed=plan.seed,
            processes=plan.processes,
            restart_after=lambda: 0.05 + self._luck.random() ** 3 * 6,
            connector_name=plan.connector_name,
            quirks=plan.quirks,
        )
        self.disruptions = 0
        self.kernel.disrupt = self._disrupt

    def loses_answer(self) -> bool:
        return not self.policy.is_calm and self._luck.random() < self.plan.lost_answers

    def _disrupt(self) -> None:
        if self.policy.is_calm:
            return
        self.disruptions += 1
        process, is_crash = self._luck.choice(self.processes), self._luck.random() < _CRASHES
        if self.disruptions in self.plan.skipped_disruptions or process.host is None or not process.is_up:
            return
        if is_crash:
            self.policy.note_crash(process.host.name, "anywhere")
            process.host.crash()
        else:
            process.host.stands_until = self.kernel.now + self.policy.standstill()

    def run(self) -> Verdict:
        """Trade, settle and judge."""
        for process in self.processes:
            process.start()
        self.kernel.run_until(lambda: all(process.is_up for process in self.processes))
        habits = Habits(account_name=seams.ACCOUNT, connector_name=self.connector_name, orders=self.plan.orders)
        callers = [Caller(number, self.plan.seed, self, self.told, habits) for number in range(self.plan.callers)]
        tasks = [self.outside.loop.create_task(caller.run()) for caller in callers]
        all_done = self.outside.loop.create_task(_ended(tasks))
        self.kernel.run_until(lambda: all_done.done() or bool(self.watch.violations) or self.now > _LONGEST)
        for task in tasks:
            if task.done():
                task.result()
        return self._judge(self._settle())

    def _settle(self) -> float | None:
        """Nothing goes wrong any more: the seconds until journal and exchange agree, None if they never do."""
        self.policy.is_calm = self.faults.is_calm = True
        if not self.plan.is_lingering:
            self.exchange.market.show_all()
            for host in self.kernel.hosts:
                host.stands_until = min(host.stands_until, self.now)
        calm_at = next_look = self.now
        settled_after: float | None = None

        def is_over() -> bool:
            nonlocal next_look, settled_after
            if self.now < next_look:
                return False
            next_look = self.now + _LOOK
            if self.is_equal():
                settled_after = self.now - calm_at
            return settled_after is not None or bool(self.watch.violations) or self.now - calm_at > _SETTLE_LIMIT

        self.kernel.run_until(is_over)
        return settled_after

    def _judge(self, settled_after: float | None) -> Verdict:
        evidence = self.evidence()
        journal = evidence.journal
        if len(journal.orders) < self.plan.orders // 2 and not self.watch.violations:
            self.kernel.troubles.append(f"of {self.plan.orders} orders only {len(journal.orders)} were placed")
        used = resource.getrusage(resource.RUSAGE_SELF)
        kinds = Counter(entry.event.kind for entry in journal.entries if entry.event is not None)
        return Verdict(
            plan=self.plan,
            orders=len(journal.orders),
            calls=len(self.told.operations),
            entries=journal.head,
            seconds=self.now,
            steps=self.kernel.steps,
            crashes=dict(self.policy.crashes),
            faults=dict(self.faults.counts),
            deeds=dict(self.told.deeds),
            drawn_faults=self.faults.drawn,
            drawn_disruptions=self.disruptions,
            doubted=len(doubted_in(journal)),
            presumed=kinds[EventKind.NEVER_ARRIVED] + kinds[EventKind.VANISHED],
            settled_after=settled_after,
            processor_seconds=round(used.ru_utime + used.ru_stime, 3),
            memory=round(used.ru_maxrss / 1024, 1),
            violations=(*self.watch.violations, *check(evidence), *check_safety(journal, self.watch.resumes)),
            troubles=tuple(self.kernel.troubles),
        )


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
