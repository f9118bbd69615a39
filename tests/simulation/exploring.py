"""A stage on which every order of events is walked: a kernel that branches wherever something may happen next in more than one way.

Between two processes only events pass, and the database is reached in events only, so callbacks of a loop run at once and branching
is about events: which of those that may happen comes next, whether a process dies first, whether a call or an event meets a fault.
Time moves on when nothing else may happen. Questions to the database that stand alone are taken in their order.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.checker import CLAUSES, EVENTUAL, check
from tests.simulation import seams
from tests.simulation.bases import SqliteBase
from tests.simulation.branching import VIOLATION, Ways, memory_file
from tests.simulation.faults import FAULTS, STREAM_FAULTS, CallKind, Fault, Faults
from tests.simulation.kernel import Event, Host, Kernel
from tests.simulation.network import INFO
from tests.simulation.policy import AtPoint
from tests.simulation.randomness import stream, take_entropy_from
from tests.simulation.stage import Stage

ALWAYS = tuple(clause for clause in CLAUSES if clause not in EVENTUAL)

#: What may happen beside the network: questions of threads to the database, and what the threads do that write there.
_QUESTION = "job"
_WRITER = "wake"
#: A caller's call arrives at a process.
_CALL = "call"
_CALLERS = "callers"
#: What commutes with everything else, and happens at once: an answer to a caller, which concerns nobody but the caller; questions
#: and answers that are about no order; a stream's subscription; and the start of a writer's thread, which then waits to be woken.
_AT_ONCE = frozenset({"told", INFO, "message", "thread"})
#: How the answer to a subscription begins.
_SUBSCRIBED = '{"id"'
#: Seconds until all must be settled.
_SETTLE_LIMIT = 300.0


@dataclass
class Budget:
    """How much may still go wrong on this way."""

    crashes: int = 0
    call_faults: int = 0
    event_faults: int = 0
    #: Which calls a fault may meet.
    kinds: frozenset[CallKind] = frozenset({"order"})
    #: Nothing goes wrong, and nothing branches, while the stage is set and while all settles.
    is_calm: bool = True

    def key(self) -> tuple[int, ...]:
        return (self.crashes, self.call_faults, self.event_faults)


class ExploringPolicy:
    """A kernel's policy: named steps are places to die at, while there are crashes left."""

    def __init__(self, ways: Ways, budget: Budget) -> None:
        self._ways = ways
        self._budget = budget

    def delay(self, label: str) -> float:
        return 0.0

    def choose_host(self, ready: Sequence[Host]) -> Host:
        return ready[0]

    def at_point(self, name: str, host: str) -> AtPoint:
        budget = self._budget
        if budget.is_calm or not budget.crashes or not self._ways.choose(2):
            return "go on"
        budget.crashes -= 1
        return "die"

    def next_disruption(self, steps: int) -> int:
        return 1 << 62

    def standstill(self) -> float:
        return 0.0

    def note_crash(self, host: str, where: str) -> None:
        self._ways.note("crash", where)


class ExploringFaults(Faults):
    """Faults by choice: every kind for every call, as long as there are faults left."""

    def __init__(self, ways: Ways, budget: Budget) -> None:
        super().__init__(0, rate=0.0)
        self._ways = ways
        self._budget = budget

    def of_call(self, kind: CallKind) -> Fault | None:
        budget = self._budget
        if budget.is_calm or not budget.call_faults or kind not in budget.kinds:
            return None
        kinds = [fault for fault in FAULTS if kind in fault.concerns]
        chosen = self._ways.choose(1 + len(kinds))
        if not chosen:
            return None
        budget.call_faults -= 1
        self._ways.note("fault", kinds[chosen - 1].name)
        return kinds[chosen - 1]

    def of_event(self) -> str | None:
        budget = self._budget
        if budget.is_calm or not budget.event_faults:
            return None
        chosen = self._ways.choose(1 + len(STREAM_FAULTS))
        if not chosen:
            return None
        budget.event_faults -= 1
        name = [*STREAM_FAULTS][chosen - 1]
        self._ways.note("fault", f"event_{name}")
        return name

    def of_exchange(self, name: str, probability: float) -> bool:
        budget = self._budget
        if budget.is_calm or not budget.call_faults or not self._ways.choose(2):
            return False
        budget.call_faults -= 1
        self._ways.note("fault", name)
        return True

    def within(self, most: float) -> float:
        return most


