"""A gateway without HTTP for the tests of the services: a real journal, the real paper exchange, and faults that the test names.

Time is the test's: every wait of the services ends when the clock is moved. The market stands where the test puts it.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.bootstrap import build_gateway
from app.connectors.paper.spot import PaperConnector
from app.connectors.paper.venue import PaperVenue
from app.domain.enums import OrderType, TradeType
from app.domain.order import AccountKey, Order, OrderKey, OrderRequest
from app.journal.journal import Journal
from app.paper.exchange import PaperExchange
from app.paper.faults import FaultPlan, Faults
from app.services.accounts.accounts import AccountAdmin
from app.services.exchange_accounts import ExchangeAccounts
from app.services.history import History
from app.services.installation import Installations
from app.services.markets.rules import Rules
from app.services.orders.inflight import InFlight
from app.services.orders.placing import Orders
from app.services.orders.previewing import Previews
from app.services.orders.recorder import Recorder
from app.services.reconciling import pursuits
from app.services.reconciling.feed import Feed
from app.services.reconciling.funding import FundingRecorder
from app.services.reconciling.recovery import Recovery
from app.services.reconciling.resolving import Resolving
from app.services.reconciling.settling import Settling
from app.services.safety.safety import Safety
from app.services.sessions import Sessions
from app.settings import Settings
from tests.chaos.checker import CLAUSES, Evidence, Violation, check
from tests.chaos.journal_view import view_of
from tests.chaos.truth import PaperTruth
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath

ACCOUNT = "master_account"
#: A call's time-out in the tests' time; nothing waits for it in real time.
TIMEOUT = timedelta(seconds=12)


class Script(Faults):
    """Faults in the order in which a test names them: ``plan("submit", "late")`` is for the next submit, and so on."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(FaultPlan(seed=1, parts=0), clock)
        self._planned: dict[str, deque[str | None]] = defaultdict(deque)

    def plan(self, verb: str, *kinds: str | None) -> None:
        """The fates of the next calls of ``verb`` (submit, cancel, ask, query, stream); None is a good one."""
        self._planned[verb] += kinds

    def forget(self) -> None:
        """From now on everything goes well."""
        self._planned.clear()

    def _fate(self, kinds: Sequence[str], verb: str, name: str) -> tuple[str | None, int]:
        planned = self._planned[verb]
        kind = planned.popleft() if planned else None
        if kind is not None:
            self._note(kind, name)
        return kind, 0

    async def _lose_answer(self, fate: str | None) -> None:
        if fate == "lost":
            # A reply that never comes ends by the caller's time-out, for which a test with a clock of its own can't wait.
            raise TimeoutError
        await super()._lose_answer(fate)


@dataclass(kw_only=True)
class World:
    """One process of the gateway, and the exchange that outlives it."""

    settings: Settings
    clock: FakeClock
    path: HandPath
    faults: Script
    journal: Journal
    exchange: PaperExchange
    sessions: Sessions
    exchange_accounts: ExchangeAccounts
    recorder: Recorder
    settling: Settling
    resolving: Resolving
    installations: Installations
    recovery: Recovery
    rules: Rules
    inflight: InFlight
    accounts: AccountAdmin
    orders: Orders
    previews: Previews
    safety: Safety
    history: History

    def feed(self) -> Feed:
        """A feed of the account."""
        return Feed(
            AccountKey(ACCOUNT, "paper"),
            journal=self.journal,
            recorder=self.recorder,
            recovery=self.recovery,
            settling=self.settling,
            sessions=self.sessions,
            exchange_accounts=self.exchange_accounts,
            funding=FundingRecorder(self.journal.funding_payments, self.sessions, self.settings, self.clock),
            clock=self.clock,
        )

    async def connector(self) -> PaperConnector:
        connector = await self.sessions.connector(AccountKey(ACCOUNT, "paper"))
        assert isinstance(connector, PaperConnector)
        return connector

    def order(self, order_id: str) -> Order:
        """The order as the journal has it."""
        found = self.journal.find_order(key(order_id))
        assert found is not None
        return found

    def kinds(self, order_id: str) -> list[str]:
        """What happened to the order, in words."""
        return [str(entry.event.kind) for entry in self.journal.history(key(order_id)) if entry.event is not None]

    def at_exchange(self, order_id: str) -> list[Any]:
        """The orders that the exchange has of that name."""
        return [order for order in self.truth().orders() if order.order_id == order_id]

    def truth(self) -> PaperTruth:
        return PaperTruth(paper_url(self.settings))

    def violations(self, clauses: Any = CLAUSES) -> tuple[Violation, ...]:
        """What of the promise is broken at this moment."""
        return check(Evidence(operations=(), journal=view_of(self.journal), truth=self.truth().orders()), clauses)

    async def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Move the clock on in steps, each time until everything that woke up has come to rest."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step, left))
            left -= step
            await self.rest()

    async def rest(self) -> None:
        """Wait until nobody does anything but sleep on the clock or wait for an event."""
        quiet = 0
        while quiet < 3:
            before = (self.journal.head(), self.clock.sleepers)
            # The services' work hops through threads; a moment of real time lets it come back.
            await asyncio.sleep(0.002)
            is_asking = any(slots._value < pursuits._AT_ONCE for slots in self.settling._pursuits._slots.values())
            is_idle = not is_asking and (self.journal.head(), self.clock.sleepers) == before
            quiet = quiet + 1 if is_idle else 0


