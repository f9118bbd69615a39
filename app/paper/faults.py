"""Faults between the gateway and the paper exchange, drawn from a seed: the failures of real networks and exchanges.

They are off unless configured, and for rehearsals only: the gateway is tested against them. They change no rule of trading. Each
fault is logged as one line of a file, so that a rehearsal can count them. A call's fault depends only on the seed, the verb and the
order's name, not on time or process.
"""

from __future__ import annotations

import asyncio
import json
import os
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

#: Faults of a call that places an order. lost: done, never answered. reset: done, and the connection breaks. error: done, answered
#: by a 5xx. garbage: done, the answer can't be parsed. refuse: refused by the exchange's rules. busy: refused for a moment.
#: down: not done, answered by a 5xx, which does not prove it. late: the connection breaks, and the order arrives afterwards. slow:
#: done after a delay.
SUBMIT = ("lost", "reset", "error", "garbage", "refuse", "busy", "down", "late", "slow")
#: Faults of a cancel.
CANCEL = ("cancel_lost", "cancel_reset", "cancel_down", "cancel_slow")
#: Faults of a query: not answered, answered slowly, or (for one order only) "no such order" for a moment after it was placed.
ASK = ("unanswered", "ask_slow")
HIDE = "hidden"
#: A report with an order's filled amount but without its fills.
BARE = "bare"
#: Faults of an event of a stream: never sent, sent twice, sent after the next ones, sent later. The stream itself may break.
STREAM = ("drop", "double", "swap", "delay")
CUT = "cut"
KINDS = frozenset((*SUBMIT, *CANCEL, *ASK, HIDE, BARE, *STREAM, CUT))

_PARTS = 1_000_000
#: A stream breaks this many times less often than other faults happen; otherwise it would be down most of the time.
_CUT_PARTS = 20
#: How long an answer that is lost takes, in seconds: longer than any caller waits.
_LOST = 600.0
#: The longest delay of a slow answer, in seconds.
_SLOW = 0.5
#: When a late order arrives, in seconds after the connection broke, and how long it may then wait for the store.
_EARLIEST, _LATEST, _TOLERANCE = 0.5, 3.0, 0.5
#: How long an order that was placed may be unknown to queries, in seconds.
_HIDDEN = 1.5
#: The delay of a delayed event, in seconds.
_DELAY = 1.0

#: How long "no such order" proves nothing: the latest arrival, the time that an order is hidden after it, and a second to spare.
GRACE = timedelta(seconds=_LATEST + _TOLERANCE + _HIDDEN + 1.0)


class BadPlan(ValueError):
    """The text does not describe faults."""


