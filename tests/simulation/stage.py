"""What every simulation stands on: processes of the gateway on one database, an exchange, the network, and the callers' way in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from app.services.gateway import Gateway
from tests.chaos.checker import Evidence
from tests.chaos.clients import Answer
from tests.chaos.operations import Operation
from tests.chaos.truth import TrueFill, TrueOrder
from tests.simulation import seams
from tests.simulation.bases import Base
from tests.simulation.callers import OVERLAPPED, Service, Told, answered
from tests.simulation.faults import Faults
from tests.simulation.kernel import Host, Kernel
from tests.simulation.market import DONE, Order
from tests.simulation.network import Network
from tests.simulation.perpetual import PerpetualExchange
from tests.simulation.randomness import replace_entropy, stream
from tests.simulation.spot import SpotExchange
from tests.simulation.view import read_view
from tests.simulation.watch import Watch

#: The exchange's side for each connector that is simulated.
EXCHANGES: Mapping[str, type[SpotExchange]] = {"binance": SpotExchange, "binance_perpetual": PerpetualExchange}

#: What may still change the exchange's book.
_TO_THE_EXCHANGE = frozenset({"request", "engine", "late cancel"})
#: Seconds that a caller waits for an answer.
_PATIENCE = 20.0
#: Seconds by which the clocks of processes may be wrong where there are several.
SKEW = 1.0


class Process:
    """A place for one process of the gateway, which is filled anew after each crash, ``restart_after()`` seconds later."""

    def __init__(self, stage: Stage, number: int, restart_after: Callable[[], float]) -> None:
        self._stage = stage
        self._restart_after = restart_after
        self._generation = 0
        self.number = number
        self.host: Host | None = None
        self.gateway: Gateway | None = None

    def start(self) -> None:
        """Start the next generation."""
        self._generation += 1
        self.host = self._stage.kernel.add_host(f"p{self.number}.{self._generation}")
        self.host.at_death.append(self._died)
        self.host.loop.call_soon(self._begin, self.host)

    @property
    def is_up(self) -> bool:
        """Whether it takes calls."""
        return self.gateway is not None

    def _begin(self, host: Host) -> None:
        stage = self._stage
        is_shared = len(stage.processes) > 1
        skew = stream(stage.seed, "skew", host.name).uniform(-SKEW, SKEW) if is_shared and stage.has_skew else 0.0
        settings = seams.settings_for(stage.base, is_shared=is_shared)
        gateway = seams.new_gateway(host, settings, skew=skew, seed=stage.seed)
        host.graveyard.append(host.loop.create_task(self._run(gateway)))

    async def _run(self, gateway: Gateway) -> None:
        try:
            await gateway.start()
        except Exception as error:
            # Nothing that is simulated keeps a process from starting.
            self._stage.kernel.faults.append(error)
            raise
        self.gateway = gateway

    def _died(self) -> None:
        self.host = self.gateway = None
        self._stage.kernel.post(self.start, "start", after=self._restart_after())


class Stage:
    """One database, the processes on it, the exchange and the network."""

    #: Whether the clocks of processes differ.
    has_skew = True

    def __init__(
        self,
        kernel: Kernel,
        faults: Faults,
        base: Base,
        *,
        seed: int,
        processes: int,
        restart_after: Callable[[], float],
        connector_name: str = seams.CONNECTOR,
        quirks: Set[str] = frozenset(),
    ) -> None:
        replace_entropy(seed)
        self.kernel = kernel
        self.faults = faults
        self.base = base
        self.seed = seed
        self.connector_name = connector_name
        self.exchange = EXCHANGES[connector_name](
            kernel, faults, seed, seams.EPOCH_MS, seams.KEYS, has_stream="polling" not in quirks
        )
        self.exchange.market.is_canceling_late = "ack_only_cancels" in quirks
        self.network = Network(kernel, faults, self.exchange, seed)
        self.exchange.push = self.network.push
        seams.install(kernel, self.network)
        self.watch = Watch(base, seams.ACCOUNT, connector_name)
        self.exchange.market.on_accepted = self.watch.accepted
        self.exchange.market.was_seen = self.watch.was_seen
        self.told = Told(on_answer=self.watch.answered, asks=self.watch.asked, halts=self.watch.halted)
        self.outside = kernel.add_host("callers")
        self._under_way: Counter[str | None] = Counter()
        self.processes = [Process(self, number, restart_after) for number in range(processes)]

    @property
    def now(self) -> float:
        return self.kernel.now

    @property
    def own_key(self) -> str:
        return seams.SECOND_KEY

    @property
    def foreign_key(self) -> str:
        return seams.FOREIGN_KEY

    def resting(self) -> Set[str]:
        """The ids of the orders that are open at the exchange."""
        return {order.placed_as for order in self.exchange.market.open.values()}

    async def ask(self, service: Service, choice: float, key: str | None = None) -> Answer:
        """Let one of the processes do ``service``, and wait for its answer for a while; calls for one order share a ``key``."""
        future: asyncio.Future[Answer] = self.outside.loop.create_future()
        process = self.processes[int(choice * len(self.processes))]
        self._under_way[key] += 1
        self.network.go(lambda: self._arrive(process, service, future, key), "call", what=process.number)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await future
        except TimeoutError:
            return Answer(status=None)

    def loses_answer(self) -> bool:
        """Whether the answer to a caller gets lost."""
        return False

    def _arrive(self, process: Process, service: Service, future: asyncio.Future[Answer], key: str | None) -> None:
        host, gateway = process.host, process.gateway
        if host is None or gateway is None:
            self._under_way[key] -= 1
            self._tell(future, Answer(status=None))
            return

        # A caller whose process dies sees its connection break.
        def broken() -> None:
            self._under_way[key] -= 1
            self._tell(future, Answer(status=None))

        host.at_death.append(broken)

        async def serve() -> None:
            has_others = self._under_way[key] > 1
            try:
                answer = await answered(service, gateway)
            except Exception as error:
                host.note_trouble(f"a call failed: {error!r}")
                answer = Answer(status=500)
            host.at_death.remove(broken)
            if has_others or self._under_way[key] > 1:
                answer = replace(answer, body={**answer.body, OVERLAPPED: True})
            self._under_way[key] -= 1
            self._tell(future, Answer(status=None) if self.loses_answer() else answer)

        host.heard("call", process.number)
        host.graveyard.append(host.loop.create_task(serve()))

    def _tell(self, future: asyncio.Future[Answer], answer: Answer) -> None:
        def end() -> None:
            self.outside.heard("told", str(answer))
            if not future.done():
                future.set_result(answer)

        self.network.go(end, "told", what=str(answer))

    def is_equal(self) -> bool:
        """Whether the journal has what the exchange has, as far as a short look tells, and nothing is on its way there any more."""
        if self.watch.in_doubt() or self.kernel.is_under_way(_TO_THE_EXCHANGE):
            return False
        states = self.watch.states()
        words = {"NEW": "open", "PARTIALLY_FILLED": "open"}
        return all(
            (found := states.get((seams.ACCOUNT, order.placed_as))) is not None
            and found[0] == words.get(order.status, order.status.lower())
            and Decimal(found[1]) == order.filled
            for order in self.exchange.market.orders
        )

    def evidence(self, operations: tuple[Operation, ...] | None = None) -> Evidence:
        """What the checker judges."""
        return Evidence(
            operations=tuple(self.told.operations) if operations is None else operations,
            journal=read_view(self.base.url),
            truth=tuple(_true(order, self.connector_name) for order in self.exchange.market.orders),
        )


def _true(order: Order, connector_name: str) -> TrueOrder:
    base = order.symbol.removesuffix("USDT")
    return TrueOrder(
        account_name=seams.ACCOUNT,
        connector_name=connector_name,
        order_id=order.placed_as,
        exchange_order_id=str(order.number),
        trading_pair=f"{base}-USDT",
        trade_type=order.side,
        order_type=order.kind,
        amount=order.amount,
        price=order.price if order.price else None,
        state=order.status.lower() if order.status in DONE else "open",
        filled_amount=order.filled,
        created_at=datetime.fromtimestamp(order.created_ms / 1000 + 2 * SKEW, UTC),
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
