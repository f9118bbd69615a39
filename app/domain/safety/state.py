"""All that is set: the halts that hold, the limits, and whether an order may be placed under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.json import encode

from app.domain.enums import DeadManKeep, HaltCancel, HaltMode
from app.domain.errors import DeadManDue, Halted, LimitExceeded, LimitsNotSet, OrdergateError, PriceOutsideCollar
from app.domain.order import AccountKey, Order
from app.domain.safety.admission import Admission, Measured, Missing
from app.domain.safety.dead_man import DeadMan
from app.domain.safety.halts import Halt, strictest
from app.domain.safety.judging import judge
from app.domain.safety.ledger import FILLS, REFUSALS, SHORTEST_MEMORY, UNKNOWNS, Ledger, place_of
from app.domain.safety.limits import LimitSet, Violation, covering
from app.domain.safety.reducing import only_reduces
from app.domain.safety.scope import Place, Scope

#: Who halts where the anomaly brake does.
BRAKE = "anomaly_brake"

#: Places whose limits are looked up once.
_MOST_PLACES = 4096


class SafetyState:
    """The halts, limits and dead-man's switches as of one moment; a switch may have been renewed since. ``resumed`` is when each
    scope was last resumed: a brake counts from there on.
    """

    def __init__(
        self,
        halts: tuple[Halt, ...] = (),
        sets: tuple[LimitSet, ...] = (),
        resumed: Mapping[Scope, datetime] | None = None,
        switches: Mapping[AccountKey, DeadMan] | None = None,
    ) -> None:
        self.halts = halts
        self.sets = sets
        self.resumed = resumed or {}
        self.switches = switches or {}
        self._covering: dict[Place, tuple[LimitSet, ...]] = {}
        brakes = [brake for each in sets if (brake := each.limits.anomaly_brake) is not None]
        #: Whether an anomaly may set a halt.
        self.has_brakes = bool(brakes)
        #: Whether anything is set that must know what is used, or what position there is.
        self.needs_ledger = (
            any(each.limits.given for each in sets)
            or any(halt.mode is HaltMode.REDUCE_ONLY or halt.cancel is HaltCancel.ENTRIES for halt in halts)
            or any(_tells_entries_apart(switch) for switch in self.switches.values())
        )
        #: How long the times of events must be kept.
        self.memory = max(
            [
                SHORTEST_MEMORY,
                *(timedelta(seconds=each.limits.duplicate_window or 0) for each in sets),
                *(timedelta(seconds=brake.window_seconds) for brake in brakes),
            ]
        )

    @property
    def version(self) -> int:
        """The number of the event that changed the limits last; 0 if they never were."""
        return max((each.seq for each in self.sets), default=0)

    def set_of(self, scope: Scope) -> LimitSet | None:
        """The limits of exactly this scope."""
        return next((each for each in self.sets if each.scope == scope), None)

    def holds_back_key(self, key_id: str) -> bool:
        """Whether a limit or a halt is for what this key does, alone or somewhere, and so would not hold for another key."""
        scopes = (*(each.scope for each in self.sets if each.limits.given), *(halt.scope for halt in self.halts))
        return any(scope.key_id == key_id for scope in scopes)

    def halt_of(self, scope: Scope) -> Halt | None:
        """The halt of exactly this scope."""
        return next((halt for halt in self.halts if halt.scope == scope), None)

    def covering(self, place: Place) -> tuple[LimitSet, ...]:
        """The limits that hold for an order at ``place``."""
        found = self._covering.get(place)
        if found is None:
            if len(self._covering) >= _MOST_PLACES:
                self._covering.clear()
            found = self._covering[place] = covering(self.sets, place)
        return found

    def asks_approvals(self, place: Place) -> bool:
        """Whether some orders at ``place`` need an approval."""
        return any(each.limits.approval_above_notional is not None for each in self.covering(place))

    def check(
        self, order: Order, admission: Admission, ledger: Ledger | None, now: datetime, held: Callable[[], Decimal]
    ) -> Sequence[Measured]:
        """Raise what keeps ``order`` from being placed: ``Halted``, ``DeadManDue``, ``LimitsNotSet``, ``LimitExceeded``,
        ``PriceOutsideCollar``. Return the limits above which it needs an approval.

        Raises ``Missing`` if that can't be told without further prices. ``held`` is what the account has of the base asset.
        """
        approvals: list[Measured] = []
        for objection in self.objections(order, admission, ledger, now, held, approvals=approvals):
            raise objection
        return approvals

    def objections(
        self,
        order: Order,
        admission: Admission,
        ledger: Ledger | None,
        now: datetime,
        held: Callable[[], Decimal],
        measured: list[Measured] | None = None,
        approvals: list[Measured] | None = None,
    ) -> Iterator[OrdergateError]:
        """Everything that keeps ``order`` from being placed, as ``check`` raises the first of it. ``measured`` gets what each limit
        that was looked at comes to with the order, whether it is kept or not, ``approvals`` those above which it needs an approval.
        Raises ``Missing``.
        """
        place = place_of(order)
        sets = self.covering(place)
        halts = [halt for halt in self.halts if halt.scope.covers(place)]
        if halts:
            halt = strictest(halts)
            if halt.mode is HaltMode.HALT or not _reduces(order, admission, ledger, held):
                yield halted(halt)
        switch = self.switches.get(AccountKey(order.account_name, order.connector_name))
        if switch is not None and (why := switch.objection(now)) is not None:
            yield DeadManDue(f"{why}; nothing was sent")
        if admission.needs_limits and not any(each.is_set for each in sets):
            yield LimitsNotSet(order.account_name, order.connector_name)
        if not any(each.limits.given for each in sets):
            return
        assert ledger is not None, "limits are judged by what is used of them"
        try:
            verdict = judge(order, admission, sets, ledger, now, reduces=False, is_measured=measured is not None)
            if not verdict.is_clear and _reduces(order, admission, ledger, held):
                # Looked at only now: nearly every order passes as it is.
                verdict = judge(order, admission, sets, ledger, now, reduces=True, is_measured=measured is not None)
        except Missing:
            if not _reduces(order, admission, ledger, held):
                raise
            verdict = judge(order, admission, sets, ledger, now, reduces=True, is_measured=measured is not None)
        if measured is not None:
            measured += verdict.measured
        if approvals is not None:
            approvals += verdict.approvals
        if verdict.violations:
            yield LimitExceeded([_told(each) for each in (*verdict.violations, *verdict.outside)])
        elif verdict.outside:
            yield PriceOutsideCollar([_told(each) for each in verdict.outside])

    def brakes(self, place: Place, ledger: Ledger, now: datetime) -> list[Halt]:
        """The halts that anomalies at ``place`` make necessary."""
        made = []
        for each in self.covering(place):
            if each.limits.anomaly_brake is None or self.halt_of(each.scope) is not None:
                continue
            why = self._anomaly(each, ledger, now)
            if why is not None:
                made.append(
                    Halt(
                        scope=each.scope,
                        mode=HaltMode.REDUCE_ONLY,
                        cancel=HaltCancel.NONE,
                        reason=why,
                        at=now,
                        by=BRAKE,
                    )
                )
        return made

    def _anomaly(self, one: LimitSet, ledger: Ledger, now: datetime) -> str | None:
        brake = one.limits.anomaly_brake
        assert brake is not None
        window = timedelta(seconds=brake.window_seconds)
        resumed = self.resumed.get(one.scope)
        if resumed is not None:
            window = min(window, max(now - resumed, timedelta(0)))
        for what, most in ((REFUSALS, brake.refusals), (UNKNOWNS, brake.unknowns), (FILLS, brake.fills)):
            if most is not None:
                count = sum(book.count(what, now, window) for book in ledger.books(one.scope))
                if count >= most:
                    return f"{count} {what} within {brake.window_seconds} seconds"
        return None


def halted(halt: Halt) -> Halted:
    """The refusal of an order under ``halt``."""
    taken = "nothing is placed" if halt.mode is HaltMode.HALT else "only what surely reduces a position is placed"
    scope = encode(halt.scope.parts()).decode()
    return Halted(
        f"Trading is halted for {halt.scope} since event {halt.seq}, so {taken}: {halt.reason}",
        hint=f'POST /safety/resume with {{"scope": {scope}, "reason": "..."}} ends this halt; GET /safety lists all that hold',
    )


def _tells_entries_apart(switch: DeadMan) -> bool:
    """Whether a firing of ``switch`` must know what only reduces a position."""
    keeps = switch.armed_until is not None and switch.terms.keep is DeadManKeep.PROTECTIVE
    return keeps or switch.clearing is HaltCancel.ENTRIES


def _reduces(order: Order, admission: Admission, ledger: Ledger | None, held: Callable[[], Decimal]) -> bool:
    return ledger is not None and only_reduces(
        order, ledger.book(place_of(order)._replace(key_id=None)), admission, held
    )


def _told(violation: Violation) -> Mapping[str, object]:
    return {
        "limit": violation.limit,
        "scope": violation.scope.parts(),
        "value": violation.value,
        "maximum": violation.maximum,
        "would_be": violation.would_be,
    }