class ExploringKernel(Kernel):
    """Branches over what happens next."""

    def __init__(self, ways: Ways, budget: Budget) -> None:
        super().__init__(ExploringPolicy(ways, budget))
        self._ways = ways
        self._budget = budget
        #: The stage's digest of everything that is not in this kernel.
        self.digest_of_stage = lambda: 0
        self.digest_of_journal = lambda: 0

    def _happen(self) -> bool:
        if any(_is_dead(event) for _, _, event in self._events):
            # Left where they are, they would keep time from moving on.
            self._events = [each for each in self._events if not _is_dead(each[2])]
            heapq.heapify(self._events)
        events = [each for each in self._events if each[0] <= self.now]
        if not events:
            return False
        events.sort(key=lambda each: each[:2])
        chosen = events[0] if self._budget.is_calm else self._choose(_first_of_channels(events))
        if chosen is not None:
            self._events.remove(chosen)
            heapq.heapify(self._events)
            event = chosen[2]
            if event.owner is not None and event.label in (_QUESTION, _WRITER):
                event.owner.heard(event.label, self.digest_of_journal())
            self._let_happen(event)
        return True

    def _choose(self, events: list[tuple[float, int, Event]]) -> tuple[float, int, Event] | None:
        """The event that happens next on this way; None if a process died instead."""
        at_once = next((each for each in events if _is_at_once(each[2])), None)
        if at_once is not None:
            return at_once
        question = next((each for each in events if each[2].label == _QUESTION), None)
        if question is not None and not any(event.label == _WRITER for _, _, event in self._events):
            return question
        if not self._ways.is_new(self._digest(events)):
            self._ways.note("met before")
            self._ways.end()
        mortal = self._mortal(events) if self._budget.crashes else []
        chosen = self._ways.choose(len(events) + len(mortal))
        if chosen < len(events):
            return events[chosen]
        self._budget.crashes -= 1
        host = mortal[chosen - len(events)]
        self.policy.note_crash(host.name, "between events")
        host.crash()
        return None

    def _mortal(self, events: list[tuple[float, int, Event]]) -> list[Host]:
        """The processes whose death now differs from their death later: something that may happen next concerns them."""
        owners = {id(event.owner) for _, _, event in events}
        called = {event.what for _, _, event in events if event.label == _CALL}
        return [
            host
            for host in self.hosts
            if host.name != _CALLERS and (id(host) in owners or int(host.name[1:].partition(".")[0]) in called)
        ]

    def _digest(self, events: Sequence[tuple[float, int, Event]]) -> int:
        pending = sorted(
            (round(when, 6), event.label, "" if event.owner is None else event.owner.name, repr(event.what))
            for when, _, event in self._events
        )
        heard = sorted((host.name, host.history) for host in self.hosts)
        whole = (round(self.now, 6), pending, heard, self._budget.key(), self.digest_of_stage())
        return int.from_bytes(hashlib.blake2b(repr(whole).encode(), digest_size=8).digest())


def _is_at_once(event: Event) -> bool:
    return event.label in _AT_ONCE or (event.label == "event" and str(event.what).startswith(_SUBSCRIBED))


def _is_dead(event: Event) -> bool:
    return event.owner is not None and event.owner.is_dead


def _first_of_channels(events: list[tuple[float, int, Event]]) -> list[tuple[float, int, Event]]:
    """The events that may happen next: of each channel only the first, and of two that are alike only one."""
    channels: set[int] = set()
    alike: set[tuple[str, int, str]] = set()
    first = []
    for each in events:
        event = each[2]
        name = (event.label, id(event.owner), repr(event.what))
        if (event.channel is None or id(event.channel) not in channels) and name not in alike:
            first.append(each)
        alike.add(name)
        if event.channel is not None:
            channels.add(id(event.channel))
    return first


