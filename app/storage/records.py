"""What stored tables hand back: a page of a search, and sealed credentials. Frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Sealed credentials, a number that no others had or will have, and the exchange's own name of the account that they open,
    where it is known.
    """

    sealed: bytes = field(repr=False)
    version: int
    exchange_account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a search. ``total_count`` counts all that match; ``next_cursor`` is None on the last page."""

    items: tuple[T, ...]
    total_count: int
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        return self.next_cursor is not None
