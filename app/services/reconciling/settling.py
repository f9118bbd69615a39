"""Settling: finding out what became of an order by asking the exchange, until there is an answer.

``settle`` asks once about one order and records what the answer proves:

    journal has            exchange says          recorded
    pending, past deadline -                      unconfirmed, then as below
    unknown                open or done           accepted, fills, the final event
    unknown                no such order          never arrived or vanished, if the proof is complete; else nothing yet
    open                   done                   missing fills first, then the final event
    open                   no such order          unconfirmed
    open, cancel asked     open, after the grace  cancel refused
    any                    can't answer           nothing

Absence is proven only by all of this together:

    1. our patience with the order has passed since its last event (``patience``);
    2. the exchange positively knows no such order, by our id nor by its own;
    3. it has no fill of the order;
    4. it does not list the order as open, and no row that can't be read may be the order;
    5. it answers for the account that the order is on.

Where the exchange can't be asked by our id, or does not say whose account it is, nothing proves absence: such orders stay unknown
and visible. A conclusion is recorded only if the order is still as it was when the exchange was asked; what came since is newer.

``wake`` pursues an order in the background (``pursuits``), ``follow`` one that the exchange has just taken (``acknowledged``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from msgspec import structs

from app import failpoints
from app.clock import Clock
from app.connectors.base import Connector
from app.connectors.rows import unreadable_rows
from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderState
from app.domain.errors import ExchangeReadError
from app.domain.fill import Fill
from app.domain.lifecycle import FINAL, UNSETTLED
from app.domain.order import Order, OrderKey
from app.domain.recognition import is_same_order
from app.domain.reports import OrderReport
from app.journal.journal import Journal
from app.services.exchange_accounts import ACCOUNT_AGE, ExchangeAccounts
from app.services.orders.recorder import Observed, Recorder
from app.services.reconciling.acknowledged import Acknowledged
from app.services.reconciling.patience import patience_with
from app.services.reconciling.pursuits import Pursuits, Settled
from app.services.sessions import Sessions
from app.settings import Settings

T = TypeVar("T")

#: How old the exchange's word on whose account it answers for may be for the proof of an absence.
_ACCOUNT_AGE_OF_PROOF = timedelta(seconds=10)
#: An order that was seen open this recently may not have reached the exchange's query yet; its absence says nothing.
_LEAVE_ALONE = timedelta(seconds=2)


class Settling:
    """Asks exchanges about orders whose fate, or fills, are not known."""

    def __init__(
        self,
        *,
        journal: Journal,
        recorder: Recorder,
        sessions: Sessions,
        exchange_accounts: ExchangeAccounts,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._recorder = recorder
        self._sessions = sessions
        self._exchange_accounts = exchange_accounts
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._pursuits = Pursuits(find=self._find, settle=self.settle, recorder=recorder, clock=clock)
        self._acknowledged = Acknowledged(
            sessions, exchange_accounts, self.observe, self._pursuits.ask_at_once, settings, clock
        )

    def wake(self, key: OrderKey, *, at_once: bool = True) -> None:
        """Pursue an order until it is settled, as ``Pursuits.wake`` says."""
        self._pursuits.wake(key, at_once=at_once)

    def follow(self, order: Order, connector: Connector) -> None:
        """Find out soon how an order stands that the exchange has taken, and with which fills."""
        if connector.capabilities.asks_together:
            self._acknowledged.add(order)
        else:
            self.wake(order.key)

    def next_question_at(self, key: OrderKey) -> datetime | None:
        """When an order is asked about next, as ``Pursuits.next_question_at`` says."""
        return self._pursuits.next_question_at(key)

    async def close(self) -> None:
        """Stop asking; what is not settled is in the journal, for the next process to take up."""
        await self._acknowledged.close()
        await self._pursuits.close()

    async def settle(self, key: OrderKey) -> Settled:
        """Ask once and record what the answer proves. Raises ``LookupError`` if the journal has no such order."""
        is_followed = key in self._acknowledged
        order = await self._find(key)
        if order.state is OrderState.PENDING:
            if self._clock.now() >= order.attempted_at + self._timeout:
                evidence = "no outcome was recorded by the deadline of the call"
                order = await self._recorder.note(
                    key, EventKind.UNCONFIRMED, "recovery", evidence=evidence, as_seen=order
                )
            # Still, or again since it was read: the deadline belongs to the attempt.
            if order.state is OrderState.PENDING:
                deadline = order.attempted_at + self._timeout
                return Settled(order=order, is_settled=False, ask_at=deadline)
        if order.state in FINAL or (is_followed and order.cancel_requested_at is None):
            # What its question with others leaves open is asked about then.
            return Settled(order=order, is_settled=True)
        connector = await self._sessions.connector(key.account)
        await self._exchange_accounts.check(connector, order, ACCOUNT_AGE)
        asked_at = self._clock.now()
        report = await self._ask(connector.fetch_order(order.ref))
        failpoints.reach("settling.exchange_answered")
        if report is None or not is_same_order(order.ref, report):
            return await self._absent(connector, order, asked_at=asked_at)
        return await self._present(connector, order, report, asked_at=asked_at)

    async def ask_now(self, key: OrderKey) -> Order:
        """Ask once and return the order as the answer leaves it. Raises what the exchange raises."""
        return (await self.settle(key)).order

    async def observe(self, key: OrderKey, report: OrderReport) -> Observed:
        """Record what the exchange, when it was asked, said of an order."""
        evidence = f"asked the exchange, which answered {report.state} with {report.filled_amount} filled"
        return await self._recorder.observe(key, report, "recovery", evidence)

    async def look_again(self, order: Order) -> Order:
        """Ask once more about an order that is taken not to be at the exchange, and return it as the answer leaves it: unchanged if
        the exchange has neither the order nor a fill of it. Raises ``ExchangeReadError`` where a row that can't be
        read may be the order, ``ExchangeAccountChanged``, and what the exchange raises.
        """
        connector = await self._sessions.connector(order.key.account)
        await self._exchange_accounts.check(connector, order, ACCOUNT_AGE)
        report = await self._ask(connector.fetch_order(order.ref))
        if report is not None and is_same_order(order.ref, report):
            return await self.record(connector, order, report)
        if fills := await self._ask(connector.fetch_fills(order.ref)):
            return (await self._only_fills(order, fills)).order
        book = await self._ask(connector.fetch_open_orders(order.trading_pair))
        for report in book:
            if is_same_order(order.ref, report):
                return await self.record(connector, order, report)
        if _may_be_unread(order, fills, book):
            raise ExchangeReadError("what can't be read of the exchange's lists may be the order")
        return order

    async def record(self, connector: Connector, order: Order, report: OrderReport) -> Order:
        """Record what the exchange says of an order, with all its fills."""
        observed = await self.observe(order.key, report)
        if not observed.missing_fills:
            return observed.order
        fills = await self._ask(connector.fetch_fills(observed.order.ref))
        failpoints.reach("settling.fills_answered")
        return (await self.observe(order.key, structs.replace(report, fills=tuple(fills)))).order

    async def _find(self, key: OrderKey) -> Order:
        order = await asyncio.to_thread(self._journal.find_order, key)
        if order is None:
            raise LookupError(f"the journal has no order {key}")
        return order

    async def _present(self, connector: Connector, order: Order, report: OrderReport, *, asked_at: datetime) -> Settled:
        order = await self.record(connector, order, report)
        has_all_fills = order.filled_amount >= report.filled_amount
        cancel_at = order.cancel_requested_at
        if order.state is not OrderState.OPEN or cancel_at is None:
            return Settled(order=order, is_settled=has_all_fills and order.state not in UNSETTLED)
        grace = connector.capabilities.absence_grace
        if grace is None or asked_at < cancel_at + grace:
            return Settled(order=order, is_settled=False, ask_at=None if grace is None else cancel_at + grace)
        evidence = f"the exchange still has it open {asked_at - cancel_at} after the cancel was sent"
        order = await self._recorder.note(
            order.key, EventKind.CANCEL_REFUSED, "recovery", evidence=evidence, as_seen=order
        )
        return Settled(order=order, is_settled=has_all_fills and order.cancel_requested_at is None)

    async def _absent(self, connector: Connector, order: Order, *, asked_at: datetime) -> Settled:
        if order.state is OrderState.OPEN:
            return await self._missing(order, asked_at=asked_at)
        patience = patience_with(order, connector.capabilities)
        if patience is None:
            return Settled(order=order, is_settled=False, is_unprovable=True)
        proof_at = order.updated_at + patience
        if asked_at < proof_at:
            return Settled(order=order, is_settled=False, ask_at=proof_at)
        fills = await self._ask(connector.fetch_fills(order.ref))
        if fills:
            return await self._only_fills(order, fills)
        book = await self._ask(connector.fetch_open_orders(order.trading_pair))
        for report in book:
            if is_same_order(order.ref, report):
                return await self._present(connector, order, report, asked_at=asked_at)
        if _may_be_unread(order, fills, book):
            return Settled(order=order, is_settled=False)
        exchange_account = await self._exchange_accounts.check(connector, order, _ACCOUNT_AGE_OF_PROOF)
        if exchange_account is None:
            return Settled(order=order, is_settled=False, is_unprovable=True)
        failpoints.reach("settling.absence_proven")
        kind = EventKind.VANISHED if order.was_seen else EventKind.NEVER_ARRIVED
        order = await self._recorder.note(
            order.key,
            kind,
            "recovery",
            reason_code=kind.value,
            reason="The exchange has no such order",
            evidence=(
                f"asked {asked_at - order.updated_at} after its last event (patience {patience}): the exchange's account"
                f" {exchange_account} knows no such order by any of its ids, lists it neither as open nor with a fill"
            ),
            as_seen=order,
        )
        return Settled(order=order, is_settled=order.state in FINAL)

    async def _missing(self, order: Order, *, asked_at: datetime) -> Settled:
        """Record that an order which was open is in doubt, because the exchange does not know it now."""
        if asked_at < order.updated_at + _LEAVE_ALONE:
            return Settled(order=order, is_settled=False, ask_at=order.updated_at + _LEAVE_ALONE)
        evidence = "the exchange knows no such order, which we had seen open"
        order = await self._recorder.note(
            order.key, EventKind.UNCONFIRMED, "recovery", evidence=evidence, as_seen=order
        )
        return Settled(order=order, is_settled=order.state in FINAL)

    async def _only_fills(self, order: Order, fills: Sequence[Fill]) -> Settled:
        """Record fills that the exchange lists of an order which it does not know. The rest of the order stays in doubt."""
        known = {trade.fill.exchange_fill_id for trade in await asyncio.to_thread(self._journal.known_fills, order.key)}
        if any(fill.exchange_fill_id not in known for fill in fills):
            report = OrderReport(
                order_id=order.order_id,
                exchange_order_id=order.exchange_order_id,
                trading_pair=order.trading_pair,
                state="open",
                filled_amount=ZERO,
                fills=tuple(fills),
            )
            evidence = "the exchange lists these fills of the order, though it does not know the order"
            order = (await self._recorder.observe(order.key, report, "recovery", evidence)).order
        return Settled(order=order, is_settled=order.state in FINAL)

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(self._timeout.total_seconds()):
            return await question


def _may_be_unread(order: Order, *lists: Sequence[object]) -> bool:
    """Whether a row that can't be read may be the order, so that its absence from the rest proves nothing."""
    return any(row.may_be(order.ref) for rows in lists for row in unreadable_rows(rows))
