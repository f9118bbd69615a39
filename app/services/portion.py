"""What several streams are told at once: the same entries, and whatever one of the streams has made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from app.journal.records import JournalEntry

T = TypeVar("T")


class Portion:
    """Entries in the journal's order. Empty, it is a sign of life."""

    __slots__ = ("__weakref__", "_entries", "_made")

    def __init__(self, entries: Sequence[JournalEntry] = ()) -> None:
        self._entries = entries
        self._made: dict[Callable[[Sequence[JournalEntry]], Any], Any] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self._entries)

    def made_by(self, make: Callable[[Sequence[JournalEntry]], T]) -> T:
        """What ``make`` gives for the entries, made once for all who share them. It must be pure, and its result left alone."""
        try:
            return cast(T, self._made[make])
        except KeyError:
            made = self._made[make] = make(self._entries)
            return made
