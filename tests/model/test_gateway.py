"""The gateway in any order of events that hypothesis generates: placing, repeating, cancelling, market moves, answers and events
lost, late or doubled, processes dying. After each step no clause that must always hold is broken; in the end all clauses hold.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from app.domain.enums import OrderType, TradeType
from app.domain.errors import OrdergateError
from app.domain.order import AccountKey
from app.domain.reports import ConnectorEvent
from app.paper.faults import CANCEL, SUBMIT
from app.services.reconciling.feed import Feed
from app.storage.schema import upgrade
from tests.chaos.checker import CLAUSES, EVENTUAL, Evidence, check
from tests.chaos.journal_view import view_of
from tests.chaos.operations import Operation
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath
from tests.services.world import ACCOUNT, World, key, request, running_world

#: Faults that need no waiting in real time; "slow" ones would only sleep on a clock that does not move meanwhile.
SUBMIT_FAULTS = st.sampled_from([None, None, *(kind for kind in SUBMIT if kind != "slow")])
CANCEL_FAULTS = st.sampled_from([None, *(kind for kind in CANCEL if kind != "cancel_slow")])
ALWAYS = tuple(clause for clause in CLAUSES if clause not in EVENTUAL)


class GatewayMachine(RuleBasedStateMachine):
    """One account, one process at a time, one exchange."""

    template: Path
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(tempfile.mkdtemp(prefix="ordergate-model-"))
        self.url = f"sqlite:///{shutil.copy(self.template, self.directory / 'journal.db')}"
        self.clock = FakeClock()
        self.path = HandPath()
        self.serial = 0
        self.operations: list[Operation] = []
        self.stream: list[ConnectorEvent] = []
        self.sent = 0

    # -- what callers do ------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.do(self._start())

    @rule(
        target=names,
        side=st.sampled_from(TradeType),
        kind=st.sampled_from([OrderType.LIMIT, OrderType.MARKET]),
        distance=st.sampled_from([-2_000, -500, 500]),
        fault=SUBMIT_FAULTS,
    )
    def place(self, side: TradeType, kind: OrderType, distance: int, fault: str | None) -> str:
        """A new order, near enough to the market that a move can fill it."""
        self.serial += 1
        name = f"o{self.serial}"
        away = distance if side is TradeType.BUY else -distance
        body = {
            "trading_pair": "BTC-USDT",
            "trade_type": str(side),
            "order_type": str(kind),
            "amount": f"0.01{self.serial:03}",
            **({} if kind is OrderType.MARKET else {"price": str(65_000 + away)}),
        }
        operation = Operation(client="model", verb="place", key=name, body=body)
        self.world.faults.plan("submit", fault)
        self.do(self._place(operation))
        return name

    @rule(name=names)
    def repeat(self, name: str) -> None:
        """The caller repeats its call."""
        first = next(operation for operation in self.operations if operation.key == name)
        self.do(self._place(first))

    @rule(name=names, fault=CANCEL_FAULTS)
    def cancel(self, name: str, fault: str | None) -> None:
        """Whatever state the order is in."""
        self.world.faults.plan("cancel", fault)
        self.do(self._quietly(self.world.orders.cancel(key(name))))
        self.world.faults.forget()

    # -- what the world does --------------------------------------------------------------------------------------------

    @rule(price=st.integers(62_000, 68_000))
    def move_market(self, price: int) -> None:
        """Resting orders that the market reaches are filled."""
        self.path.prices["BTC-USDT"] = Decimal(price)
        self.clock.advance(1)
        self.do(asyncio.to_thread(self.world.exchange.advance))

    @rule(seconds=st.sampled_from([0.3, 2.0, 7.0, 20.0]))
    def pass_time(self, seconds: float) -> None:
        """Unsettled orders are queried, late orders arrive."""
        self.do(self.world.pass_time(seconds, step=1.0))

    @rule(count=st.integers(1, 4))
    def fail_questions(self, count: int) -> None:
        """The exchange does not answer the next questions, or hides what is new, or leaves fills out."""
        self.world.faults.plan("ask", *["unanswered"] * count)
        self.world.faults.plan("query", *["hidden"] * count)
        self.world.faults.plan("report", *["bare"] * count)

    @rule(order=st.permutations(range(6)), keep=st.lists(st.booleans(), min_size=6, max_size=6), twice=st.booleans())
    def send_stream(self, order: list[int], keep: list[bool], twice: bool) -> None:
        """The stream sends the events since its last ones, in any order, in parts, some of them twice."""
        self.do(self._send(order, keep, twice))

    @rule()
    def reconcile(self) -> None:
        """The feed reconciles."""
        self.do(self._quietly(self.world.recovery.reconcile(AccountKey(ACCOUNT, "paper"))))

    @rule()
    def crash(self) -> None:
        """The process dies with its pending work, and the next one starts from the journal."""
        self.do(self._restart())

    # -- the promise ----------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_broken(self) -> None:
        """The clauses that must always hold."""
        if hasattr(self, "world"):
            assert check(self.evidence(), ALWAYS) == ()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.do(self._settle())
                assert check(self.evidence()) == ()
                self.do(self.stack.aclose())
        finally:
            self.runner.close()
            shutil.rmtree(self.directory)

    def evidence(self) -> Evidence:
        return Evidence(
            operations=tuple(self.operations),
            # The writer's thread may still be at work; ``view_of`` reads until nothing was added meanwhile.
            journal=view_of(self.world.journal),
            truth=self.world.truth().orders(),
        )

    # -- how ------------------------------------------------------------------------------------------------------------

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _start(self) -> None:
        self.stack = AsyncExitStack()
        self.world: World = await self.stack.enter_async_context(
            running_world(self.url, self.directory, self.clock, path=self.path, seed=self.serial)
        )
        self.feed: Feed = self.world.feed()
        # Events that were sent while nothing listened are not sent again.
        self.sent = self.world.exchange.last_event()

    async def _restart(self) -> None:
        await self.stack.aclose()
        await self._start()
        await self.world.recovery.wake_unsettled(AccountKey(ACCOUNT, "paper"))

    async def _place(self, operation: Operation) -> None:
        body = operation.body
        asked = request(
            trade_type=TradeType(body["trade_type"]),
            order_type=OrderType(body["order_type"]),
            amount=Decimal(body["amount"]),
            price=Decimal(body["price"]) if "price" in body else None,
            client_order_id=operation.key,
        )
        changes: dict[str, Any] = {"outcome": "unknown"}
        try:
            placed = await self.world.orders.place(asked)
            changes = {"outcome": "ok", "order_id": placed.order.order_id, "state": str(placed.order.state)}
        except OrdergateError as error:
            if error.status == 400:
                changes = {"outcome": "fail"}
        self.operations.append(Operation(client="model", verb="place", key=operation.key, body=body, **changes))

    async def _send(self, order: list[int], keep: list[bool], twice: bool) -> None:
        connector = await self.world.connector()
        news = await asyncio.to_thread(connector._exchange.account_since, self.sent, connector._account)
        self.sent = news.last
        self.stream = [*self.stream, *connector._reports_of(news)][-6:]
        for index in [*order, *(order[:2] if twice else ())]:
            if index < len(self.stream) and keep[index]:
                await self.feed._handle(self.stream[index])

    async def _settle(self) -> None:
        """The exchange has no more faults: everything is reconciled."""
        self.world.faults.forget()
        for _ in range(30):
            await self.world.recovery.reconcile(AccountKey(ACCOUNT, "paper"))
            await self.world.pass_time(8.0, step=2.0)
            if not check(self.evidence(), EVENTUAL):
                return

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except OrdergateError:
            # The caller's error; the checker looks at the order.
            return


@pytest.fixture(autouse=True, scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> None:
    GatewayMachine.template = tmp_path_factory.mktemp("model") / "journal.db"
    upgrade(f"sqlite:///{GatewayMachine.template}")


TestGateway = GatewayMachine.TestCase
TestGateway.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    # Threads make no two runs quite alike, which shrinking can't stand; the steps of the failing run are short enough to read.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
