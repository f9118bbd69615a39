"""What may be placed at this moment of the journal: the halts and limits that hold, and what is used of them.

It belongs to the writer's thread and to its transactions. ``begin`` brings it to the journal's head: halts and limits are read
anew only after one of them has changed, and what is used is folded from the events that other processes have added. With nothing
set, or with one process, that costs no statement. ``commit`` and ``rollback`` end a transaction.

A process that begins to count in the middle of a long journal first reads it, page by page and without the writers' lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock

from msgspec import Struct, structs

from app.clock import Clock
from app.domain.enums import EventKind
from app.domain.errors import OrdergateError
from app.domain.fill import Fill
from app.domain.order import AccountKey, Order
from app.domain.safety.admission import Admission, Measured
from app.domain.safety.dead_man import DeadMan
from app.domain.safety.halts import Halt
from app.domain.safety.ledger import Ledger, place_of
from app.domain.safety.limits import LimitSet
from app.domain.safety.reducing import only_reduces
from app.domain.safety.scope import Place, Scope
from app.domain.safety.state import SafetyState
from app.journal import statements
from app.journal.rows import Row, decoder, order_of
from app.journal.safety_rows import state_of, switches_of
from app.journal.store import Store
from app.storage.tables import DEAD_MAN, HALTS, ORDERS

#: Seconds for which what a process knows of halts is taken as true: whoever halts waits as long before an order that was intended
#: earlier, and may be about to leave, counts as not sent.
TRUSTED_SECONDS = 1.0

#: How long an order waits for its approval, where the settings say nothing else.
APPROVAL_LIFETIME = timedelta(seconds=60)

#: Events that are folded in one go, and the most that are folded while other writers wait.
_PAGE = 2000


#: Before any time that a clock can show.
_NEVER = -math.inf


class Known(Struct, frozen=True, kw_only=True):
    """What was known at ``seen_at``, in seconds of the monotonic clock."""

    version: int
    state: SafetyState
    seen_at: float  # seconds of the clock


class Bulletin:
    """What this process knows of halts and limits, for those who are about to send. Any thread may read and put it."""

    def __init__(self) -> None:
        self.known = Known(version=-1, state=SafetyState(), seen_at=_NEVER)
        self._lock = Lock()

    def put(self, known: Known) -> None:
        """Take ``known`` in, unless something newer is there."""
        with self._lock:
            if (known.version, known.seen_at) >= (self.known.version, self.known.seen_at):
                self.known = known

    def doubt(self) -> None:
        """Another process has changed something: what is known must be looked at again."""
        with self._lock:
            self.known = structs.replace(self.known, seen_at=_NEVER)

    def is_fresh(self, now: float) -> bool:
        """Whether what is known may be relied on at ``now``."""
        return now - self.known.seen_at < TRUSTED_SECONDS


class Permits:
    """The state, and the ledger where one is needed."""

    def __init__(self, clock: Clock, bulletin: Bulletin, approval_lifetime: timedelta = APPROVAL_LIFETIME) -> None:
        #: How long an order waits for its approval.
        self.approval_lifetime = approval_lifetime
        self._clock = clock
        self._bulletin = bulletin
        self.state = SafetyState()
        self._ledger: Ledger | None = None
        #: A ledger that is being filled from a long journal.
        self._loading: Ledger | None = None
        self._version = -1
        self._committed = self.state
        #: What this transaction writes of halts and limits, by scope.
        self.halts: dict[Scope, Row] = {}
        self.limits: dict[Scope, Row] = {}
        self.switches: dict[AccountKey, Row] = {}
        #: Whether what this transaction writes must be read anew by others.
        self.must_announce = False

    def now(self) -> datetime:
        """The time by the clock, for what ends by itself: keys and sessions."""
        return self._clock.now()

    # -- transactions ---------------------------------------------------------------------------------------------------

    def begin(self, store: Store, head: int) -> bool:
        """Bring everything to ``head`` in the transaction that ``store`` has begun. False if the journal must first be read
        (``read``) outside of it.
        """
        if store.safety_version != self._version:
            decode = decoder(HALTS.c, store.codec)
            halts = [decode(row) for row in store.find(statements.FIND_HALTS, [()])]
            limits = store.find(statements.FIND_LIMITS, [()])
            self.state = self._committed = state_of(halts, limits, _switch_rows(store))
            self._version = store.safety_version
        self._bulletin.put(self._known(self.state))
        if not self.state.needs_ledger:
            self._ledger = self._loading = None
            return True
        ledger = self._ledger or self._loading
        if ledger is None or ledger.memory < self.state.memory or head - ledger.head > _PAGE:
            return False
        if ledger is self._ledger and ledger.head == head:
            return True
        _catch_up(ledger, store, head)
        if self._ledger is None:
            for number, order in _active(store):
                ledger.reserve(number, order)
            self._ledger, self._loading = ledger, None
        ledger.commit(self._clock.now())
        return True

    def read(self, store: Store, head: int) -> None:
        """Read the next page of the journal up to ``head``, while no transaction is open."""
        if self._ledger is not None and self._ledger.memory < self.state.memory:
            self._ledger = None
        if self._ledger is not None:
            # Others have written a lot meanwhile.
            _catch_up(self._ledger, store, min(head, self._ledger.head + _PAGE))
            self._ledger.commit(self._clock.now())
            return
        if self._loading is None or self._loading.memory < self.state.memory:
            self._loading = Ledger(self.state.memory)
        ledger = self._loading
        # Twice as far, since the clocks of hosts differ a little.
        recent = _first_since(store, head, self._clock.now() - 2 * ledger.memory)
        up_to = min(head, ledger.head + _PAGE)
        if up_to < recent:
            # So far back only positions are left of what happened.
            _fold_fills(ledger, store, up_to)
        else:
            _catch_up(ledger, store, up_to)
        ledger.commit(self._clock.now())

    def commit(self, head: int) -> None:
        """What was decided is in the journal, which ends at ``head``."""
        if self.state is not self._committed:
            self._version += self.must_announce
            self._committed = self.state
            self._clear()
            self._bulletin.put(self._known(self.state))
        if self._ledger is not None:
            self._ledger.commit(self._clock.now())
            self._ledger.head = head
        if not self.state.needs_ledger:
            self._ledger = None

    def rollback(self) -> None:
        """Forget what was decided since ``begin``."""
        self.state = self._committed
        self._clear()
        if self._ledger is not None:
            self._ledger.rollback()

    def note_seen(self) -> None:
        """Nobody else can have changed anything so far: the transaction, which holds the lock, is about to end."""
        self._bulletin.put(self._known(self._committed))

    def asks_approvals(self, order: Order) -> bool:
        """Whether orders like ``order`` may need an approval."""
        return bool(self.state.sets) and self.state.asks_approvals(place_of(order))

    # -- deciding -------------------------------------------------------------------------------------------------------

    def check(
        self, order: Order, admission: Admission, now: datetime, held: Callable[[], Decimal]
    ) -> Sequence[Measured]:
        """Raise what keeps ``order`` from being sent, and return what it needs approvals for, as ``SafetyState.check`` does."""
        state = self.state
        if state.halts or state.sets or state.switches or admission.needs_limits:
            return state.check(order, admission, self._ledger, now, held)
        return ()

    def objections(
        self,
        order: Order,
        admission: Admission,
        now: datetime,
        held: Callable[[], Decimal],
        measured: list[Measured],
        approvals: list[Measured],
    ) -> list[OrdergateError]:
        """Everything that keeps ``order`` from being sent, as ``SafetyState.objections`` tells it."""
        return list(self.state.objections(order, admission, self._ledger, now, held, measured, approvals))

    def only_reduces(self, order: Order, admission: Admission, held: Callable[[], Decimal]) -> bool:
        """Whether ``order``, which is active, only reduces, all active orders of its side together."""
        if self._ledger is None:
            return admission.reduces_only
        book = self._ledger.book(place_of(order)._replace(key_id=None))
        return only_reduces(order, book, admission, held, is_counted=True)

    def take(self, number: int, order: Order, kind: EventKind, at: datetime, fill: Fill | None) -> list[Halt]:
        """Fold an event of this transaction. Return the halts that it makes the anomaly brake set."""
        if self._ledger is None:
            return []
        self._ledger.take(number, order, kind, at, fill)
        return self.state.brakes(place_of(order), self._ledger, at) if self.state.has_brakes else []

    def refuse(self, place: Place, at: datetime) -> list[Halt]:
        """Count a refusal by the limits. Return the halts that it makes the anomaly brake set."""
        if self._ledger is None:
            return []
        self._ledger.note_refusal(place, at)
        return self.state.brakes(place, self._ledger, at)

    # -- changing -------------------------------------------------------------------------------------------------------

    def put_halt(self, halt: Halt, row: Row) -> None:
        """Let ``halt`` hold from its event on, in place of another one of its scope."""
        self.halts[halt.scope] = row
        self.must_announce = True
        others = tuple(each for each in self.state.halts if each.scope != halt.scope)
        self._change(halts=(*others, halt))

    def end_halt(self, halt: Halt, row: Row, at: datetime) -> None:
        """Let ``halt`` hold no more."""
        self.halts[halt.scope] = row
        self.must_announce = True
        others = tuple(each for each in self.state.halts if each.scope != halt.scope)
        self._change(halts=others, resumed={**self.state.resumed, halt.scope: at})

    def put_limits(self, one: LimitSet, row: Row) -> None:
        """Let the limits of a scope be those of ``one``."""
        self.limits[one.scope] = row
        self.must_announce = True
        self._change(sets=(*(each for each in self.state.sets if each.scope != one.scope), one))

    def put_switch(self, switch: DeadMan, row: Row, *, must_announce: bool) -> None:
        """Let a dead-man's switch stand as ``switch``. Others need not be told of a deadline that moves on: before they act on the
        one that they know they read it anew.
        """
        account = switch.terms.account
        self.switches[account] = row
        self.must_announce = self.must_announce or must_announce
        self._change(switches={**self.state.switches, account: switch})

    def read_switches(self, store: Store) -> None:
        """Read anew what other processes may have renewed without a word. What this transaction has written stays."""
        ours = {account: self.state.switches[account] for account in self.switches}
        self._change(switches={**switches_of(_switch_rows(store)), **ours})

    def _change(
        self,
        halts: tuple[Halt, ...] | None = None,
        sets: tuple[LimitSet, ...] | None = None,
        resumed: Mapping[Scope, datetime] | None = None,
        switches: Mapping[AccountKey, DeadMan] | None = None,
    ) -> None:
        state = self.state
        self.state = SafetyState(
            halts=state.halts if halts is None else halts,
            sets=state.sets if sets is None else sets,
            resumed=state.resumed if resumed is None else resumed,
            switches=state.switches if switches is None else switches,
        )

    @property
    def ledger(self) -> Ledger | None:
        """What is used, if anything is set that asks for it."""
        return self._ledger

    def _clear(self) -> None:
        self.halts, self.limits, self.switches = {}, {}, {}
        self.must_announce = False

    def _known(self, state: SafetyState) -> Known:
        return Known(version=self._version, state=state, seen_at=self._clock.monotonic())


def _switch_rows(store: Store) -> list[Row]:
    decode = decoder(DEAD_MAN.c, store.codec)
    return [decode(row) for row in store.find(statements.FIND_DEAD_MAN, [()])]


# -- reading the journal ------------------------------------------------------------------------------------------------


def _catch_up(ledger: Ledger, store: Store, head: int) -> None:
    """Fold the events after the ledger's head, up to ``head``."""
    if ledger.head >= head:
        return
    decode = decoder(statements.CHANGE_COLUMNS, store.codec)
    orders: dict[int, Order] = {}
    for raw in store.find(statements.FIND_CHANGES, [(ledger.head, head)]):
        number = raw[3]
        row = decode(raw)
        order = orders.get(number)
        if order is None:
            order = orders[number] = order_of(row[_ORDER:])
        ledger.take(number, order, EventKind(row[1]), row[2], None if row[4] is None else _fill_of(row))
    ledger.head = head


