"""Four processes on PostgreSQL place flat out and are killed at any step, while another halts, resumes and limits them.

``make halts`` runs the long form: ``ORDERGATE_HALTS`` halts (200), each with a process killed at a step that a seed chooses.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.bootstrap import build_gateway
from app.connectors.registry import load_connectors
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.decimals import ZERO
from app.domain.enums import EventKind, HaltCancel, HaltMode
from app.domain.lifecycle import ACTIVE
from app.domain.order import Order, OrderKey
from app.domain.safety.events import SafetyKind
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.reading.verifying import verify
from app.services.gateway import Gateway
from app.settings import Settings
from tests.chaos.processes import ROOT
from tests.chaos.truth import PaperTruth
from tests.clock import START

pytestmark = pytest.mark.postgres

PROCESSES = 4
HALTS = int(os.environ.get("ORDERGATE_HALTS", "2"))
#: So few halts start no process again: it takes seconds.
_SHORT = 5
SEED = int(os.environ.get("SEED", "7"))
#: Where a process may die, on the way of an order and of a cancel.
STEPS = (
    "journal.intent.before_commit",
    "journal.intent.after_commit",
    "orders.intent_recorded",
    "connector.paper.submitting",
    "connector.paper.submitted",
    "orders.exchange_answered",
    "journal.outcome.before_commit",
    "journal.outcome.after_commit",
    "orders.outcome_recorded",
    "orders.cancel_recorded",
)
MOST_NOTIONAL = Decimal(1500)
MOST_ORDERS = 20
RECORD = AuditRecord(at=START, actor=Actor(name="risk"), operation="safety.halt")
WHOLE = Scope()


@dataclass
class Placer:
    """A process that places, and is started again when it has died."""

    url: str
    directory: Path
    number: int
    #: What it places as: "nobody" in particular, or with the API "keys" that there are.
    role: str = "nobody"
    process: subprocess.Popen[str] | None = None

    def start(self, failpoint: str = "") -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "ORDERGATE_FAILPOINT": failpoint}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.crash.placing_worker",
                self.url,
                str(self.directory),
                str(self.number),
                self.role,
            ],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "ready\n":
                return
        raise AssertionError("a placing process did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextmanager
def placing(url: str, directory: Path, choose: random.Random, role: str = "nobody") -> Iterator[list[Placer]]:
    """The processes, each of which dies at some step after some time."""
    placers = [Placer(url, directory, number, role) for number in range(PROCESSES)]
    try:
        for number, placer in enumerate(placers):
            # The last one lives, so that somebody always places.
            placer.start("" if number == PROCESSES - 1 else _step(choose))
        for placer in placers:
            placer.wait_until_ready()
        yield placers
    finally:
        for placer in placers:
            placer.kill()


def restart_dead(placers: list[Placer], choose: random.Random) -> None:
    """Start again what has died, where there are so many rounds that it is worth it."""
    for placer in placers if HALTS > _SHORT else ():
        if placer.process is not None and placer.process.poll() is not None:
            placer.kill()
            placer.start(_step(choose))
            placer.wait_until_ready()


def _step(choose: random.Random) -> str:
    return f"{choose.choice(STEPS)}@{choose.randrange(5, 120)}"


@asynccontextmanager
async def risk_manager(url: str, directory: Path) -> AsyncIterator[Gateway]:
    """The process that halts; it has the accounts, so that what dead processes leave is settled."""
    settings = Settings(
        database_url=url,
        data_dir=directory,
        secret_key="a key for rehearsals only",
        exchange_timeout=timedelta(seconds=2),
    )
    gateway = build_gateway(settings, role="web")
    await asyncio.gather(gateway.journal.open(), load_connectors())
    await asyncio.to_thread(gateway.accounts.ensure_master_account)
    try:
        yield gateway
    finally:
        await gateway.stop()


async def test_nothing_is_intended_after_a_halt_nor_beyond_a_limit(postgres_url: str, tmp_path: Path) -> None:
    """Every halt's number divides the intents; what was answered quiet was quiet; and no sum exceeded its limit at any event."""
    choose = random.Random(SEED)
    quiet_at: list[tuple[datetime, datetime]] = []
    async with risk_manager(postgres_url, tmp_path) as gateway:
        await gateway.safety.limiting.set(
            WHOLE,
            {"max_open_notional": MOST_NOTIONAL, "max_open_orders": MOST_ORDERS},
            unlimited_reason=None,
            versions=None,
            record=RECORD,
        )
        with placing(postgres_url, tmp_path, choose) as placers:
            for _ in range(HALTS):
                has_moved = await _wait_for_intents(gateway.journal, choose.randrange(5, 40))
                cancel = choose.choice([HaltCancel.ALL, HaltCancel.NONE])
                found = await gateway.safety.halting.halt(
                    WHOLE,
                    mode=HaltMode.HALT,
                    # Orders that dead processes have left may take all that the limits give.
                    cancel=cancel if has_moved else HaltCancel.ALL,
                    reason="a rehearsal",
                    record=RECORD,
                )
                answered = gateway.clock.now()
                if found.alive.is_quiet:
                    assert [order for order in PaperTruth(postgres_url).orders() if order.state == "open"] == []
                restart_dead(placers, choose)
                await asyncio.sleep(0.05)
                quiet_at.append((answered, gateway.clock.now()))
                await gateway.safety.halting.resume(WHOLE, reason="on", record=RECORD)
        await _check(gateway.journal, postgres_url, quiet_at)


async def _wait_for_intents(journal: Journal, count: int) -> bool:
    """Wait for so many, or until nothing has moved for a while. Whether they came."""
    head = await asyncio.to_thread(journal.head)
    until = head + 3 * count
    while head < until:
        before, head = head, await journal.wait_beyond(head, 5)
        if head == before:
            return False
    return True


async def _check(journal: Journal, url: str, halted: list[tuple[datetime, datetime]]) -> None:
    entries = await asyncio.to_thread(journal.tail, 0, limit=10**9)
    is_halted, halts, intents = False, 0, 0
    terms: dict[OrderKey, Order] = {}
    open_notional: dict[OrderKey, Decimal] = {}
    for entry in entries:
        if entry.safety is not None:
            is_halted = {SafetyKind.HALTED: True, SafetyKind.RESUMED: False}.get(entry.safety.kind, is_halted)
            halts += entry.safety.kind is SafetyKind.HALTED
        if entry.event is None or entry.order_id is None or entry.state is None:
            continue
        if entry.event.kind in (EventKind.INTENDED, EventKind.RETRIED):
            intents += 1
            assert not is_halted, f"event {entry.seq} is an intent under a halt"
        key = OrderKey(account_name=entry.account_name, connector_name=entry.connector_name, order_id=entry.order_id)
        order = terms.get(key) or journal.find_order(key)
        assert order is not None
        assert order.amount is not None
        assert order.price is not None
        terms[key] = order
        left = (order.amount - (entry.filled_amount or ZERO)) * order.price
        open_notional[key] = left if entry.state in ACTIVE else ZERO
        active = [value for value in open_notional.values() if value]
        assert sum(active, ZERO) <= MOST_NOTIONAL, f"event {entry.seq} exceeds the notional"
        assert len(active) <= MOST_ORDERS, f"event {entry.seq} exceeds the number of orders"
    assert halts == HALTS
    assert intents > HALTS
    # Nothing reached the exchange while a halt had been answered.
    for order in PaperTruth(url).orders():
        assert not any(begin < order.created_at < end for begin, end in halted), order.order_id
    assert verify(journal.database).problems == []
