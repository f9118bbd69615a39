"""One transaction in the making: what units have read and what they will have written.

Units are staged one after another on a ``Batch``: they see what the units before them decided, as if each had been committed. Only
``flush`` writes, all rows of a table at once. A unit changes the batch by one call at its very end, so that one that raises
leaves no trace.

Orders that this process wrote lately are in an ``OrderCache``. It is true exactly if the journal's sequence is where our own last
commit left it, because every change of an order takes a number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from app.domain.audit import AuditRecord
from app.domain.decimals import ZERO
from app.domain.order import AccountKey, Order, OrderKey
from app.domain.reports import Balance
from app.journal import statements
from app.journal.records import Head, JournalEntry, StoredOrder
from app.journal.rows import Row, balance_row, change_row, decoder, event_row, fill_row, order_of, order_row
from app.journal.store import Store
from app.storage.audit import ORIGIN, row_of
from app.storage.tables import BALANCES, ORDERS
from app.storage.types import link

#: Orders in the cache, so that an order's outcome needs no query: those of one second on the busiest day. One takes about two
#: kilobytes.
_CACHED = 1024

#: Events without a checksum that are read in one go.
_UNCHAINED_PAGE = 5000

IdempotencyKey = tuple[str, str, str]


class OrderCache:
    """The orders written last, as of sequence number ``head``."""

    def __init__(self) -> None:
        self._head = -1
        self._orders: OrderedDict[OrderKey, StoredOrder] = OrderedDict()

    def check(self, head: int) -> None:
        """Empty the cache if another process has written since: the journal is at ``head``."""
        if head != self._head:
            self._orders.clear()
            self._head = head

    def get(self, key: OrderKey) -> StoredOrder | None:
        return self._orders.get(key)

    def put(self, head: int, changed: Iterable[StoredOrder]) -> None:
        """Take in the orders that our commit has changed, which ended at ``head``."""
        self._head = head
        for stored in changed:
            self._orders[stored.key] = stored
            self._orders.move_to_end(stored.key)
        while len(self._orders) > _CACHED:
            self._orders.popitem(last=False)


class CredentialVersion(Struct, frozen=True, kw_only=True):
    """Stored credentials: which ones, and the account at the exchange that they open, where that is known."""

    version: int
    exchange_account: str | None


class CredentialCache:
    """What was read of credentials since they last changed.

    ``Store.begin`` reads how often that was, with the lock that every change of credentials takes. So most transactions check
    credentials without a query.
    """

    def __init__(self) -> None:
        self._as_of = -1
        self._known: dict[AccountKey, CredentialVersion | None] = {}

    def find(self, store: Store, account: AccountKey) -> CredentialVersion | None:
        """The credentials of ``account`` in the transaction that ``store`` has begun; None if there are none."""
        if store.credentials_version != self._as_of:
            self._known.clear()
            self._as_of = store.credentials_version
        if account not in self._known:
            rows = store.find(statements.FIND_CREDENTIALS, [account])
            found = [CredentialVersion(version=version, exchange_account=name) for version, name in rows]
            self._known[account] = found[0] if found else None
        return self._known[account]


class SafetyCache:
    """What was read of users, keys, halts and limits since any of them last changed.

    ``Store.begin`` reads how often that was. So a transaction in which nothing has changed checks them without a query, and one
    after a change, by whichever process, reads them anew.
    """

    def __init__(self) -> None:
        self._as_of = -1
        self._known: dict[tuple[statements.Statement, Row], Sequence[Row]] = {}

    def find(self, store: Store, statement: statements.Statement, key: Row) -> Sequence[Row]:
        """The driver's rows of ``statement`` for ``key`` in the transaction that ``store`` has begun."""
        if store.safety_version != self._as_of:
            self._known.clear()
            self._as_of = store.safety_version
        name = (statement, key)
        if name not in self._known:
            self._known[name] = store.find(statement, [key])
        return self._known[name]


class Batch:
    """What one transaction reads and writes, on ``store`` from ``head`` on."""

    def __init__(
        self, store: Store, cache: OrderCache, credentials: CredentialCache, safety: SafetyCache, head: Head
    ) -> None:
        cache.check(head.seq)
        self.head = head.seq
        self._start = head
        self._store = store
        self._codec = store.codec
        self._cache = cache
        self._credentials = credentials
        self._safety = safety
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
        """What ``statement`` finds for ``key`` among users, keys, halts and limits, none of which can change before the commit.
        Without a query unless one of them has changed. Whoever changes one must use ``app.storage.safety.changing``.
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

    # Deciding.

    def add_order(self, order: Order, entry: JournalEntry) -> None:
        """A new order with its first event, whose ``seq`` must be ``head`` + 1."""
        stored = StoredOrder(key=order.key, number=entry.seq, order=order, fill_ids=frozenset())
        row = order_row(stored.number, order, self._codec)
        event = event_row(entry, stored.number, self._codec, start=order)
        self._touch(stored)
        self._opened[stored.number] = row
        self._append(entry, event)

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
        return not self._events and not self._audit and not self.must_write

    def flush(self) -> None:
        """Write everything, in the order that the foreign keys want."""
        chain, events = self._chain(), []
        for row in self._events:
            chain = link(chain, row)
            events.append((*row, chain))
        for statement, rows in (
            (statements.INSERT_ORDERS, list(self._opened.values())),
            (statements.UPDATE_ORDERS, list(self._changed.values())),
            (statements.INSERT_EVENTS, events),
            (statements.INSERT_FILLS, self._fills),
            (statements.INSERT_BALANCES, list(self._new_balances.values())),
            (statements.UPDATE_BALANCES, list(self._changed_balances.values())),
            (statements.INSERT_AUDIT, self._audit),
        ):
            if rows:
                self._store.write(statement, rows)
        audit = (self._audit[-1][0], self._audit_hash) if self._audit else self._start[3:]
        self._store.set_head(Head(self.head, self.head, chain, *audit))

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
