"""The journal: the gateway's only memory. Everything that happened to an order is an entry here, and an order is the fold of its
entries.

Writing is asynchronous and durable when it returns; reading (``Reader``) is synchronous and thread-safe. There is one ``Journal``
per process, used from one event loop. On PostgreSQL any number of processes may share a database.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import TypeVar, cast

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.errors import JournalInDoubt, JournalUnavailable, SchemaOutdated
from app.domain.events import OrderEvent
from app.domain.order import Order, OrderKey
from app.domain.reports import BalanceReport
from app.domain.safety.admission import NOTHING_KNOWN, Admission
from app.domain.safety.state import SafetyState
from app.journal.permits import Bulletin, Known, Permits
from app.journal.reading.reader import Reader
from app.journal.reading.verifying import check_tail
from app.journal.records import JournalEntry, Opened, Recorded, StoredOrder, Weighed
from app.journal.safety_rows import read_safety
from app.journal.sqlite_store import SqliteStore
from app.journal.store import Store
from app.journal.tail import Tail
from app.journal.units.balances import RecordBalances
from app.journal.units.guard import UNGUARDED, Guard
from app.journal.units.orders import Decide, OpenOrder, RecordEvents, Unit
from app.journal.units.plain import Probe, RecordAudit
from app.journal.units.safety import SafetyUnit
from app.journal.units.weighing import WeighOrder
from app.journal.writer import Writer
from app.metrics import Metrics
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.callers import StoredCallers
from app.storage.database import Database
from app.storage.funding import FundingPayments
from app.storage.leases import Leases
from app.storage.portfolio import Snapshots
from app.storage.schema import is_current

T = TypeVar("T")

#: Seconds within which a journal that is well takes a write, even behind many others.
_PROBE_SECONDS = 1.4


class Journal(Reader):
    """One process's way to the journal. Building one does no I/O."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics | None = None) -> None:
        super().__init__(Database(settings.database_url))
        self.accounts = Accounts(self.database, clock)
        self.callers = StoredCallers(self.database)
        self.leases = Leases(self.database, clock)
        self.snapshots = Snapshots(self.database)
        self.funding_payments = FundingPayments(self.database)
        self._clock = clock
        self._is_durable = settings.is_durable
        self._approval_lifetime = settings.approval_lifetime
        self._metrics = metrics or Metrics()
        self._bulletin = Bulletin()
        self._tail = Tail(self.database, self, clock, self._bulletin.doubt)
        self._writer: Writer | None = None

    async def open(self) -> None:
        """Begin to write. Raises ``SchemaOutdated`` if migrations are missing, ``JournalDamaged`` if the newest events are not as
        they were written, ``PoolerFound``, ``JournalUnavailable`` without a database.
        """
        self.database.prepare_directory()
        if not await asyncio.to_thread(is_current, self.database.url):
            raise SchemaOutdated("The journal's schema is not up to date; apply the migrations first")
        if not self.database.is_sqlite:
            await asyncio.to_thread(_refuse_pooler, self.database)
        await asyncio.to_thread(check_tail, self.database)
        store = _store(self.database, is_durable=self._is_durable)
        permits = Permits(self._clock, self._bulletin, self._approval_lifetime)
        writer = Writer(store, asyncio.get_running_loop(), self._tail.advance, permits, self._metrics)
        await writer.start()
        self._writer = writer
        await self._tail.start()

    async def close(self) -> None:
        """Write what is queued, then close the database; may be called twice."""
        if self._writer is not None:
            await self._writer.stop()
        await self._tail.stop()
        await asyncio.to_thread(self.database.dispose)

    async def open_order(
        self,
        order: Order,
        event: OrderEvent,
        *,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
        admission: Admission = NOTHING_KNOWN,
    ) -> Opened:
        """Begin an order's life with ``event`` (intended or adopted), unless its id or its idempotency key is taken on its
        account and connector; then the order that has it is returned and nothing is written. Durable when it returns.

        With ``credentials_version`` raises ``CredentialsChanged`` unless these are still the account's credentials. Also raises
        what ``guard`` refuses a new order with, ``JournalUnavailable`` (not written) and ``JournalInDoubt``; after any of them,
        the order must not be sent.
        """
        unit = OpenOrder(
            order=order, event=event, credentials_version=credentials_version, guard=guard, admission=admission
        )
        return cast(Opened, await self._submit(unit))

    async def weigh_order(
        self,
        order: Order,
        event: OrderEvent,
        *,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
        admission: Admission = NOTHING_KNOWN,
    ) -> Weighed:
        """What ``open_order`` would find at this moment; nothing is written, not even of refusals. Raises as ``open_order`` does,
        except what ``guard``, halts and limits refuse.
        """
        opening = OpenOrder(
            order=order, event=event, credentials_version=credentials_version, guard=guard, admission=admission
        )
        return cast(Weighed, await self._submit(WeighOrder(opening=opening)))

    async def record(
        self,
        key: OrderKey,
        decide: Decide,
        *,
        is_intent: bool = False,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
        admission: Admission = NOTHING_KNOWN,
    ) -> Recorded:
        """Record what ``decide(order, known fill ids)`` returns, on the order as it is at that moment. ``decide`` must be pure: it
        runs inside the transaction and may run again. ``is_intent`` says that the order is sent if this is written.

        An event that the lifecycle does not allow is recorded as an anomaly instead. A fill that the journal has already of
        this order is left out. Raises ``OrderNotFound``, ``JournalUnavailable``, ``JournalInDoubt``, or what ``decide``
        raised; with ``credentials_version`` also ``CredentialsChanged``, unless these are still the account's credentials; and
        what ``guard`` refuses the first event with.
        """
        unit = RecordEvents(
            key=key,
            decide=decide,
            is_intent=is_intent,
            credentials_version=credentials_version,
            guard=guard,
            admission=admission,
        )
        return cast(Recorded, await self._submit(unit))

    async def audit(self, record: AuditRecord) -> None:
        """Append to the audit log what is in no transaction of its own. Raises ``JournalUnavailable`` and ``JournalInDoubt``."""
        await self._submit(RecordAudit(record=record))

    async def record_balances(self, account_name: str, connector_name: str, report: BalanceReport) -> None:
        """Record those balances of ``report`` that differ from the ones recorded last."""
        await self._submit(
            RecordBalances(
                account_name=account_name, connector_name=connector_name, report=report, at=self._clock.now()
            )
        )

    async def decide(self, unit: SafetyUnit[T]) -> T:
        """Do what ``unit`` does, in the order of all that is written: change halts, limits, switches, keys or approvals, or only
        read them as they are at that moment. Raises what the unit raises, ``JournalUnavailable`` and ``JournalInDoubt``.
        """
        return cast(T, await self._submit(unit))

    def permits_sending(self) -> bool:
        """Whether what this process knows of halts is fresh enough to send an order by it."""
        return self._bulletin.is_fresh(self._clock.monotonic())

    @property
    def known_safety(self) -> SafetyState:
        """The halts and limits as this process knows them, which may be a moment old."""
        return self._bulletin.known.state

    async def safety(self) -> SafetyState:
        """The halts and limits as they are, read from the database unless this process has just seen them."""
        if not self.permits_sending():
            await asyncio.to_thread(self._read_safety)
        return self._bulletin.known.state

    def _read_safety(self) -> None:
        asked_at, known = self._clock.monotonic(), self._bulletin.known
        version, state = read_safety(self.database, known.version, known.state)
        self._bulletin.put(Known(version=version, state=state, seen_at=asked_at))

    @property
    def queue_length(self) -> int:
        """How many writes wait for the writer."""
        return 0 if self._writer is None else self._writer.queue_length

    async def problem(self) -> str | None:
        """Why the journal can't be written at this moment, or None if it can. The answer comes within a second and a half: a
        database that has not taken a write by then counts as away. After a failed write only one that succeeds makes it well again.
        """
        if self._writer is None:
            return "the journal is not open"
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._submit(Probe(is_writing=self._writer.is_failing))
        except TimeoutError:
            return f"the database has not taken a write for {_PROBE_SECONDS:g} seconds"
        except (JournalUnavailable, JournalInDoubt) as error:
            return error.detail
        return None

    @property
    def known_head(self) -> int:
        """The sequence number of the last entry that this process knows of; never more than there is."""
        return self._tail.head

    async def wait_beyond(self, seq: int, timeout: float) -> int:  # noqa: ASYNC109 - running out is an answer here
        """The head as soon as it is above ``seq``, or as it is after ``timeout`` seconds."""
        return await self._tail.wait_beyond(seq, timeout)

    def watch(self, order_id: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set whenever anything was recorded about an order of this id, by any process; the caller clears it
        before it reads the order.
        """
        return self._tail.watch(order_id)

    def recall(self, key: OrderKey) -> StoredOrder | None:
        """The order as it is now, without asking the database: if this process changed it lately and is not changing it at this
        moment, and if no later entry of another process is known.
        """
        stored = self._tail.recall(key)
        return None if stored is None or self.is_changing(key) else stored

    def is_changing(self, key: OrderKey) -> bool:
        """Whether this process is writing about the order at this moment."""
        return self._writer is not None and self._writer.is_changing(key)

    def added_after(self, seq: int) -> list[JournalEntry] | None:
        """All entries after ``seq``, if this process added every one of them lately; None if the database must be asked."""
        return self._tail.added_after(seq)

    async def _submit(self, unit: Unit) -> object:
        if self._writer is None:
            raise JournalUnavailable("The journal is not open")
        return await self._writer.submit(unit)


def _store(database: Database, *, is_durable: bool) -> Store:
    if database.is_sqlite:
        assert database.url.database is not None
        return SqliteStore(database.url.database, is_durable=is_durable)
    # Imported only here: psycopg takes nine megabytes, which a process on SQLite has no use for.
    from app.journal.postgres_store import PostgresStore

    return PostgresStore(database.url, is_durable=is_durable)


def _refuse_pooler(database: Database) -> None:
    # Imported only here: it needs the driver, which a process on SQLite has no use for.
    from app.storage.pooling import refuse_transaction_pooler

    refuse_transaction_pooler(database.url)