class ExploringStage(Stage):
    """A stage whose database is in memory, so that forks have it too."""

    has_skew = False

    def __init__(
        self, ways: Ways, budget: Budget, template: Path, *, processes: int, fills: int, restart: float = 0.5
    ) -> None:
        self.ways = ways
        self.budget = budget
        _into_memory(template)
        kernel = ExploringKernel(ways, budget)
        super().__init__(
            kernel,
            ExploringFaults(ways, budget),
            SqliteBase(template),
            seed=0,
            processes=processes,
            restart_after=lambda: restart,
        )
        self._sources = {"": stream(0, "entropy")}
        take_entropy_from(self._entropy)
        self.network.way = lambda: 0.0  # type: ignore[method-assign]
        self.exchange.market.plan_of = lambda order: [order.amount / fills] * fills
        self._look = seams.unwatched_connection(template)
        kernel.digest_of_stage = self._digest
        kernel.digest_of_journal = lambda: hash(self._journal())

    def start(self) -> None:
        """Set the stage: all processes are up, and each has had its first looks at the exchange."""
        for process in self.processes:
            process.start()
        self.kernel.run_until(lambda: all(process.is_up for process in self.processes))
        ready_at = self.now + 4.0
        self.kernel.run_until(lambda: self.now >= ready_at)

    def finish(self) -> None:
        """Nothing goes wrong any more: let all settle, judge, and end this way."""
        self.judge(ALWAYS)
        state = self._digest_of_rest()
        if not self.ways.is_new(state):
            self.ways.note("ended alike")
            self.ways.end()
        self.budget.is_calm = True
        until = self.now + _SETTLE_LIMIT
        self.kernel.run_until(lambda: self.is_equal() or self.now > until)
        self.judge(CLAUSES)
        self.ways.note("settled")
        self.ways.end()

    def judge(self, clauses: Sequence[object]) -> None:
        """Note every violation."""
        found = [*self.watch.violations, *check(self.evidence(), tuple(clauses))]  # type: ignore[arg-type]
        texts = [f"{each.clause}: {each.text[:400]}" for each in found] + self.kernel.troubles
        for text in texts:
            self.ways.note(VIOLATION, f"{','.join(map(str, self.ways.trail))} {text}")
        if texts:
            self.ways.end()

    def _entropy(self, count: int) -> bytes:
        """Random bytes by process: what one draws does not depend on when another draws."""
        host = self.kernel.current
        name = "" if host is None else host.name
        source = self._sources.setdefault(name, stream(0, "entropy", name))
        return source.randbytes(count)

    def _digest(self) -> int:
        return hash((self._journal(), self._exchange()))

    def _journal(self) -> str:
        rows = self._look.execute("SELECT seq, payload FROM events ORDER BY seq").fetchall()
        leases = self._look.execute("SELECT * FROM leases ORDER BY name").fetchall()
        return repr((rows, leases))

    def _exchange(self) -> str:
        market = self.exchange.market
        orders = [
            (each.client_id, each.status, each.filled, len(each.trades), each.hidden_until, each.trades_late_until)
            for each in market.orders
        ]
        return repr((orders, market.closures()))

    def _digest_of_rest(self) -> int:
        """What the future depends on when no message is under way: the orders as they are, not how they became so."""
        orders = self._look.execute(
            "SELECT order_id, state, filled_amount, exchange_order_id, error_code, cancel_requested_at IS NULL,"
            " round((julianday(updated_at) - 2460000) * 86400, 3) FROM orders ORDER BY order_id"
        ).fetchall()
        frames = sorted((process.number, _standing(process.host)) for process in self.processes)
        pending = sorted((round(when - self.now, 3), event.label) for when, _, event in self.kernel._events)
        told = Counter((each.verb, each.outcome, each.status, each.state) for each in self.told.operations)
        whole = (round(self.now, 3), orders, self._exchange(), frames, pending, sorted(told.items(), key=repr))
        return int.from_bytes(hashlib.blake2b(repr(whole).encode(), digest_size=8).digest())


def _standing(host: Host | None) -> str:
    """Where each task of a process stands."""
    if host is None:
        return ""
    stacks = []
    for task in asyncio.all_tasks(host.loop):
        places, awaited = [], task.get_coro()
        while awaited is not None and hasattr(awaited, "cr_frame") and awaited.cr_frame is not None:
            places.append((awaited.cr_code.co_qualname, awaited.cr_frame.f_lasti))
            awaited = awaited.cr_await
        stacks.append(repr(places))
    return repr(sorted(stacks))


def _into_memory(template: Path) -> None:
    """Let all connections to ``template`` be connections to a copy of it in memory."""
    seams.keep_in_memory(template, memory_file(template))
    source = sqlite3.connect(template)
    target = seams.unwatched_connection(template)
    source.backup(target)
    source.close()
