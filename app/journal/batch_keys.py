"""The API keys that one transaction reads, makes, changes and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from app.domain.api_key import ApiKey
from app.journal import statements
from app.journal.caches import SafetyCache
from app.journal.rows import Row
from app.journal.store import Store
from app.storage.key_rows import key_row
from app.storage.tables import API_KEYS

#: Where a key's row has what may change.
_CHANGES = [list(API_KEYS.c).index(column) for column in statements.KEY_CHANGES]


class BatchKeys:
    """The keys as units before have left them, read in the transaction that ``store`` has begun."""

    def __init__(self, store: Store, cache: SafetyCache) -> None:
        self._store = store
        self._cache = cache
        #: Those that are made or changed here.
        self._changed: dict[str, ApiKey] = {}
        self._new: set[str] = set()

    def get(self, key_id: str) -> ApiKey | None:
        """The key of that id, also one that is disabled or deleted."""
        return self._changed.get(key_id) or self._cache.key(self._store, key_id)

    def line(self, key_id: str) -> Mapping[str, ApiKey]:
        """The key of that id and all that were told its secret, however many keys ago: by any of them the key may be used."""
        found: dict[str, ApiKey] = {}
        wanted = [key_id]
        while wanted:
            key = self.get(wanted.pop())
            if key is not None and key.key_id not in found:
                found[key.key_id] = key
                wanted += key.told
        return found

    def add(self, key: ApiKey) -> None:
        """A key that is there from now on."""
        self._new.add(key.key_id)
        self._changed[key.key_id] = structs.replace(key, version=self.next_version)

    def change(self, key: ApiKey) -> ApiKey:
        """A key that is as it is from now on."""
        self._changed[key.key_id] = key
        return key

    @property
    def next_version(self) -> int:
        """The version of a key that is narrowed or ended by this transaction."""
        return self._store.safety_version + 1

    @property
    def is_changed(self) -> bool:
        """Whether anything is written of keys."""
        return bool(self._changed)

    def rows(self) -> list[tuple[statements.Statement, Sequence[Row]]]:
        """What is written of them."""
        new: list[Row] = []
        old: list[Row] = []
        for key_id, key in self._changed.items():
            row = key_row(key, key.version, self._store.codec)
            if key_id in self._new:
                new.append(row)
            else:
                old.append([row[index] for index in _CHANGES])
        return [(statements.INSERT_KEYS, new), (statements.UPDATE_KEYS, old)]
