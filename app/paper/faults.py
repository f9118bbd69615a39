"""Faults on the way to the exchange and back, drawn by a seed: what networks and exchanges do on their bad days.

Off unless it is asked for by name, and for rehearsals only: the promise of the gateway is tested against it. Every fault is a thing
that real exchanges do. It changes no rule of trading, and what it does to an order is noted in a file, one line each, so that a
rehearsal can count. The fate of a call depends on the seed, the verb and the order's name alone, not on time or process.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from app.clock import Clock
from app.paper.noise import draw, salt_of
from app.paper.orders import OrderRecord
from app.paper.refusals import PaperRefusal, PaperUnavailable, RefusalCode

Answer = TypeVar("Answer")

#: What may happen to a call that places an order. lost: done, never answered. reset: done, and the connection breaks. error: done,
#: answered as by a 5xx. garbage: done, the answer can't be read. refuse: refused by the exchange's rules. down: not done, answered
#: as by a 5xx, so that nobody can tell. late: the connection breaks, and the order arrives after that. slow: done after a while.
SUBMIT = ("lost", "reset", "error", "garbage", "refuse", "down", "late", "slow")
#: The same for a cancel.
CANCEL = ("cancel_lost", "cancel_reset", "cancel_down", "cancel_slow")
#: For a question: not answered, answered slowly, or (for one order only) "no such order" for a moment after it was placed.
ASK = ("unanswered", "ask_slow")
HIDE = "hidden"
#: A report that counts an order's fills without listing them.
BARE = "bare"
#: For one event of a stream: never sent, sent twice, sent after the next ones, sent later; and the stream itself may break.
STREAM = ("drop", "double", "swap", "delay")
CUT = "cut"
KINDS = frozenset((*SUBMIT, *CANCEL, *ASK, HIDE, BARE, *STREAM, CUT))

_PARTS = 1_000_000
#: A stream breaks this many times more rarely than a single thing goes wrong; else it would be down most of the time.
_CUT_PARTS = 20
#: No caller waits this long, in seconds.
_NEVER = 600.0
#: Seconds by which a slow answer is late, at most.
_SLOW = 0.5
#: Seconds after the broken connection at which a late order arrives, and the seconds that it may still lose on its way.
_EARLIEST, _LATEST, _TOLERANCE = 0.5, 3.0, 0.5
#: How long an order that was placed may be unknown to queries, in seconds.
_HIDDEN = 1.5
#: How long an event is held back, in seconds.
_DELAY = 1.0

#: How long "no such order" proves nothing here: the latest arrival, and the time that it is hidden then, and a second to spare.
GRACE = timedelta(seconds=_LATEST + _TOLERANCE + _HIDDEN + 1.0)


class BadPlan(ValueError):
    """The text does not describe faults."""


class ServerFault(Exception):
    """What a 5xx answer is to a caller: it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which faults happen, and to how many of a million things that could go wrong."""

    seed: int
    parts: int
    kinds: frozenset[str] = KINDS

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """The plan written as ``seed=7,rate=0.2,kinds=late+reset``; all kinds where none are named. Raises ``BadPlan``."""
        fields = dict(part.strip().partition("=")[::2] for part in text.split(","))
        kinds = frozenset(fields.pop("kinds").split("+")) if "kinds" in fields else KINDS
        try:
            seed, rate = int(fields.pop("seed", "1")), Decimal(fields.pop("rate", "0.1"))
        except (ValueError, InvalidOperation):
            raise BadPlan(f"paper faults: seed or rate is not a number in '{text}'") from None
        if fields or not kinds <= KINDS or not 0 <= rate <= 1:
            raise BadPlan(f"paper faults: '{text}' is not like seed=7,rate=0.2,kinds={'+'.join(sorted(KINDS))}")
        return cls(seed=seed, parts=int(rate * _PARTS), kinds=kinds)


class Faults:
    """The faults of one process. ``notes`` is the file that they are noted in; many processes may share it."""

    def __init__(self, plan: FaultPlan, clock: Clock, notes: Path | None = None) -> None:
        self._plan = plan
        self._clock = clock
        self._notes = notes
        self._times: Counter[tuple[str, str]] = Counter()
        self._underway: set[asyncio.Task[None]] = set()
        self._held: list[tuple[datetime, object]] = []
        self.counts: Counter[str] = Counter()

    async def submit(
        self, name: str, place: Callable[[float], Awaitable[OrderRecord]], deadline: float
    ) -> OrderRecord:  # float: seconds of the monotonic clock, never money
        """Place the order ``name`` by ``place(deadline)``, or do to it what the seed says."""
        fate, bits = self._fate(SUBMIT, "submit", name)
        match fate:
            case "refuse":
                raise PaperRefusal(RefusalCode.MARKET_CLOSED, "the market takes no orders at this moment")
            case "down":
                raise ServerFault("503 Service Unavailable")
            case "late":
                self._start(self._arrive_late(name, place, _EARLIEST + bits % 1_000 * (_LATEST - _EARLIEST) / 1_000))
                raise ConnectionResetError("the connection was reset")
            case "slow":
                await self._clock.sleep(bits % 1_000 * _SLOW / 1_000)
        record = await place(deadline)
        await self._lose_answer(fate)
        return record

    async def cancel(self, name: str, cancel: Callable[[], Awaitable[Answer]]) -> Answer:
        """Cancel the order ``name``, or do to the call what the seed says."""
        fate, bits = self._fate(CANCEL, "cancel", name)
        if fate == "cancel_down":
            raise ServerFault("503 Service Unavailable")
        if fate == "cancel_slow":
            await self._clock.sleep(bits % 1_000 * _SLOW / 1_000)
        answer = await cancel()
        await self._lose_answer(fate.removeprefix("cancel_") if fate else None)
        return answer

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask, or do to the question what the seed says."""
        fate, bits = self._fate(ASK, "ask", "")
        if fate == "unanswered":
            raise ServerFault("502 Bad Gateway")
        if fate == "ask_slow":
            await self._clock.sleep(bits % 1_000 * _SLOW / 1_000)
        return await question()

    def hides(self, record: OrderRecord | None) -> bool:
        """Whether a query says "no such order" of an order that is there, which happens only just after it was placed."""
        if record is None or record.order.created_at + timedelta(seconds=_HIDDEN) <= self._clock.now():
            return False
        return self._fate((HIDE,), "query", record.order.client_order_id)[0] is not None

    def strips(self, name: str) -> bool:
        """Whether a report about the order ``name`` comes without its fills, which then have to be asked for."""
        return self._fate((BARE,), "report", name)[0] is not None

    def stream(self, events: Sequence[Answer]) -> list[Answer]:
        """What a stream sends instead of ``events``; to be called now and then without any. Raises when the stream breaks."""
        if events and self._is_cut():
            self._held.clear()
            raise ConnectionResetError("the stream was reset")
        sent: list[Answer] = []
        swapped: list[Answer] = []
        for event in events:
            match self._fate(STREAM, "stream", "")[0]:
                case "drop":
                    continue
                case "double":
                    sent += [event, event]
                case "swap":
                    swapped.append(event)
                case "delay":
                    self._held.append((self._clock.now() + timedelta(seconds=_DELAY), event))
                case _:
                    sent.append(event)
        return sent + swapped + self._due()

    async def close(self) -> None:
        """What is still on its way is lost."""
        for task in self._underway:
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def _fate(self, kinds: Sequence[str], verb: str, name: str) -> tuple[str | None, int]:
        """What happens to the next call of this verb with this name, if anything, and further random bits."""
        self._times[verb, name] += 1
        bits = draw(salt_of(self._plan.seed, verb, name), self._times[verb, name])
        possible = [kind for kind in kinds if kind in self._plan.kinds]
        if not possible or bits % _PARTS >= self._plan.parts:
            return None, bits >> 40
        kind = possible[(bits >> 20) % len(possible)]
        self._note(kind, name)
        return kind, bits >> 40

    def _is_cut(self) -> bool:
        self._times[CUT, ""] += 1
        bits = draw(salt_of(self._plan.seed, CUT), self._times[CUT, ""])
        if CUT not in self._plan.kinds or bits % (_PARTS * _CUT_PARTS) >= self._plan.parts:
            return False
        self._note(CUT, "")
        return True

    def _note(self, kind: str, name: str) -> None:
        self.counts[kind] += 1
        if self._notes is not None:
            # One short write to the end of the file: lines of several processes don't mix.
            with self._notes.open("a", encoding="ascii") as file:
                file.write(json.dumps({"kind": kind, "name": name}) + "\n")

    def _due(self) -> list[Answer]:
        now = self._clock.now()
        due = [event for due_at, event in self._held if due_at <= now]
        self._held = [(due_at, event) for due_at, event in self._held if due_at > now]
        return due  # type: ignore[return-value]  # what was held came in with the same type

    async def _lose_answer(self, fate: str | None) -> None:
        """The exchange has done it; the caller does not learn of it."""
        match fate:
            case "lost":
                await self._clock.sleep(_NEVER)
                raise ConnectionResetError("the connection timed out")
            case "reset":
                raise ConnectionResetError("the connection was reset")
            case "error":
                raise ServerFault("500 Internal Server Error")
            case "garbage":
                raise ValueError("the answer is not JSON")

    def _start(self, arrival: Awaitable[None]) -> None:
        task = asyncio.ensure_future(arrival)
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)

    async def _arrive_late(self, name: str, place: Callable[[float], Awaitable[OrderRecord]], seconds: float) -> None:
        await self._clock.sleep(seconds)
        try:
            # A process that was stopped and continued must not deliver it an hour later.
            await place(self._clock.monotonic() + _TOLERANCE)
        except (PaperRefusal, PaperUnavailable, TimeoutError):
            self._note("late_refused", name)


def counts_in(notes: Path) -> Counter[str]:
    """The faults noted in a file, by kind."""
    if not notes.exists():
        return Counter()
    return Counter(json.loads(line)["kind"] for line in notes.read_text(encoding="ascii").splitlines())