class ServerFault(Exception):
    """A 5xx answer, which proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which faults happen, and how often: ``parts`` of a million calls or events."""

    seed: int
    parts: int
    kinds: frozenset[str] = KINDS

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """Parse ``seed=7,rate=0.2,kinds=late+reset``; all kinds where none are named. Raises ``BadPlan``."""
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
    """The faults of one process. ``log`` is the file that they are written to; several processes may share it."""

    def __init__(self, plan: FaultPlan, clock: Clock, log: Path | None = None) -> None:
        self._plan = plan
        self._clock = clock
        self._log = log
        self._calls: Counter[tuple[str, str]] = Counter()
        self._late_orders: set[asyncio.Task[None]] = set()
        self._delayed: list[tuple[datetime, object]] = []
        self.counts: Counter[str] = Counter()

    async def submit(self, name: str, place: Callable[[float], Awaitable[OrderRecord]], deadline: float) -> OrderRecord:
        """Place the order ``name`` by ``place(deadline)``, with the fault that the seed gives it."""
        fate, bits = self._fate(SUBMIT, "submit", name)
        match fate:
            case "refuse":
                raise PaperRefusal(RefusalCode.MARKET_CLOSED, "the market takes no orders at this moment")
            case "busy":
                raise PaperUnavailable("the exchange takes no orders for a moment")
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
        """Cancel the order ``name``, with the fault that the seed gives the call."""
        fate, bits = self._fate(CANCEL, "cancel", name)
        if fate == "cancel_down":
            raise ServerFault("503 Service Unavailable")
        if fate == "cancel_slow":
            await self._clock.sleep(bits % 1_000 * _SLOW / 1_000)
        answer = await cancel()
        await self._lose_answer(fate.removeprefix("cancel_") if fate else None)
        return answer

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask ``question``, with the fault that the seed gives it."""
        fate, bits = self._fate(ASK, "ask", "")
        if fate == "unanswered":
            raise ServerFault("502 Bad Gateway")
        if fate == "ask_slow":
            await self._clock.sleep(bits % 1_000 * _SLOW / 1_000)
        return await question()

    def hides(self, record: OrderRecord | None) -> bool:
        """Whether a query answers "no such order" for an existing order, which happens only just after it was placed."""
        if record is None or record.order.created_at + timedelta(seconds=_HIDDEN) <= self._clock.now():
            return False
        return self._fate((HIDE,), "query", record.order.client_order_id)[0] is not None

    def strips(self, name: str) -> bool:
        """Whether a report of the order ``name`` comes without its fills, which then have to be fetched."""
        return self._fate((BARE,), "report", name)[0] is not None

    def stream(self, events: Sequence[Answer]) -> list[Answer]:
        """The events that a stream sends instead of ``events``, with delayed ones that are due. Raises if the stream breaks."""
        if events and self._is_cut():
            self._delayed.clear()
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
                    self._delayed.append((self._clock.now() + timedelta(seconds=_DELAY), event))
                case _:
                    sent.append(event)
        return sent + swapped + self._due()

    async def close(self) -> None:
        """Cancel the orders that have not arrived yet."""
        for task in self._late_orders:
            task.cancel()
        await asyncio.gather(*self._late_orders, return_exceptions=True)

    def _fate(self, kinds: Sequence[str], verb: str, name: str) -> tuple[str | None, int]:
        """The fault of the next call of this verb with this name, or None, and further random bits."""
        self._calls[verb, name] += 1
        bits = draw(salt_of(self._plan.seed, verb, name), self._calls[verb, name])
        possible = [kind for kind in kinds if kind in self._plan.kinds]
        if not possible or bits % _PARTS >= self._plan.parts:
            return None, bits >> 40
        kind = possible[(bits >> 20) % len(possible)]
        self._note(kind, name)
        return kind, bits >> 40

    def _is_cut(self) -> bool:
        self._calls[CUT, ""] += 1
        bits = draw(salt_of(self._plan.seed, CUT), self._calls[CUT, ""])
        if CUT not in self._plan.kinds or bits % (_PARTS * _CUT_PARTS) >= self._plan.parts:
            return False
        self._note(CUT, "")
        return True

    def _note(self, kind: str, name: str) -> None:
        self.counts[kind] += 1
        if self._log is not None:
            # One short write in append mode, so that lines of several processes don't mix.
            with open(self._log, "a", encoding="ascii", opener=_private) as file:
                file.write(json.dumps({"kind": kind, "name": name}) + "\n")

    def _due(self) -> list[Answer]:
        now = self._clock.now()
        due = [event for due_at, event in self._delayed if due_at <= now]
        self._delayed = [(due_at, event) for due_at, event in self._delayed if due_at > now]
        return due  # type: ignore[return-value]  # the delayed events have the same type

    async def _lose_answer(self, fate: str | None) -> None:
        """Lose the answer to a call that the exchange has carried out."""
        match fate:
            case "lost":
                await self._clock.sleep(_LOST)
                raise ConnectionResetError("the connection timed out")
            case "reset":
                raise ConnectionResetError("the connection was reset")
            case "error":
                raise ServerFault("500 Internal Server Error")
            case "garbage":
                raise ValueError("the answer is not JSON")

    def _start(self, arrival: Awaitable[None]) -> None:
        task = asyncio.ensure_future(arrival)
        self._late_orders.add(task)
        task.add_done_callback(self._late_orders.discard)

    async def _arrive_late(self, name: str, place: Callable[[float], Awaitable[OrderRecord]], seconds: float) -> None:
        await self._clock.sleep(seconds)
        try:
            # A process that was suspended must not deliver it an hour later.
            await place(self._clock.monotonic() + _TOLERANCE)
        except (PaperRefusal, PaperUnavailable, TimeoutError):
            self._note("late_refused", name)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
