"""One world: processes of the gateway on one database, an exchange, callers, and whatever goes wrong; from start to verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.domain.enums import EventKind
from app.services.gateway import Gateway
from tests.chaos.campaign import doubted_in
from tests.chaos.checker import Evidence, Violation, check
from tests.chaos.clients import Answer
from tests.chaos.truth import TrueFill, TrueOrder
from tests.simulation import seams
from tests.simulation.callers import Caller, Habits, Service, Told, answered
from tests.simulation.faults import Faults
from tests.simulation.kernel import Host, Kernel
from tests.simulation.market import DONE, Order
from tests.simulation.network import Network
from tests.simulation.policy import SeededPolicy
from tests.simulation.randomness import replace_entropy, stream
from tests.simulation.spot import SpotExchange
from tests.simulation.view import read_view
from tests.simulation.watch import Watch

#: Seconds of simulated time: until the journal must be equal to the exchange once nothing goes wrong any more, and between looks.
_SETTLE_LIMIT = 600.0
_LOOK = 5.0
#: Seconds after which a world that has not ended is broken.
_LONGEST = 24 * 3600.0
#: Seconds that a caller waits for an answer.
_PATIENCE = 20.0
#: Seconds between two answers of the journal and the exchange for which they count as clocks of one host.
_SKEW = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a world is made of. The same plan makes the same world, step by step."""

    seed: int
    orders: int = 2000
    callers: int = 12
    processes: int = 1
    fault_rate: float = 0.15
    #: Callbacks between two disruptions on average, and the shares of named steps at which a process
    #: dies, and at which it stands still.
    steps_per_disruption: int = 12_000
    crash_points: float = 0.0006
    stand_points: float = 0.0003
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
    drawn_faults: int
    drawn_disruptions: int
    doubted: int
    presumed: int
    settled_after: float | None
    violations: tuple[Violation, ...]
    troubles: tuple[str, ...] = ()


class Process:
    """A place for one process of the gateway, which is filled anew after each crash."""

    def __init__(self, world: World, number: int, role: Any) -> None:
        self.world = world
        self.number = number
        self.role = role
        self.host: Host | None = None
        self.gateway: Gateway | None = None
        self._generation = 0

    def start(self) -> None:
        """Start the next generation."""
        self._generation += 1
        self.host = self.world.kernel.add_host(f"p{self.number}.{self._generation}")
        self.host.loop.call_soon(self._begin, self.host)

    def _begin(self, host: Host) -> None:
        plan = self.world.plan
        skew = stream(plan.seed, "skew", host.name).uniform(-_SKEW, _SKEW) if plan.processes > 1 else 0.0
        settings = seams.settings_for(self.world.database, is_shared=plan.processes > 1)
        gateway = seams.new_gateway(host, settings, role=self.role, skew=skew, seed=plan.seed)
        self.keep = host.loop.create_task(self._run(host, gateway))

    async def _run(self, host: Host, gateway: Gateway) -> None:
        await gateway.start()
        self.gateway = gateway

    @property
    def is_up(self) -> bool:
        """Whether it takes calls."""
        return self.gateway is not None and self.host is not None and not self.host.is_dead

    def crash(self, where: str) -> None:
        """Die now."""
        assert self.host is not None
        self.host.crash()
        self.world.policy.note_crash(self.host.name, where)


