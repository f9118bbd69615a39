"""Faults on demand: rules with a probability per call or event, drawn from a seed and counted.

This module decides and counts; ``rest`` and ``sockets`` carry the decisions out. The same seed and the same order of calls give the
same faults, whatever the time.

    accept_hang, accept_reset                   the request is carried out; no answer, or the connection is reset
    accept_500, accept_503, accept_504,         carried out; a plain 500, "Unknown error" (503), -1007 (504), or the overload
        accept_overloaded                       protection's -1008 (503)
    garble_text, garble_cut, garble_type,       carried out; an answer that is not JSON, half of it, JSON of another shape,
        garble_error                            or an error body under status 200
    lose_hang, lose_reset                       not carried out; no answer, or a reset
    refuse_unavailable, refuse_internal         not carried out, and the text of the 503 says so
    refuse_overloaded, refuse_502               not carried out, without proof of it: -1008 (503), or a page (502)
    refuse_429, refuse_418                      not carried out: too many requests, banned
    late                                        carried out ``seconds`` after it came, and then answered
    slow                                        carried out at once and answered after ``seconds``
    odd_rows                                    carried out; among the rows of the answer is one that says nothing anybody knows
    amend                                       carried out at once, and answered after ``seconds`` as it was; before the answer the
                                                order, if it rests, is amended as its owner may do elsewhere
    forget                                      an order that rests is denied to this question, and to all questions for it alone
                                                for ``seconds``, as long as it rests; lists show it
    delist, new_rules                           carried out, and the connection is reset; for ``seconds`` the order's symbol is not
                                                listed, or takes no smaller orders than its largest
    hide                                        orders and trades younger than ``seconds`` are missing from the answer
    drop, double, reorder, delay, cut           an event is lost, sent twice, sent after the next, sent ``seconds`` later (with
                                                all that follow), or its connection is reset instead
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.paper.noise import draw, salt_of


class FaultKind(StrEnum):
    """The kinds of faults; the module's docstring explains them."""

    ACCEPT_HANG = "accept_hang"
    ACCEPT_RESET = "accept_reset"
    ACCEPT_500 = "accept_500"
    ACCEPT_503 = "accept_503"
    ACCEPT_504 = "accept_504"
    ACCEPT_OVERLOADED = "accept_overloaded"
    GARBLE_TEXT = "garble_text"
    GARBLE_CUT = "garble_cut"
    GARBLE_TYPE = "garble_type"
    GARBLE_ERROR = "garble_error"
    LOSE_HANG = "lose_hang"
    LOSE_RESET = "lose_reset"
    REFUSE_UNAVAILABLE = "refuse_unavailable"
    REFUSE_INTERNAL = "refuse_internal"
    REFUSE_OVERLOADED = "refuse_overloaded"
    REFUSE_502 = "refuse_502"
    REFUSE_429 = "refuse_429"
    REFUSE_418 = "refuse_418"
    LATE = "late"
    SLOW = "slow"
    ODD_ROWS = "odd_rows"
    AMEND = "amend"
    FORGET = "forget"
    DELIST = "delist"
    NEW_RULES = "new_rules"
    HIDE = "hide"
    DROP = "drop"
    DOUBLE = "double"
    REORDER = "reorder"
    DELAY = "delay"
    CUT = "cut"


#: The kinds for events; all others are for calls.
STREAM_KINDS = frozenset({FaultKind.DROP, FaultKind.DOUBLE, FaultKind.REORDER, FaultKind.DELAY, FaultKind.CUT})

#: The routes of calls, and those of events.
CALL_ROUTES = frozenset({"place", "amend", "cancel", "query", "open", "orders", "trades", "account", "market"})
STREAM_ROUTES = frozenset({"user", "market"})

#: The routes of a rule that names none.
_DEFAULT_ROUTES: Mapping[FaultKind, tuple[str, ...]] = {
    FaultKind.ODD_ROWS: ("open", "trades"),
    FaultKind.AMEND: ("place",),
    FaultKind.FORGET: ("query",),
    FaultKind.DELIST: ("place",),
    FaultKind.NEW_RULES: ("place",),
    FaultKind.HIDE: ("query",),
    **dict.fromkeys(STREAM_KINDS, ("user",)),
}
_USUAL_ROUTES = ("place", "cancel", "query")

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One kind of fault on some routes: its probability per call or event, and how often it may happen (None: any number)."""

    kind: FaultKind
    routes: tuple[str, ...] = ()
    probability: float = 1
    seconds: float = 2
    times: int | None = None

    def __post_init__(self) -> None:
        known = STREAM_ROUTES if self.kind in STREAM_KINDS else CALL_ROUTES
        unknown = set(self.routes) - known
        if unknown:
            raise ValueError(
                f"{self.kind} has no route {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}"
            )
        if not 0 <= self.probability <= 1 or self.seconds < 0:
            raise ValueError("a probability lies between 0 and 1, and seconds are not negative")

    @property
    def effective_routes(self) -> tuple[str, ...]:
        """The routes on which it may happen."""
        return self.routes or _DEFAULT_ROUTES.get(self.kind, _USUAL_ROUTES)


class FaultPlan:
    """The current rules, and how often each kind has happened."""

    def __init__(self) -> None:
        self.seed = 0
        self.rules: tuple[FaultRule, ...] = ()
        self.counts: Counter[str] = Counter()
        self._drawn: list[int] = []
        self._counts_by_rule: list[int] = []

    def set(self, seed: int, rules: Sequence[FaultRule]) -> None:
        """Apply ``rules``, beginning with the first draw of ``seed``. The counts stay."""
        self.seed = seed
        self.rules = tuple(rules)
        self._drawn = [0] * len(self.rules)
        self._counts_by_rule = [0] * len(self.rules)

    def clear(self) -> None:
        """Remove all rules and counts."""
        self.set(0, ())
        self.counts.clear()

    def call(self, route: str) -> FaultRule | None:
        """The fault of the next call: the first rule that applies, or None."""
        for index, rule in enumerate(self.rules):
            if rule.kind not in STREAM_KINDS and self._happens(index, rule, route):
                return rule
        return None

    def event(self, route: str) -> Sequence[FaultRule]:
        """The faults of the next event: every rule that applies, in order."""
        return [
            rule
            for index, rule in enumerate(self.rules)
            if rule.kind in STREAM_KINDS and self._happens(index, rule, route)
        ]

    def _happens(self, index: int, rule: FaultRule, route: str) -> bool:
        if route not in rule.effective_routes or (rule.times is not None and self._counts_by_rule[index] >= rule.times):
            return False
        salt = salt_of(self.seed, str(index), rule.kind)
        drawn = draw(salt, self._drawn[index]) % _MILLION
        self._drawn[index] += 1
        if drawn >= rule.probability * _MILLION:
            return False
        self._counts_by_rule[index] += 1
        self.counts[rule.kind.value] += 1
        return True
