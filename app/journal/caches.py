"""What the writer remembers from one transaction to the next, so that most need no query.

Orders that this process wrote lately are in an ``OrderCache``. It is true exactly if the journal's sequence is where our own last
commit left it, because every change of an order takes a number.
What was read of credentials, users and keys holds until the journal's one row says that they have changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from app.domain.api_key import ApiKey
from app.domain.order import AccountKey, OrderKey
from app.journal import statements
from app.journal.records import StoredOrder
from app.journal.rows import Row, decoder
from app.journal.store import Store
from app.storage.key_rows import key_of
from app.storage.tables import API_KEYS

#: Orders in the cache, so that an order's outcome needs no query: those of one second on the busiest day. One takes about two
#: kilobytes.
_CACHED = 1024


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
        self._keys: dict[str, ApiKey | None] = {}

    def key(self, store: Store, key_id: str) -> ApiKey | None:
        """The API key of that id in the transaction that ``store`` has begun, also one that is disabled or deleted."""
        self._check(store)
        if key_id not in self._keys:
            rows = store.find(statements.FIND_KEY, [(key_id,)])
            self._keys[key_id] = key_of(decoder(API_KEYS.c, store.codec)(rows[0])) if rows else None
        return self._keys[key_id]

    def find(self, store: Store, statement: statements.Statement, key: Row) -> Sequence[Row]:
        """The driver's rows of ``statement`` for ``key`` in the transaction that ``store`` has begun."""
        self._check(store)
        name = (statement, key)
        if name not in self._known:
            self._known[name] = store.find(statement, [key])
        return self._known[name]

    def _check(self, store: Store) -> None:
        if store.safety_version != self._as_of:
            self._known.clear()
            self._keys.clear()
            self._as_of = store.safety_version
