"""What goes wrong between a process and the exchange: one table of kinds, and the draw by which calls and events get them.

A fault says what happens to one call on its way there, at the exchange's front, and on its way back. Everything else (orders
forgotten for a while, lists that lag, amendments) is the exchange's own doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Literal

from tests.simulation.randomness import stream

#: What a call is about, as far as faults and their weights differ.
CallKind = Literal["order", "cancel", "ask", "info"]

#: The network's own failures: a connection that breaks, or silence until the caller's time is over.
RESET = "reset"
SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that is not the exchange's engine's."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def _error(status: int, code: int, message: str, **headers: str) -> Reply:
    body = f'{{"code":{code},"msg":"{message}"}}'.encode()
    return Reply(status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def _page(status: int) -> Reply:
    return Reply(status=status, body=b"<html><body><h1>Bad Gateway</h1></body></html>", headers={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind. ``weight`` is how often it is drawn among those that concern a kind of call."""

    name: str
    concerns: Set[CallKind]
    weight: float = 1.0
    #: No connection: nothing is sent.
    is_refused: bool = False
    #: The request never comes to the exchange.
    is_lost: bool = False
    #: More seconds on the way, at most; and in the exchange's engine after its front has taken the call.
    late: float = 0.0
    queued: float = 0.0
    #: The exchange's front answers, and the engine never sees the call.
    instead: Reply | None = None
    #: How the answer of the engine comes back: as it is, or never, or another one.
    back: Reply | Literal["reset", "silence"] | None = None
    #: What is done to the body of the engine's answer.
    garble: Callable[[bytes], bytes] | None = None
    #: More seconds on the way back, at most.
    slow: float = 0.0
    #: The request comes twice, as when a client or a proxy repeats it on another connection.
    is_doubled: bool = False


_ANY: Set[CallKind] = {"order", "cancel", "ask", "info"}
_DEEDS: Set[CallKind] = {"order", "cancel"}
_QUESTIONS: Set[CallKind] = {"ask", "info"}

FAULTS: tuple[Fault, ...] = (
    Fault(name="refused_connection", concerns=_ANY, is_refused=True),
    Fault(name="lost_reset", concerns=_ANY, is_lost=True, back=RESET),
    Fault(name="lost_silence", concerns=_ANY, is_lost=True, back=SILENCE, weight=0.5),
    Fault(name="late", concerns=_DEEDS, late=8.0, back=RESET, weight=2),
    Fault(name="late_queued", concerns=_DEEDS, late=4.0, queued=10.0, back=RESET, weight=2),
    Fault(name="queued", concerns=_DEEDS, queued=9.0, weight=0.5),
    Fault(name="accepted_reset", concerns=_DEEDS, back=RESET, weight=3),
    Fault(name="accepted_silence", concerns=_DEEDS, back=SILENCE),
    Fault(name="accepted_500", concerns=_DEEDS, back=_error(500, -1000, "An unknown error occurred.")),
    Fault(name="accepted_502", concerns=_DEEDS, back=_page(502)),
    Fault(
        name="accepted_503",
        concerns=_DEEDS,
        back=_error(503, -1000, "Unknown error, please check your request or try again later."),
    ),
    Fault(name="accepted_504", concerns=_DEEDS, back=_error(504, -1007, "Timeout waiting for response from backend.")),
    # Texts and codes that seem to say that nothing was placed, where the order is there.
    Fault(
        name="accepted_overloaded",
        concerns=_DEEDS,
        back=_error(503, -1008, "Request throttled by system-level protection."),
    ),
    Fault(name="accepted_unlisted", concerns=_DEEDS, back=_error(400, -1999, "A code that nobody has listed.")),
    Fault(name="accepted_408", concerns=_DEEDS, back=_error(408, -1007, "Timeout waiting for response from backend.")),
    Fault(name="garbled_text", concerns=_ANY, garble=lambda body: b"\xff\xfe" + body),
    Fault(name="garbled_cut", concerns=_ANY, garble=lambda body: body[: len(body) // 2]),
    Fault(name="garbled_type", concerns=_DEEDS, garble=lambda body: b'{"rows":' + body + b"}"),
    Fault(name="garbled_empty", concerns=_DEEDS, garble=lambda body: b"{}"),
    Fault(name="slow", concerns=_ANY, slow=14.0, weight=0.5),
    Fault(name="refused_503", concerns=_ANY, instead=_error(503, -1001, "Service Unavailable.")),
    Fault(
        name="refused_internal",
        concerns=_DEEDS,
        instead=_error(503, -1001, "Internal error; unable to process your request. Please try again."),
    ),
    Fault(name="refused_502", concerns=_ANY, instead=_page(502)),
    Fault(name="refused_403", concerns=_DEEDS, instead=_page(403)),
    Fault(
        name="refused_balance",
        concerns={"order"},
        instead=_error(400, -2010, "Account has insufficient balance for requested action."),
    ),
    Fault(
        name="refused_429",
        concerns=_DEEDS,
        instead=_error(429, -1003, "Too many requests.", retry_after="1"),
        weight=0.3,
    ),
    Fault(name="asked_500", concerns=_QUESTIONS, instead=_error(500, -1000, "An unknown error occurred.")),
    Fault(name="doubled", concerns={"cancel", "ask"}, is_doubled=True),
)

#: What happens to events of a stream.
STREAM_FAULTS: Mapping[str, float] = {"dropped": 3, "doubled": 3, "swapped": 2, "delayed": 2, "cut": 0.3}


class Faults:
    """Draws. ``rate`` is the share of calls and events with a fault, ``oddity`` how many times as often as usual the exchange does
    odd things of its own; ``skipped`` are the numbers of those that are left out.
    """

    def __init__(self, seed: int, *, rate: float, oddity: float = 1.0, skipped: frozenset[int] = frozenset()) -> None:
        self._calls = stream(seed, "call faults")
        self._events = stream(seed, "event faults")
        self._skipped = skipped
        self.rate = rate
        self._oddity = oddity
        self.is_calm = False
        self.counts: Counter[str] = Counter()
        #: How many faults were drawn, those that are left out with them.
        self.drawn = 0
        self._tables: dict[str, tuple[list[Fault], list[float]]] = {
            kind: (
                [each for each in FAULTS if kind in each.concerns],
                [each.weight for each in FAULTS if kind in each.concerns],
            )
            for kind in ("order", "cancel", "ask", "info")
        }

    def of_call(self, kind: CallKind) -> Fault | None:
        """The fault of the next call of a kind."""
        if self.is_calm or self._calls.random() >= (self.rate if kind in _DEEDS else self.rate / 3):
            return None
        fault = self._calls.choices(*self._tables[kind])[0]
        return fault if self._counted(fault.name) else None

    def of_event(self) -> str | None:
        """What happens to the next event of a stream."""
        if self.is_calm or self._events.random() >= self.rate:
            return None
        name = self._events.choices(list(STREAM_FAULTS), list(STREAM_FAULTS.values()))[0]
        return name if self._counted(f"event_{name}") else None

    def of_exchange(self, name: str, probability: float) -> bool:
        """Whether the exchange does something odd of its own."""
        return not self.is_calm and self._events.random() < probability * self._oddity and self._counted(name)

    def within(self, most: float) -> float:
        """Seconds, at most so many."""
        return self._calls.random() * most

    def _counted(self, name: str) -> bool:
        self.drawn += 1
        if self.drawn in self._skipped:
            return False
        self.counts[name] += 1
        return True
