"""One transaction in the making: what units have read and what they will have written.

Units are staged one after another on a ``Batch``: they see what the units before them decided, as if each had been committed. Only
``flush`` writes, all rows of a table at once. A unit changes the batch by one call at its very end, so that one that raises
leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from msgspec import structs

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.decimals import ZERO
from app.domain.errors import LimitExceeded
from app.domain.lifecycle import ACTIVE
from app.domain.order import AccountKey, Order, OrderKey
from app.domain.reports import Balance
from app.domain.safety.admission import Admission, Measured
from app.domain.safety.approvals import Approval
from app.domain.safety.dead_man import DeadMan
from app.domain.safety.events import SafetyEvent, approval_event, halted_event
from app.domain.safety.halts import Halt
from app.domain.safety.ledger import PASSING, place_of
from app.domain.safety.limits import LimitSet
from app.journal import statements
from app.journal.batch_approvals import BatchApprovals
from app.journal.batch_keys import BatchKeys
from app.journal.caches import CredentialCache, CredentialVersion, OrderCache, SafetyCache
from app.journal.permits import Permits
from app.journal.records import Head, JournalEntry, StoredOrder
from app.journal.rows import Row, balance_row, change_row, decoder, event_row, fill_row, order_of, order_row
from app.journal.safety_rows import dead_man_row, halt_row, limits_row, scope_row
from app.journal.store import Store
from app.storage.audit import ORIGIN, row_of
from app.storage.tables import BALANCES, ORDERS
from app.storage.types import link

#: Events without a checksum that are read in one go.
_UNCHAINED_PAGE = 5000

IdempotencyKey = tuple[str, str, str]


class Batch:
    """What one transaction reads and writes, on ``store`` from ``head`` on."""

    def __init__(
        self,
        store: Store,
        cache: OrderCache,
        credentials: CredentialCache,
        safety: SafetyCache,
        permits: Permits,
        head: Head,
    ) -> None:
        cache.check(head.seq)
        self.head = head.seq
        self._start = head
        self._store = store
        self._codec = store.codec
        self._cache = cache
        self._credentials = credentials
        self._safety = safety
        #: The halts and limits that hold, as the units before have left them, and what is used of them.
        self.permits = permits
        self._orders: dict[OrderKey, StoredOrder] = {}
        self._by_idempotency_key: dict[IdempotencyKey, StoredOrder] = {}
        self._touched: dict[OrderKey, StoredOrder] = {}
        self._opened: dict[int, Row] = {}
        self._changed: dict[int, Row] = {}
        #: What this transaction adds to the journal, in its order.
        self.entries: list[JournalEntry] = []
        #: Whether the transaction writes the head even without entries.
        self.must_write = False
        self._events: list[Row] = []
        self._audit: list[Row] = []
        self._audit_hash = head.audit_hash or ORIGIN
        self._fills: list[Row] = []
        self._balances: dict[tuple[str, str], dict[str, Balance]] = {}
        self._new_balances: dict[tuple[str, str, str], Row] = {}
        self._changed_balances: dict[tuple[str, str, str], Row] = {}
        self._keys: BatchKeys | None = None
        self._approvals: BatchApprovals | None = None

    # Reading.

    def load(self, keys: Collection[OrderKey], idempotency_keys: Collection[IdempotencyKey]) -> None:
        """Read the orders of ``keys`` and ``idempotency_keys``: one query each, and one for the fills of those that have some."""
        missing = []
        for key in dict.fromkeys(keys):
            stored = self._cache.get(key)
            if stored is None:
                missing.append((key.account_name, key.connector_name, key.order_id))
            else:
                self._orders[key] = stored
        self._read(statements.FIND_ORDERS, missing)
        self._read(statements.FIND_BY_IDEMPOTENCY_KEY, list(dict.fromkeys(idempotency_keys)))

    def find(self, key: OrderKey) -> StoredOrder | None:
        """The order of a loaded ``key``, as the units before have left it."""
        return self._orders.get(key)

    def find_by_idempotency_key(self, order: Order) -> StoredOrder | None:
        """The order that holds the loaded idempotency key of ``order``."""
        name = idempotency_name(order)
        first = None if name is None else self._by_idempotency_key.get(name)
        return None if first is None else self._orders[first.key]

    def credentials(self, account: AccountKey) -> CredentialVersion | None:
        """The credentials of ``account``, which can't change before the commit; None if there are none."""
        return self._credentials.find(self._store, account)

    def safety(self, statement: statements.Statement, key: Row = ()) -> Sequence[Row]:
        """What ``statement`` finds for ``key`` among users, halts and limits, none of which can change before the commit. Without
        a query unless one of them has changed. Whoever changes one must use ``app.storage.safety.changing``.
        """
        return self._safety.find(self._store, statement, key)

    def balances(self, account_name: str, connector_name: str) -> dict[str, Balance]:
        """The balances recorded last, by asset."""
        key = (account_name, connector_name)
        if key not in self._balances:
            decode = decoder(BALANCES.c, self._codec)
            rows = [decode(row) for row in self._store.find(statements.FIND_BALANCES, [key])]
            self._balances[key] = {row[2]: Balance(asset=row[2], total=row[3], available=row[4]) for row in rows}
        return self._balances[key]

    def held(self, order: Order) -> Decimal:
        """What the account has of the base asset of ``order``, as it was recorded last."""
        known = self.balances(order.account_name, order.connector_name).get(order.trading_pair.partition("-")[0])
        return ZERO if known is None else known.total

    def active_pairs(self, account: AccountKey) -> frozenset[str]:
        """The pairs that ``account`` has active orders of."""
        pairs = {order_id: pair for pair, order_id in self._store.find(statements.FIND_ACTIVE_PAIRS, [tuple(account)])}
        for key, stored in self._touched.items():
            if key.account == account:
                pairs.pop(key.order_id, None)
                if stored.order.state in ACTIVE:
                    pairs[key.order_id] = stored.order.trading_pair
        return frozenset(pairs.values())

    def read_switches(self) -> None:
        """Read the dead-man's switches anew, which other processes renew without a word."""
        self.permits.read_switches(self._store)

    @property
    def keys(self) -> BatchKeys:
        """The API keys, of which most transactions know nothing."""
        self._keys = self._keys or BatchKeys(self._store, self._safety)
        return self._keys

    @property
    def approvals(self) -> BatchApprovals:
        """The approvals, of which most transactions know nothing."""
        self._approvals = self._approvals or BatchApprovals(self._store)
        return self._approvals

    # Deciding.

    def check_permitted(self, order: Order, admission: Admission, at: datetime) -> Sequence[Measured]:
        """Raise what keeps ``order`` from being sent at ``at``: a halt, limits, or a dead-man's switch. A refusal by limits counts
        for the brake. Return the limits above which it needs an approval.
        """
        try:
            return self.permits.check(order, admission, at, partial(self.held, order))
        except LimitExceeded:
            self._brake(self.permits.refuse(place_of(order), at))
            raise

    def add_order(self, order: Order, entry: JournalEntry) -> None:
        """A new order with its first event, whose ``seq`` must be ``head`` + 1."""
        stored = StoredOrder(key=order.key, number=entry.seq, order=order, fill_ids=frozenset())
        row = order_row(stored.number, order, self._codec)
        event = event_row(entry, stored.number, self._codec, start=order)
        self._touch(stored)
        self._opened[stored.number] = row
        self._append(entry, event)
        self._count(stored, [entry])

    def change_order(self, stored: StoredOrder, entries: Sequence[JournalEntry]) -> None:
        """An order after further events. The seqs must continue ``head``."""
        number, order, codec = stored.number, stored.order, self._codec
        rows, to_row = (self._opened, order_row) if number in self._opened else (self._changed, change_row)
        row = to_row(number, order, codec)
        events = [event_row(entry, number, codec) for entry in entries]
        filled = [(entry.seq, entry.event.fill) for entry in entries if entry.event and entry.event.fill]
        fills = [fill_row(seq, number, order, fill, codec) for seq, fill in filled]
        self._touch(stored)
        rows[number] = row
        for entry, event in zip(entries, events, strict=True):
            self._append(entry, event)
        self._fills += fills
        self._count(stored, entries)

    def put_halt(self, halt: Halt, event: SafetyEvent) -> Halt:
        """A halt that holds from its event on."""
        halt = structs.replace(halt, seq=self.head + 1)
        self.permits.put_halt(halt, halt_row(halt, self._codec))
        self._append_safety(event)
        return halt

    def end_halt(self, halt: Halt, event: SafetyEvent) -> None:
        """A halt that is over."""
        self.permits.end_halt(halt, halt_row(halt, self._codec, resumed_at=event.at), event.at)
        self._append_safety(event)

    def put_limits(self, one: LimitSet, event: SafetyEvent) -> LimitSet:
        """The limits that a scope has from now on."""
        one = structs.replace(one, seq=self.head + 1)
        self.permits.put_limits(one, limits_row(one, self._codec))
        self._append_safety(event)
        return one

    def put_approval(self, approval: Approval, at: datetime, actor: Actor | None) -> Approval:
        """An approval that ``actor`` has asked for (its number is 0) or decided; None where time did."""
        seq = self.head + 1
        approval = structs.replace(approval, seq=seq, number=approval.number or seq)
        self._append_safety(approval_event(approval, at, actor))
        return self.approvals.put(approval)

    def put_switch(self, switch: DeadMan, event: SafetyEvent | None = None, *, must_announce: bool = True) -> DeadMan:
        """A dead-man's switch as it is from now on, or from ``event`` on."""
        if event is not None:
            switch = structs.replace(switch, seq=self.head + 1)
        self.permits.put_switch(switch, dead_man_row(switch, self._codec), must_announce=must_announce)
        if event is not None:
            self._append_safety(event)
        return switch

    def _append_safety(self, event: SafetyEvent) -> None:
        scope = event.scope
        entry = JournalEntry(
            seq=self.head + 1,
            at=event.at,
            account_name=scope.account_name or "",
            connector_name=scope.connector_name or "",
            trading_pair=scope.trading_pair,
            safety=event,
        )
        self._append(entry, event_row(entry, None, self._codec))

    def _count(self, stored: StoredOrder, entries: Sequence[JournalEntry]) -> None:
        """Let the limits know of an order's events, and the anomaly brake act on them."""
        if self.permits.ledger is None:
            return
        for entry in entries:
            assert entry.event is not None
            event = entry.event
            if event.kind in PASSING and entry is not entries[-1]:
                continue
            self._brake(self.permits.take(stored.number, stored.order, event.kind, event.at, event.fill))

    def _brake(self, halts: Sequence[Halt]) -> None:
        for halt in halts:
            self.put_halt(halt, halted_event(halt))

    def change_balances(self, entry: JournalEntry) -> None:
        """The balances in ``entry``, which are new or changed."""
        assert entry.balances is not None
        known = self.balances(entry.account_name, entry.connector_name)
        event = event_row(entry, None, self._codec)
        rows = [
            balance_row(entry.account_name, entry.connector_name, each, self._codec) for each in entry.balances.balances
        ]
        for balance, row in zip(entry.balances.balances, rows, strict=True):
            name = (entry.account_name, entry.connector_name, balance.asset)
            is_new = balance.asset not in known or name in self._new_balances
            (self._new_balances if is_new else self._changed_balances)[name] = row
            known[balance.asset] = balance
        self._append(entry, event)

    def audit(self, record: AuditRecord) -> None:
        """A row of the audit log. ``head`` is what it names as the end of the journal."""
        row = row_of(self._start.audit_number + len(self._audit) + 1, record, self.head, self._audit_hash)
        self._audit.append((row[0], self._codec.time(row[1]), *row[2:]))
        self._audit_hash = row[-1]

    # Writing.

    @property
    def is_empty(self) -> bool:
        is_unchanged = not self._events and not self._audit and not self._changes_keys and not self.permits.switches
        return is_unchanged and not self.must_write

    @property
    def _changes_keys(self) -> bool:
        return self._keys is not None and self._keys.is_changed

    def flush(self) -> None:
        """Write everything, in the order that the foreign keys want."""
        chain, events = self._chain(), []
        for row in self._events:
            chain = link(chain, row)
            events.append((*row, chain))
        written: tuple[tuple[statements.Statement, Sequence[Row]], ...] = (
            (statements.INSERT_ORDERS, list(self._opened.values())),
            (statements.UPDATE_ORDERS, list(self._changed.values())),
            (statements.INSERT_EVENTS, events),
            (statements.INSERT_FILLS, self._fills),
            (statements.INSERT_BALANCES, list(self._new_balances.values())),
            (statements.UPDATE_BALANCES, list(self._changed_balances.values())),
            (statements.INSERT_AUDIT, self._audit),
            *(() if self._approvals is None else self._approvals.rows()),
            *self._safety_rows(),
        )
        for statement, rows in written:
            if rows:
                self._store.write(statement, rows)
        audit = (self._audit[-1][0], self._audit_hash) if self._audit else self._start[3:]
        self._store.set_head(Head(self.head, self.head, chain, *audit))

    def _safety_rows(self) -> list[tuple[statements.Statement, Sequence[Row]]]:
        """What is written of halts, limits, switches and keys: nothing in nearly every transaction."""
        halts, limits, switches = self.permits.halts, self.permits.limits, self.permits.switches
        if not halts and not limits and not switches and not self._changes_keys:
            return []
        if self.permits.must_announce or self._changes_keys:
            self._store.announce_safety()
        return [
            *(() if self._keys is None else self._keys.rows()),
            (statements.DELETE_DEAD_MAN, [tuple(account) for account in switches]),
            (statements.INSERT_DEAD_MAN, list(switches.values())),
            (statements.DELETE_HALTS, [scope_row(scope) for scope in halts]),
            (statements.INSERT_HALTS, list(halts.values())),
            (statements.DELETE_LIMITS, [scope_row(scope) for scope in limits]),
            (statements.INSERT_LIMITS, list(limits.values())),
        ]

    def _chain(self) -> bytes:
        """The checksum of the last event before this transaction."""
        chained, chain = self._start.chained, self._start.chain
        while chained < self._start.seq:
            # Written by processes of an older version, which do not know the checksums.
            up_to = min(chained + _UNCHAINED_PAGE, self._start.seq)
            for row in self._store.find(statements.FIND_EVENTS, [(chained, up_to)]):
                chain = link(chain, row)
            chained = up_to
        return chain

    @property
    def changed(self) -> Collection[StoredOrder]:
        """The orders that this transaction has opened or changed, as they are after it."""
        return self._touched.values()

    def update_cache(self) -> None:
        """Put what this transaction has changed into the cache; to be called after the commit."""
        self._cache.put(self.head, self._touched.values())

    def _append(self, entry: JournalEntry, event: Row) -> None:
        assert entry.seq == self.head + 1, "the sequence has no gaps"
        self.head = entry.seq
        self.entries.append(entry)
        self._events.append(event)

    def _touch(self, stored: StoredOrder) -> None:
        self._index(stored)
        self._touched[stored.key] = stored

    def _index(self, stored: StoredOrder) -> None:
        self._orders[stored.key] = stored
        name = idempotency_name(stored.order)
        if name is not None:
            self._by_idempotency_key[name] = stored

    def _read(self, statement: statements.Statement, keys: Sequence[Row]) -> None:
        if not keys:
            return
        decode = decoder(ORDERS.c, self._codec)
        found = {row[0]: order_of(decode(row)) for row in self._store.find(statement, keys)}
        fill_ids: dict[int, set[str]] = {}
        # An order without a filled amount has no fills, so the usual case needs no query for them.
        filled = [(number,) for number, order in found.items() if order.filled_amount > ZERO]
        for number, fill_id in self._store.find(statements.FIND_FILLS_OF_ORDER, filled):
            fill_ids.setdefault(number, set()).add(fill_id)
        for number, order in found.items():
            self._index(
                StoredOrder(key=order.key, number=number, order=order, fill_ids=frozenset(fill_ids.get(number, ())))
            )


def idempotency_name(order: Order) -> IdempotencyKey | None:
    """What must be unique of an order that carries an idempotency key."""
    if order.idempotency_key is None:
        return None
    return (order.account_name, order.connector_name, order.idempotency_key)
