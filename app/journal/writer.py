"""The one thread of a process that writes the journal, in groups: one transaction and one fsync for all units that wait.

The thread takes whatever is queued, stages it on one batch, commits, and wakes the event loop once. Failures follow three
rules. A unit that can't be staged fails alone. A group that the database refuses for its contents is rolled back and written unit
by unit, so that the culprit fails alone. Nothing is written a second time unless it is certain that it was not written: a
connection that broke before the commit is tried once more, one that broke during the commit leaves its units in doubt.

A caller that stops waiting does not stop its unit. But a unit that is not in a transaction within ``PATIENCE`` seconds is never
written, and its caller is told so at that moment, whatever the database does: nobody waits any more for an order that is written
late. Of one that is in a transaction by then, nobody can tell; its caller waits as long once more.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import takewhile
from threading import Lock, Thread
from typing import Any

from msgspec import Struct

from app.concurrency.threads import open_in_thread
from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.domain.order import OrderKey
from app.failpoints import reach
from app.journal.batch import Batch
from app.journal.caches import CredentialCache, OrderCache, SafetyCache
from app.journal.inbox import Inbox
from app.journal.permits import Permits
from app.journal.records import Head, JournalEntry, StoredOrder
from app.journal.store import ConnectionLost, Store
from app.journal.units.guard import check_asker
from app.journal.units.orders import Unit
from app.journal.units.safety import HaltTrading, SetLimits
from app.metrics import Metrics

#: The most units in one transaction: a first unit should not wait for the work of a thousand others.
GROUP_SIZE = 256

#: Seconds within which a unit is written or dropped.
PATIENCE = 5.0

#: How many units may wait before no further intent is accepted: more than a second's work.
MOST_WAITING = 2048

#: What a caller who found the journal busy is told to wait.
_RETRY_AFTER = timedelta(seconds=1)

#: Seconds between two looks for units that are late.
_LOOK_SECONDS = 0.25


class _Waiting(Struct, kw_only=True):
    unit: Unit
    future: asyncio.Future[Any]
    #: The monotonic time after which it is not written.
    deadline: float
    #: Whether a transaction has begun that may write it. From then on the loop can't drop it.
    is_in_transaction: bool = False
    is_dropped: bool = False


class _Done(Struct, frozen=True, kw_only=True):
    """The outcome of one unit: its answer, or the exception for its caller."""

    waiting: _Waiting
    answer: Any = None
    error: BaseException | None = None


class Writer:
    """Takes units from one event loop and writes them with ``store`` on a thread of its own.

    ``advance(head, entries, orders)`` is called on the loop after each group, with what it has added and the orders as that left
    them, before the callers get their answers.
    """

    def __init__(
        self,
        store: Store,
        loop: asyncio.AbstractEventLoop,
        advance: Callable[[int, Sequence[JournalEntry], Sequence[StoredOrder]], None],
        permits: Permits,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._loop = loop
        self._advance = advance
        self._metrics = metrics or Metrics()
        self._cache = OrderCache()
        self._credentials = CredentialCache()
        self._safety = SafetyCache()
        self._permits = permits
        self._inbox: Inbox[_Waiting] = Inbox(GROUP_SIZE)
        self._thread = Thread(target=self._run, name="journal-writer", daemon=True)
        #: Guards the two flags of what waits.
        self._lock = Lock()
        #: What was submitted, in its order, until its caller has an answer; belongs to the loop.
        self._submitted: dict[asyncio.Future[Any], _Waiting] = {}
        self._look: asyncio.TimerHandle | None = None
        #: Whether the last attempt to write has failed.
        self.is_failing = False
        self._head = 0
        #: Entries that were committed and are not yet handed to the loop.
        self._added: list[JournalEntry] = []
        self._changed: list[StoredOrder] = []
        #: How many units are under way that may change an order, by its key; belongs to the loop.
        self._under_way: Counter[OrderKey] = Counter()

    @property
    def queue_length(self) -> int:
        """How many units wait to be written."""
        return len(self._inbox)

    def is_changing(self, key: OrderKey) -> bool:
        """Whether a unit about this order is under way."""
        return key in self._under_way

    async def start(self) -> None:
        """Connect and begin to write. Raises ``JournalUnavailable`` without a database."""
        await open_in_thread(self._store.connect, lambda _: self._store.close())
        self._thread.start()

    async def submit(self, unit: Unit) -> Any:
        """Write ``unit`` and return its answer once that is durable. Raises what the unit raised, ``JournalUnavailable`` if it
        surely was not written and will not be, ``JournalInDoubt`` if that can't be known.
        """
        if self._inbox.is_closed:
            raise JournalUnavailable("The journal is closed")
        if unit.is_intent and len(self._inbox) >= MOST_WAITING:
            raise JournalUnavailable("Too many orders wait to be written down", retry_after=_RETRY_AFTER)
        waiting = _Waiting(unit=unit, future=self._loop.create_future(), deadline=time.monotonic() + PATIENCE)
        for key in unit.keys:
            self._under_way[key] += 1
        self._inbox.put(waiting)
        self._submitted[waiting.future] = waiting
        if self._look is None:
            self._look = self._loop.call_later(_LOOK_SECONDS, self._answer_late)
        return await waiting.future

    async def stop(self) -> None:
        """Write what is queued, then end. May be called twice."""
        self._inbox.close()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)
        if self._look is not None:
            self._look.cancel()

    def _answer_late(self) -> None:
        """Answer the callers whose units are late, and drop those that are in no transaction."""
        now = time.monotonic()
        late = takewhile(lambda waiting: waiting.deadline <= now, self._submitted.values())
        for waiting in list(late):
            if waiting.future.done():  # the caller was cancelled
                continue
            if self._drop(waiting):
                self._answer_one(waiting, _late())
            elif now >= waiting.deadline + PATIENCE:
                self._answer_one(waiting, JournalInDoubt("The database has not answered the commit in time"))
        self._look = self._loop.call_later(_LOOK_SECONDS, self._answer_late) if self._submitted else None

    def _answer_one(self, waiting: _Waiting, error: Exception) -> None:
        del self._submitted[waiting.future]
        waiting.future.set_exception(error)

    def _drop(self, waiting: _Waiting) -> bool:
        """See to it that ``waiting`` is never written. False if it is in a transaction."""
        with self._lock:
            waiting.is_dropped = not waiting.is_in_transaction
            return waiting.is_dropped

    def _resolve(
        self, outcome: Sequence[_Done], head: int, added: Sequence[JournalEntry], changed: Sequence[StoredOrder]
    ) -> None:
        """Advance the tail, and give every caller that still waits its outcome."""
        self._advance(head, added, changed)
        for done in outcome:
            self._forget(done)
            future = done.waiting.future
            self._submitted.pop(future, None)
            if future.done():  # the caller was cancelled
                continue
            if done.error is not None:
                future.set_exception(done.error)
            else:
                future.set_result(done.answer)

    def _forget(self, done: _Done) -> None:
        if isinstance(done.error, JournalInDoubt):
            return  # it may have been written, so what this process knows of these orders may not be all
        for key in done.waiting.unit.keys:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    # From here on, everything runs on the writer's thread.

    def _run(self) -> None:
        while queued := self._inbox.take():
            for group in _groups(queued):
                with self._metrics.committing():
                    outcome = self._write(group)
                self._metrics.commit_size.observe(len(group))
                self._answer(outcome)
        self._store.close()

    def _write(self, group: Sequence[_Waiting]) -> list[_Done]:
        try:
            return self._write_again_if_lost(group)
        except (JournalUnavailable, JournalInDoubt) as error:
            self.is_failing = True
            return [_Done(waiting=waiting, error=error) for waiting in group]
        except Exception as error:  # noqa: BLE001 - whatever a unit's contents made the driver raise: each unit gets its own
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
            head = self._begin()
            batch = Batch(self._store, self._cache, self._credentials, self._safety, self._permits, head)
            group, late = self._enter(group)
            batch.load(
                [key for waiting in group for key in waiting.unit.keys],
                [key for waiting in group for key in waiting.unit.idempotency_keys],
            )
            outcome = [*late, *(_stage(waiting, batch) for waiting in group)]
            if batch.is_empty:
                self._store.rollback()
                self._permits.commit(batch.head)
                return outcome
            batch.flush()
            self._commit(group)
        except BaseException:
            self._permits.rollback()
            self._store.rollback()
            raise
        self.is_failing = False
        self._permits.commit(batch.head)
        batch.update_cache()
        self._head = batch.head
        self._added += batch.entries
        self._changed += batch.changed
        return outcome

    def _begin(self) -> Head:
        """Begin a transaction once what is used of limits is counted up to the journal's head."""
        while True:
            head = self._store.begin()
            if self._permits.begin(self._store, head.seq):
                return head
            # The journal is long: it is read while others write.
            self._store.rollback()
            try:
                self._permits.read(self._store, head.seq)
            finally:
                self._store.rollback()

    def _enter(self, group: Sequence[_Waiting]) -> tuple[list[_Waiting], list[_Done]]:
        """The units that this transaction may write, and the outcomes of those that have become late while it began."""
        now = time.monotonic()
        with self._lock:
            for waiting in group:
                waiting.is_in_transaction = not waiting.is_dropped and now < waiting.deadline
        late = [_Done(waiting=waiting, error=_late()) for waiting in group if not waiting.is_in_transaction]
        return [waiting for waiting in group if waiting.is_in_transaction], late

    def _commit(self, group: Sequence[_Waiting]) -> None:
        steps = {"journal.intent" if waiting.unit.is_intent else "journal.outcome" for waiting in group}
        if "journal.intent" in steps:
            reach("journal.intent.before_commit")
        if "journal.outcome" in steps:
            reach("journal.outcome.before_commit")
        self._permits.note_seen()
        self._store.commit()
        if "journal.intent" in steps:
            reach("journal.intent.after_commit")
        if "journal.outcome" in steps:
            reach("journal.outcome.after_commit")

    def _answer(self, outcome: Sequence[_Done]) -> None:
        """Wake the loop, once for the group."""
        # RuntimeError: the loop was closed meanwhile. What is queued is still written; no caller waits for the answer.
        added, self._added = self._added, []
        changed, self._changed = self._changed, []
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._resolve, outcome, self._head, added, changed)


def _groups(queued: Sequence[_Waiting]) -> Iterator[Sequence[_Waiting]]:
    """``queued`` in groups, one transaction each, which end with a change of halts or limits: what is used of limits is counted
    when a transaction begins, if any are set by then.
    """
    begin = 0
    for end, waiting in enumerate(queued, start=1):
        if end == len(queued) or isinstance(waiting.unit, (HaltTrading, SetLimits)):
            yield queued[begin:end]
            begin = end


def _late() -> JournalUnavailable:
    return JournalUnavailable(
        f"The database did not take it within {PATIENCE:g} seconds; it was not written", retry_after=_RETRY_AFTER
    )


def _stage(waiting: _Waiting, batch: Batch) -> _Done:
    try:
        check_asker(batch, waiting.unit.asked)
        return _Done(waiting=waiting, answer=waiting.unit.stage(batch))
    except (ConnectionLost, JournalUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - a fault of this unit alone, for its caller; the batch is as it was
        return _Done(waiting=waiting, error=error)
