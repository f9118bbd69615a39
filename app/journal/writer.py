"""The one thread of a process that writes the journal, in groups: one transaction and one fsync serve all who wait.

The thread takes whatever is queued, stages it on one batch, commits, and wakes the event loop once. What goes wrong follows three
rules. A unit that can't be staged fails alone. A group that the database refuses for its contents is rolled back and written unit
by unit, so that the culprit fails alone. Nothing is written a second time unless it is certain that it was not written: a
connection that broke before the commit is tried once more, one that broke during the commit leaves its units in doubt.

A caller that stops waiting does not stop its unit: what was queued will be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from msgspec import Struct

from app.concurrency.threads import open_in_thread
from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.failpoints import reach
from app.journal.batch import Batch, Memory
from app.journal.inbox import Inbox
from app.journal.records import JournalEntry
from app.journal.store import ConnectionLost, Store
from app.journal.units import Unit
from app.metrics import Metrics

#: The most units in one transaction: a first unit should not wait for the work of a thousand others.
GROUP_SIZE = 256


class _Waiting(Struct, frozen=True, kw_only=True):
    unit: Unit
    future: asyncio.Future[Any]


class _Done(Struct, frozen=True, kw_only=True):
    """What came of one unit: its answer, or the exception for whoever waits."""

    waiting: _Waiting
    answer: Any = None
    error: BaseException | None = None


class Writer:
    """Takes units from one event loop and writes them with ``store`` on a thread of its own.

    ``advance(head, entries)`` is called on the loop after each group, before those who wait are woken, with what it has added.
    """

    def __init__(
        self,
        store: Store,
        loop: asyncio.AbstractEventLoop,
        advance: Callable[[int, Sequence[JournalEntry]], None],
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._loop = loop
        self._advance = advance
        self._metrics = metrics or Metrics()
        self._memory = Memory()
        self._inbox: Inbox[_Waiting] = Inbox(GROUP_SIZE)
        self._thread = Thread(target=self._run, name="journal-writer", daemon=True)
        self._head = 0
        #: What was committed and is not yet announced.
        self._added: list[JournalEntry] = []

    @property
    def queue_length(self) -> int:
        """How many units wait to be written."""
        return len(self._inbox)

    async def start(self) -> None:
        """Connect and begin to write. Raises ``JournalUnavailable`` without a database."""
        await open_in_thread(self._store.connect, lambda _: self._store.close())
        self._thread.start()

    async def submit(self, unit: Unit) -> Any:
        """Write ``unit`` and return its answer once that is durable. Raises what the unit raised, ``JournalUnavailable`` if it
        surely was not written, ``JournalInDoubt`` if nobody can tell.
        """
        if self._inbox.is_closed:
            raise JournalUnavailable("The journal is closed")
        waiting = _Waiting(unit=unit, future=self._loop.create_future())
        self._inbox.put(waiting)
        return await waiting.future

    async def stop(self) -> None:
        """Write what is queued, then end. May be called twice."""
        self._inbox.close()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    # From here on, everything runs on the writer's thread.

    def _run(self) -> None:
        while group := self._inbox.take():
            with self._metrics.commit_seconds.time():
                outcome = self._write(group)
            self._metrics.commit_size.observe(len(group))
            self._answer(outcome)
        self._store.close()

    def _write(self, group: Sequence[_Waiting]) -> list[_Done]:
        try:
            return self._write_again_if_lost(group)
        except (JournalUnavailable, JournalInDoubt) as error:
            return [_Done(waiting=waiting, error=error) for waiting in group]
        except Exception as error:  # noqa: BLE001 - whatever a unit's contents made the driver raise: each gets its own
            if len(group) == 1:
                return [_Done(waiting=group[0], error=error)]
            return [done for waiting in group for done in self._write([waiting])]

    def _write_again_if_lost(self, group: Sequence[_Waiting]) -> list[_Done]:
        try:
            return self._write_once(group)
        except ConnectionLost:
            self._store.connect()
        try:
            return self._write_once(group)
        except ConnectionLost as error:
            raise JournalUnavailable(f"The database is not available: {error}") from error

    def _write_once(self, group: Sequence[_Waiting]) -> list[_Done]:
        """One transaction. Raises with nothing written, or ``JournalInDoubt``."""
        try:
            batch = Batch(self._store, self._memory, self._store.begin())
            batch.load(
                [key for waiting in group for key in waiting.unit.keys],
                [key for waiting in group for key in waiting.unit.idempotency_keys],
            )
            outcome = [_stage(waiting, batch) for waiting in group]
            if batch.is_empty:
                self._store.rollback()
                return outcome
            batch.flush()
            self._commit(group)
        except BaseException:
            self._store.rollback()
            raise
        batch.remember()
        self._head = batch.head
        self._added += batch.entries
        return outcome

    def _commit(self, group: Sequence[_Waiting]) -> None:
        steps = {"journal.intent" if waiting.unit.is_intent else "journal.outcome" for waiting in group}
        if "journal.intent" in steps:
            reach("journal.intent.before_commit")
        if "journal.outcome" in steps:
            reach("journal.outcome.before_commit")
        self._store.commit()
        if "journal.intent" in steps:
            reach("journal.intent.after_commit")
        if "journal.outcome" in steps:
            reach("journal.outcome.after_commit")

    def _answer(self, outcome: Sequence[_Done]) -> None:
        """Wake the loop, once for the group."""
        # RuntimeError says that the loop was closed over our head. What is queued is still written; nobody is left to be told.
        added, self._added = self._added, []
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._resolve, outcome, self._head, added)

    def _resolve(self, outcome: Sequence[_Done], head: int, added: Sequence[JournalEntry]) -> None:
        """On the loop: let the readers know, and give everybody who still waits what came of it."""
        self._advance(head, added)
        for done in outcome:
            future = done.waiting.future
            if future.done():  # whoever waited was cancelled
                continue
            if done.error is not None:
                future.set_exception(done.error)
            else:
                future.set_result(done.answer)


def _stage(waiting: _Waiting, batch: Batch) -> _Done:
    try:
        return _Done(waiting=waiting, answer=waiting.unit.stage(batch))
    except (ConnectionLost, JournalUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - a fault of this unit alone, for whoever waits; the batch is as it was
        return _Done(waiting=waiting, error=error)
