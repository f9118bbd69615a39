"""What is shared is made once."""

from __future__ import annotations

from collections.abc import Sequence

from app.journal.records import JournalEntry
from app.services.event_batch import EventBatch
from tests.clock import START


def entry(seq: int) -> JournalEntry:
    return JournalEntry(seq=seq, at=START, account_name="a", connector_name="x")


def test_each_thing_is_made_once() -> None:
    """One call for each function, whoever asks; the results stay apart."""
    calls: list[int] = []

    def count(entries: Sequence[JournalEntry]) -> int:
        calls.append(len(entries))
        return len(entries)

    def last(entries: Sequence[JournalEntry]) -> int:
        return entries[-1].seq

    batch = EventBatch([entry(4), entry(5)])
    assert [batch.rendered_by(count), batch.rendered_by(last), batch.rendered_by(count)] == [2, 5, 2]
    assert calls == [2]


def test_an_empty_one_is_a_sign_of_life() -> None:
    """It counts as nothing."""
    assert not EventBatch()
    assert [each.seq for each in EventBatch([entry(1)])] == [1]
