"""A batch of journal entries that several event streams share, with the messages that were rendered from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from app.journal.records import JournalEntry

T = TypeVar("T")


class EventBatch:
    """Entries in the journal's order. An empty batch is a heartbeat."""

    __slots__ = ("__weakref__", "_entries", "_rendered")

    def __init__(self, entries: Sequence[JournalEntry] = ()) -> None:
        self._entries = entries
        self._rendered: dict[Callable[[Sequence[JournalEntry]], Any], Any] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self._entries)

    def rendered_by(self, render: Callable[[Sequence[JournalEntry]], T]) -> T:
        """What ``render`` returns for the entries. It is called once for all streams that share the batch, so it must be pure, and
        its result must not be changed.
        """
        try:
            return cast(T, self._rendered[render])
        except KeyError:
            rendered = self._rendered[render] = render(self._entries)
            return rendered
