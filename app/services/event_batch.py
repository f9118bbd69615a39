"""A batch of journal entries that several event streams share, with the messages that were rendered from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from app.journal.records import JournalEntry

T = TypeVar("T")


class EventBatch:
    """Entries in the journal's order. An empty batch is a heartbeat. ``end`` is the sequence number up to which a stream has been
    told all that it wants with the batch; ``is_short`` says that more entries may follow before the end of its page.
    """

    __slots__ = ("__weakref__", "_entries", "_rendered", "end", "is_short")

    def __init__(self, entries: Sequence[JournalEntry] = (), *, end: int = 0, is_short: bool = False) -> None:
        self._entries = entries
        self.end = end
        self.is_short = is_short
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