class World:
    """Everything of one plan."""

    def __init__(self, plan: Plan, database: Path) -> None:
        replace_entropy(plan.seed)
        self.plan = plan
        self.database = database
        self.policy = SeededPolicy(
            plan.seed,
            steps_per_disruption=plan.steps_per_disruption,
            crash_points=plan.crash_points,
            stand_points=plan.stand_points,
        )
        self.kernel = Kernel(self.policy)
        self.faults = Faults(plan.seed, rate=plan.fault_rate, skipped=plan.skipped_faults)
        self.exchange = SpotExchange(
            self.kernel, self.faults, plan.seed, seams.EPOCH_MS, {seams.API_KEY: seams.ACCOUNT}
        )
        self.network = Network(self.kernel, self.faults, self.exchange, plan.seed)
        self.exchange.push = self.network.push
        seams.install(self.kernel, self.network)
        self.watch = Watch(database, seams.CONNECTOR)
        self.exchange.market.on_accepted = self.watch.accepted
        self.told = Told(on_answer=self.watch.answered)
        self.outside = self.kernel.add_host("callers")
        self._luck = stream(plan.seed, "luck")
        self.processes = [Process(self, number, "all") for number in range(plan.processes)]
        self.disruptions = 0
        self.kernel.disrupt = self._disrupt

    # -- the way in -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.kernel.now

    async def ask(self, service: Service, choice: float) -> Answer:
        """Let one of the processes do ``service``, and wait for its answer for a while."""
        future: asyncio.Future[Answer] = self.outside.loop.create_future()
        process = self.processes[int(choice * len(self.processes))]
        self.kernel.post(lambda: self._arrive(process, service, future), "call", after=self.network.way())
        try:
            async with asyncio.timeout(_PATIENCE):
                return await future
        except TimeoutError:
            return Answer(status=None)

    def _arrive(self, process: Process, service: Service, future: asyncio.Future[Answer]) -> None:
        host, gateway = process.host, process.gateway
        if not process.is_up or host is None or gateway is None:
            self._tell(future, Answer(status=None))
            return

        # A caller whose process dies sees its connection break.
        def broken() -> None:
            self._tell(future, Answer(status=None))

        host.at_death.append(broken)

        async def serve() -> None:
            try:
                answer = await answered(service, gateway)
            except Exception as error:
                host.note_trouble(f"a call failed: {error!r}")
                answer = Answer(status=500)
            host.at_death.remove(broken)
            if not self.policy.is_calm and self._luck.random() < 0.03:
                answer = Answer(status=None)
            self._tell(future, answer)

        host.graveyard.append(host.loop.create_task(serve()))

    def _tell(self, future: asyncio.Future[Answer], answer: Answer) -> None:
        def end() -> None:
            if not future.done():
                future.set_result(answer)

        self.kernel.post(end, "told", after=self.network.way())

    # -- what goes wrong ------------------------------------------------------------------------------------------------

    def _disrupt(self) -> None:
        if self.policy.is_calm:
            return
        self.disruptions += 1
        process = self._luck.choice(self.processes)
        what = self._luck.random()
        if self.disruptions in self.plan.skipped_disruptions or not process.is_up:
            return
        if what < 0.8:
            process.crash("anywhere")
        else:
            assert process.host is not None
            process.host.stands_until = self.kernel.now + self.policy.standstill()

    def _keep_up(self) -> None:
        """Start what has died, a little later."""
        for process in self.processes:
            if process.host is not None and process.host.is_dead:
                process.host = None
                process.gateway = None
                self.kernel.post(process.start, "start", after=0.05 + self._luck.random() ** 3 * 8)
        self.kernel.post(self._keep_up, "keep up", after=0.05)

    # -- from start to verdict ------------------------------------------------------------------------------------------

    def run(self) -> Verdict:
        """Trade, settle and judge."""
        for process in self.processes:
            process.start()
        self._keep_up()
        self.kernel.run_until(lambda: all(process.is_up for process in self.processes))
        share = -(-self.plan.orders // self.plan.callers)
        habits = Habits(account_name=seams.ACCOUNT, connector_name=seams.CONNECTOR, orders=share)
        callers = [Caller(number, self.plan.seed, self, self.told, habits) for number in range(self.plan.callers)]
        tasks = [self.outside.loop.create_task(caller.run()) for caller in callers]
        watch = self.watch
        self.kernel.run_until(
            lambda: all(task.done() for task in tasks) or bool(watch.violations) or self.now > _LONGEST
        )
        for task in tasks:
            if task.done():
                task.result()
        self.policy.is_calm = self.faults.is_calm = True
        calm_at = next_look = self.now
        settled_after: float | None = None

        def is_over() -> bool:
            nonlocal next_look, settled_after
            if self.now < next_look:
                return False
            next_look = self.now + _LOOK
            if self._is_equal():
                settled_after = self.now - calm_at
            return settled_after is not None or bool(watch.violations) or self.now - calm_at > _SETTLE_LIMIT

        self.kernel.run_until(is_over)
        return self._judge(settled_after)

    def _is_equal(self) -> bool:
        """Whether the journal has what the exchange has, as far as a short look tells."""
        if self.watch.in_doubt():
            return False
        states = self.watch.states()
        words = {"NEW": "open", "PARTIALLY_FILLED": "open"}
        return all(
            (found := states.get((order.account, order.client_id))) is not None
            and found[0] == words.get(order.status, order.status.lower())
            and _same(found[1], order.filled)
            for order in self.exchange.market.orders
        )

    def _judge(self, settled_after: float | None) -> Verdict:
        journal = read_view(self.database)
        evidence = Evidence(
            operations=tuple(self.told.operations),
            journal=journal,
            truth=tuple(_true(order) for order in self.exchange.market.orders),
        )
        if len(journal.orders) < self.plan.orders // 2:
            self.kernel.troubles.append(f"of {self.plan.orders} orders only {len(journal.orders)} were placed")
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
            drawn_faults=self.faults.drawn,
            drawn_disruptions=self.disruptions,
            doubted=len(doubted_in(journal)),
            presumed=kinds[EventKind.NEVER_ARRIVED] + kinds[EventKind.VANISHED],
            settled_after=settled_after,
            violations=(*self.watch.violations, *check(evidence)),
            troubles=tuple(self.kernel.troubles),
        )


def _same(stored: str, filled: Decimal) -> bool:
    return Decimal(stored) == filled


def _true(order: Order) -> TrueOrder:
    base = order.symbol.removesuffix("USDT")
    return TrueOrder(
        account_name=order.account,
        connector_name=seams.CONNECTOR,
        order_id=order.client_id,
        exchange_order_id=str(order.number),
        trading_pair=f"{base}-USDT",
        trade_type=order.side,
        order_type=order.kind,
        amount=order.amount,
        price=order.price if order.price else None,
        state=order.status.lower() if order.status in DONE else "open",
        filled_amount=order.filled,
        created_at=datetime.fromtimestamp(order.created_ms / 1000 + 2 * _SKEW, UTC),
        fills=tuple(
            TrueFill(
                fill_id=str(trade.number),
                price=trade.price,
                amount=trade.amount,
                fee=trade.fee,
                fee_currency=trade.fee_asset,
            )
            for trade in order.trades
        ),
    )