def key(order_id: str) -> OrderKey:
    return OrderKey(account_name=ACCOUNT, connector_name="paper", order_id=order_id)


def paper_url(settings: Settings) -> str:
    return f"sqlite:///{settings.data_dir / 'paper.db'}" if settings.is_sqlite else settings.database_url


def request(**changes: Any) -> OrderRequest:
    """A limit order to buy a hundredth BTC far below the market, which rests; ``changes`` are fields of the request."""
    terms: dict[str, Any] = {
        "account_name": ACCOUNT,
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "amount": Decimal("0.01"),
        "price": Decimal(40_000),
        **changes,
    }
    return OrderRequest(**terms)


def market(**changes: Any) -> OrderRequest:
    """A market order to buy a hundredth BTC, which is filled at once."""
    return request(order_type=OrderType.MARKET, price=None, **changes)


@asynccontextmanager
async def running_world(
    database_url: str, data_dir: Path, clock: FakeClock, *, path: HandPath | None = None, seed: int = 1
) -> AsyncIterator[World]:
    """A process of the gateway on the database and the paper exchange beside it; another one later finds everything again."""
    settings = Settings(
        database_url=database_url, data_dir=data_dir, exchange_timeout=TIMEOUT, secret_key="a secret for tests only"
    )
    path = path or HandPath()
    gateway = build_gateway(settings, clock=clock, random_bits=random.Random(seed).getrandbits)
    await gateway.journal.open()
    await asyncio.to_thread(gateway.accounts.ensure_master_account)
    # The tests of the feeds look at one account's one connector.
    await asyncio.to_thread(gateway.journal.accounts.delete_credential, ACCOUNT, "paper_perpetual")
    exchange = await asyncio.to_thread(PaperExchange, paper_url(settings), clock=clock, seed=20, path=path)
    faults = Script(clock)
    gateway.sessions._venues["paper"] = PaperVenue(exchange, settings.exchange_timeout, faults)
    recorder = gateway.orders._recorder
    world = World(
        settings=settings,
        clock=clock,
        path=path,
        faults=faults,
        journal=gateway.journal,
        exchange=exchange,
        sessions=gateway.sessions,
        exchange_accounts=gateway.settling._exchange_accounts,
        recorder=recorder,
        settling=gateway.settling,
        resolving=gateway.resolving,
        installations=gateway.installations,
        recovery=Recovery(
            journal=gateway.journal,
            recorder=recorder,
            sessions=gateway.sessions,
            settling=gateway.settling,
            exchange_accounts=gateway.settling._exchange_accounts,
            installations=gateway.installations,
            reconciliations=gateway.reconciliations,
            settings=settings,
            clock=clock,
        ),
        rules=gateway.rules,
        inflight=gateway.inflight,
        accounts=gateway.accounts,
        orders=gateway.orders,
        previews=gateway.previews,
        safety=gateway.safety,
        history=gateway.history,
    )
    try:
        yield world
    finally:
        await gateway.stop()


async def until(condition: Callable[[], bool], clock: FakeClock | None = None, step: float = 0.5) -> None:
    """Wait until ``condition`` holds, moving the clock on where there is one; a test that never gets there runs out of time."""
    while not condition():
        if clock is not None:
            clock.advance(step)
        await asyncio.sleep(0.002)


async def gathered(*work: Awaitable[Any]) -> list[Any]:
    """The answers, or what was raised, of work done at once."""
    return list(await asyncio.gather(*work, return_exceptions=True))