def _fold_fills(ledger: Ledger, store: Store, up_to: int) -> None:
    """Fold the fills after the ledger's head, up to ``up_to``."""
    decode = decoder(statements.CHANGE_COLUMNS, store.codec)
    for raw in store.find(statements.FIND_OLD_FILLS, [(ledger.head, up_to)]):
        row = decode(raw)
        ledger.take_old_fill(order_of(row[_ORDER:]), _fill_of(row))
    ledger.head = up_to


#: Where the columns of the order begin in a row of ``CHANGE_COLUMNS``.
_ORDER = 10


def _fill_of(row: Row) -> Fill:
    return Fill(exchange_fill_id=row[4], price=row[5], amount=row[6], fee=row[7], fee_currency=row[8], filled_at=row[9])


def _active(store: Store) -> list[tuple[int, Order]]:
    decode = decoder(tuple(ORDERS.c), store.codec)
    return [(row[0], order_of(decode(row))) for row in store.find(statements.FIND_ACTIVE, [()])]


def _first_since(store: Store, head: int, moment: datetime) -> int:
    """The first event that is not older than ``moment``; one after ``head`` if all are. Times rise with the numbers, nearly."""
    low, high = 1, head + 1
    while low < high:
        middle = (low + high) // 2
        [row] = store.find(statements.FIND_TIME, [(middle,)])
        if store.codec.read_time(row[0]) < moment:
            low = middle + 1
        else:
            high = middle
    return low
