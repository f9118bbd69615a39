"""What stored tables hand back: a page of a search, and sealed credentials. Frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Sealed credentials, and when they were put."""

    sealed: bytes = field(repr=False)
    put_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a search. ``total_count`` counts all that match; ``next_cursor`` is None on the last page."""

    items: tuple[T, ...]
    total_count: int
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        return self.next_cursor is not None
