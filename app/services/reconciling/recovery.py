"""Recovery: making the journal equal to the exchange, for one account.

``reconcile`` compares what rests on the exchange's book with what the journal believes to be open. It runs at start, after every
gap of the stream, and at intervals, since a stream may lose events without notice. After a gap and else every few minutes it looks
at the whole book, in between only at the pairs on which the journal has active orders, where that is cheaper.

    the book shows      the journal has      done
    an order            it, active           recorded, with missing fills
    an order            it, presumed gone    recorded: it has reappeared, with an alarm
    one with our id     nothing              adopted, with an alarm
    one of another id   it, under its number recorded: an amendment gave it another client id
    a foreign one       nothing              ignored
    nothing             an open order        asked about (settling)
    -                   pending or unknown   asked about (settling)

It costs one read of the journal, however many orders rest, a second one where the exchange's limits made it wait, and one more
where the book shows what the first did not have. What differs is found in memory, and only that is written, many orders in one
transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from functools import partial

import structlog

from app import failpoints
from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.base import Connector
from app.connectors.rows import Rows, unreadable_rows
from app.domain.enums import OrderState
from app.domain.errors import ExchangeReadError
from app.domain.lifecycle import UNSETTLED
from app.domain.order import AccountKey
from app.domain.reports import OrderReport
from app.journal.journal import Journal
from app.journal.records import StoredOrder
from app.services.exchange_accounts import ACCOUNT_AGE, ExchangeAccounts
from app.services.installation import Installations
from app.services.orders.recorder import Recorder
from app.services.reconciliations import Reconciliations
from app.services.reconciling.comparing import Comparison, compare, shown_unread
from app.services.reconciling.differences import summary
from app.services.reconciling.pacing import Pace
from app.services.reconciling.settling import Settling
from app.services.reconciling.strangers import Strangers
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Orders whose news are written at once: enough to share a transaction, and few enough for an order of a caller to come between.
_TOGETHER = 64

#: The share of an exchange's request limits that comparing may take, however many accounts there are.
_SHARE = 0.3

#: Seconds between looks at the whole book, which shows orders of ours also on pairs where the journal has none. At Binance's
#: perpetuals it costs as much as a look at forty pairs.
_WHOLE_INTERVAL = 300.0

#: How old, in seconds, the list of unsettled orders may be in which an account looks for its own: all accounts share one read.
_UNSETTLED_AGE = 1.0


class Recovery:
    """Compares the journal with exchanges."""

    def __init__(
        self,
        *,
        journal: Journal,
        recorder: Recorder,
        sessions: Sessions,
        settling: Settling,
        exchange_accounts: ExchangeAccounts,
        installations: Installations,
        reconciliations: Reconciliations,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._awaited = recorder.awaited
        self._reconciliations = reconciliations
        self._sessions = sessions
        self._settling = settling
        self._exchange_accounts = exchange_accounts
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._pace = Pace(clock, _SHARE)
        self._unsettled = Cached(clock, partial(asyncio.to_thread, journal.unsettled_orders))
        #: When the whole book of an account was last seen, in monotonic seconds; absent where a gap has come since.
        self._whole_at: dict[AccountKey, float] = {}
        #: The pairs that the last comparison of an account could not ask for.
        self._unasked: dict[AccountKey, frozenset[str]] = {}
        self._strangers = Strangers(recorder=recorder, settling=settling, installations=installations, clock=clock)

    async def reconcile(self, account: AccountKey, *, after_gap: bool = True) -> bool:
        """Bring one account's orders up to date and return whether the exchange said anything new. Where many accounts share an
        address, each waits for its turn.

        Raises what the exchange raises when it can't be asked, after everything that could be done without that answer.
        """
        with self._reconciliations.noting_failure(account):
            return await self._reconcile(account, after_gap=after_gap)

    async def _reconcile(self, account: AccountKey, *, after_gap: bool) -> bool:
        known = await self._read(account)
        self._ask_about_unsettled(known)
        connector = await self._sessions.connector(account)
        await self._exchange_accounts.name(connector, ACCOUNT_AGE)
        if after_gap:
            self._whole_at.pop(account, None)
        pairs, cost = self._next_question(account, connector, known)
        if not self._pace.take(connector.name, cost):
            await self._pace.wait(connector.name, cost)
            known = await self._read(account)
        book, unasked = await self._fetch_book(connector, pairs)
        failpoints.reach("recovery.book_answered")
        if pairs is None:
            self._whole_at[account] = self._clock.monotonic()
        self._tell_of_unasked(account, unasked)
        found = await asyncio.to_thread(compare, book, known)
        shown = found.shown | shown_unread(known, unreadable_rows(book))
        answered = None if pairs is None else set(pairs) - unasked.keys()
        asked = [stored for stored in known if answered is None or stored.order.trading_pair in answered]
        try:
            await self._record_news(connector, account, found)
        finally:
            self._ask_about_missing(asked, shown)
        told = summary(found, asked, shown, self._clock.now(), is_whole=pairs is None, unasked=unasked)
        self._reconciliations.note(account, told)
        return bool(found.news)

    def _next_question(
        self, account: AccountKey, connector: Connector, known: Iterable[StoredOrder]
    ) -> tuple[Collection[str] | None, float]:
        """The pairs to ask for, or None for the whole book, and what that takes of the exchange's request limits."""
        pairs = {stored.order.trading_pair for stored in known}
        if connector.capabilities.open_orders_by_pair:
            return pairs, len(pairs) * connector.request_share("open_orders_of_pair")
        whole = connector.request_share("open_orders")
        by_pair = len(pairs) * connector.request_share("open_orders_of_pair")
        last = self._whole_at.get(account)
        is_due = last is None or self._clock.monotonic() - last >= _WHOLE_INTERVAL
        if by_pair >= whole or (is_due and self._pace.has_room(connector.name, whole)):
            return None, whole
        return pairs, by_pair

    async def _fetch_book(
        self, connector: Connector, pairs: Collection[str] | None
    ) -> tuple[Sequence[OrderReport], Mapping[str, ExchangeReadError]]:
        """The book, and the pairs that the exchange gave no list for, such as one that it does not trade now, with its reasons.

        Such a pair does not stop the others: it is as if it had not been asked for. Raises its reason where no pair was answered.
        """
        unasked: dict[str, ExchangeReadError] = {}
        parts: list[Sequence[OrderReport]] = []
        async with asyncio.timeout(self._timeout.total_seconds()):
            if pairs is None:
                return await connector.fetch_open_orders(), unasked
            for pair in sorted(pairs):
                try:
                    parts.append(await connector.fetch_open_orders(pair))
                except ExchangeReadError as error:
                    unasked[pair] = error
        if unasked and not parts:
            raise next(iter(unasked.values()))
        book = Rows.of(
            (report for part in parts for report in part), (row for part in parts for row in unreadable_rows(part))
        )
        return book, unasked

    def _tell_of_unasked(self, account: AccountKey, unasked: Mapping[str, ExchangeReadError]) -> None:
        """Log what can't be compared, when it changes."""
        if self._unasked.get(account, frozenset()) != unasked.keys():
            self._unasked[account] = frozenset(unasked)
            why = {pair: error.detail for pair, error in unasked.items()}
            log.warning("pairs that could not be compared", **account._asdict(), pairs=why)

    async def wake_unsettled(self, account: AccountKey) -> None:
        """Pursue every pending or unknown order, whichever process left it so, whose answer is not awaited here. Asks nobody."""
        for order in await self._unsettled.get(_UNSETTLED_AGE):
            if order.key.account == account and order.key not in self._awaited:
                self._settling.wake(order.key, at_once=False)

    def is_foreign(self, account: AccountKey, report: OrderReport) -> bool:
        """Whether the report is about an order that was found to be another program's. Asks nobody."""
        return self._strangers.is_foreign(account, report)

    async def take_in(self, connector: Connector, report: OrderReport) -> None:
        """Adopt an order of which the journal knows nothing, if it is ours; remember it, if it is foreign."""
        await self._strangers.take_in(connector, report)

    async def look_up(self, account: AccountKey, reports: Collection[OrderReport]) -> Sequence[StoredOrder]:
        """What the journal has under the ids of ``reports``, in whatever state."""
        if not reports:
            return ()
        names = {report.order_id for report in reports}
        return await asyncio.to_thread(self._journal.stored_orders, account, names)

    async def _read(self, account: AccountKey) -> Sequence[StoredOrder]:
        """The orders that may be on the book as far as the journal knows, read before the exchange is asked. What is placed later
        is looked up when the book shows it.
        """
        return await asyncio.to_thread(self._journal.active_orders_of, account)

    def _ask_about_unsettled(self, known: Iterable[StoredOrder]) -> None:
        for stored in known:
            if stored.order.state in UNSETTLED and stored.key not in self._awaited:
                self._settling.wake(stored.key)

    async def _record_news(self, connector: Connector, account: AccountKey, found: Comparison) -> None:
        """Record what the book says and the journal does not know. Raises the last fault, after all else was done."""
        for _, report in found.news:
            self._strangers.forget(account, report)
        strangers = [report for report in found.unmatched if not self._strangers.is_foreign(account, report)]
        looked_up = await self.look_up(account, strangers)
        more = compare(strangers, looked_up)
        fault = await self._record_together(connector, [*found.news, *more.news])
        for report in more.unmatched:
            try:
                await self._strangers.take_in(connector, report)
            except Exception as error:  # noqa: BLE001 - one order that can't be taken in must not stop the others
                fault = _noted(report, error)
        if fault is not None:
            raise fault

    async def _record_together(
        self, connector: Connector, news: Sequence[tuple[StoredOrder, OrderReport]]
    ) -> Exception | None:
        """Record ``news``, some at a time in one transaction, and ask for missing fills. Return the last fault."""
        fault: Exception | None = None
        for start in range(0, len(news), _TOGETHER):
            part = news[start : start + _TOGETHER]
            outcomes = await asyncio.gather(
                *(self._settling.observe(stored.key, report) for stored, report in part), return_exceptions=True
            )
            for (stored, report), outcome in zip(part, outcomes, strict=True):
                try:
                    if isinstance(outcome, BaseException):
                        raise outcome
                    if outcome.missing_fills:
                        await self._settling.record(connector, stored.order, report)
                except Exception as error:  # noqa: BLE001 - one order that can't be asked about must not stop the others
                    fault = _noted(report, error)
        return fault

    def _ask_about_missing(self, known: Iterable[StoredOrder], on_book: Container[str]) -> None:
        """Ask about the orders that the journal believed open before the book was asked for, and that the book does not show."""
        for stored in known:
            order = stored.order
            if order.state is OrderState.OPEN and (
                order.order_id not in on_book or order.cancel_requested_at is not None
            ):
                self._settling.wake(order.key)


def _noted(report: OrderReport, error: Exception) -> Exception:
    log.warning("order on the book not recorded", order_id=report.order_id, error=type(error).__name__)
    return error
