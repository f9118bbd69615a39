"""The gateway without one of its safeguards: ``python -m tests.chaos.sabotage SAFEGUARD`` starts such a server.

The product has no switch for this; its parts are replaced here before it starts. The violations that the checker finds then prove
that the safeguard is needed, and that the checker would find it missing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from msgspec import structs
from sqlalchemy import text

from app.connectors.base import Connector, Overloaded
from app.connectors.binance import account
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.connector import AccountCalls
from app.connectors.rows import Rows
from app.domain import observation
from app.domain.errors import ExchangeDown, ExchangeReadError, Refused
from app.domain.events import OrderEvent
from app.domain.order import Order, OrderRequest
from app.journal.batch import Batch
from app.journal.journal import Journal
from app.journal.records import Opened, StoredOrder
from app.journal.units import orders as units
from app.journal.units.guard import Guard
from app.services.exchange_accounts import ExchangeAccounts
from app.services.orders.placed import Placed
from app.services.orders.placing import Orders
from app.services.orders.preparing import Preparing, intended
from app.services.orders.recorder import Recorder
from app.services.reconciling import settling
from app.services.reconciling.settling import Settling
from app.storage import accounts

#: Binance's code for a symbol that it does not list.
_INVALID_SYMBOL = -1121


def intent_before_send() -> None:
    """The order is sent first and recorded afterwards."""

    async def place(self: Orders, request: OrderRequest, guard: Guard, token: str | None) -> Placed:
        connector = await self._sessions.connector(request.account)
        now = self._clock.now()
        order_id = await self._preparing._new_order_id(now)
        order = intended(request, order_id=order_id, at=now, terms=request.terms())
        report = await connector.submit_order(order)
        named = structs.replace(request, client_order_id=order_id)
        _, opened = await self._preparing.write(connector, named, guard, request.terms(), self._recorder.intend)
        return Placed(order=await self._record_acceptance(opened.order, report))

    Orders._place = place  # type: ignore[method-assign]


def unique_key() -> None:
    """A key may be used again for another order."""

    async def earlier(self: Preparing, request: OrderRequest) -> None:
        return None

    async def open_journal(self: Journal) -> None:
        with self.database.change() as connection:
            connection.execute(text("DROP INDEX IF EXISTS uq_orders_idempotency_key"))
        await opened(self)

    opened = Journal.open
    Journal.open = open_journal  # type: ignore[method-assign]
    Preparing.earlier = earlier  # type: ignore[method-assign,assignment]
    Batch.find_by_idempotency_key = lambda self, order: None  # type: ignore[method-assign,assignment]


def no_resend() -> None:
    """An order whose answer did not come is sent again."""
    doubt = Orders._record_doubt

    async def resend(self: Orders, order: Order, error: Exception) -> Order:
        connector: Connector = await self._sessions.connector(order.key.account)
        for _ in range(3):
            try:
                return await self._record_acceptance(order, await connector.submit_order(order))
            except Refused:
                raise
            except Exception:
                continue
        return await doubt(self, order, error)

    Orders._record_doubt = resend  # type: ignore[method-assign]


def grace_before_never_arrived() -> None:
    """The first "no such order" is believed."""
    absent = Settling._absent

    async def believe(self: Settling, connector: Any, order: Order, **more: Any) -> Any:
        connector.capabilities = replace(connector.capabilities, absence_grace=timedelta(0))
        return await absent(self, connector, order, **more)

    Settling._absent = believe  # type: ignore[method-assign]


def fill_deduplication() -> None:
    """A fill that is reported twice is counted twice. Its id is changed each time, or the database would refuse it."""
    reports = count(1)

    def everything(stored: StoredOrder, events: Sequence[OrderEvent]) -> list[OrderEvent]:
        return [
            event
            if event.fill is None
            else structs.replace(
                event,
                fill=structs.replace(event.fill, exchange_fill_id=f"{event.fill.exchange_fill_id}#{next(reports)}"),
            )
            for event in events
        ]

    units._without_known_fills = everything
    add_fills = observation._Builder.add_fills
    observation._Builder.add_fills = lambda self, known_fills: add_fills(self, frozenset())  # type: ignore[method-assign]


def overload_proves_nothing() -> None:
    """The exchange's answer that it is overloaded is taken for a refusal."""
    calls = AccountCalls.order

    async def believe(self: AccountCalls[Any], name: str, **parameters: str) -> Mapping[str, Any]:
        try:
            return await calls(self, name, **parameters)
        except Overloaded as error:
            raise ExchangeDown(str(error)) from error

    AccountCalls.order = believe  # type: ignore[method-assign]


def amendments() -> None:
    """Terms that the exchange has changed are not looked at."""
    observation._changed_terms = lambda order, report: {}


def odd_rows() -> None:
    """A list is read as a whole or not at all."""

    def all_or_nothing(payload: Any, read: Any, name: Any = None) -> Rows[Any]:
        return Rows.of([read(row) for row in payload])

    account.read_rows = all_or_nothing  # type: ignore[attr-defined]


def patience() -> None:
    """An order that was seen is missed for no longer than one that may only be late on its way; that is two seconds here."""
    settling.patience_with = lambda order, can: can.absence_grace
    _shorten_grace()


def exchange_account() -> None:
    """Whose account at the exchange the credentials open is not looked at. Patience is taken away too, since a test has no ten
    minutes.
    """

    async def anybody(self: ExchangeAccounts, connector: Any, order: Order, max_age: timedelta) -> str:
        return "anybody"

    accounts._check_orders_account = lambda *arguments: None
    ExchangeAccounts.check = anybody  # type: ignore[method-assign]
    patience()


def errors_are_no_absence() -> None:
    """That a symbol is unknown is taken for "no such order", and for an empty list. The grace is two seconds."""
    ask_order, ask = AccountCalls.ask_order, AccountCalls.ask

    async def order(self: AccountCalls[Any], name: str, **parameters: str) -> Mapping[str, Any] | None:
        try:
            return await ask_order(self, name, **parameters)
        except ExchangeReadError as error:
            return _if_unlisted(error, None)

    async def rows(self: AccountCalls[Any], name: str, **parameters: str | int) -> Any:
        try:
            return await ask(self, name, **parameters)
        except ExchangeReadError as error:
            return _if_unlisted(error, [])

    AccountCalls.ask_order, AccountCalls.ask = order, rows  # type: ignore[method-assign]
    _shorten_grace()


def repeats_before_rules() -> None:
    """A call is checked by the rules of the moment before it is known whether it was made before."""
    place = Orders._place

    async def checked_first(self: Orders, request: OrderRequest, guard: Guard, token: str | None) -> Placed:
        await self._preparing.checked(request, await self._sessions.connector(request.account))
        return await place(self, request, guard, token)

    Orders._place = checked_first  # type: ignore[method-assign]


def retried_once() -> None:
    """Everybody who repeats a call after a refusal that passes sends it, also where another has begun to."""
    retry = Recorder.retry

    async def always(self: Recorder, order: Order, *told: Any, **more: Any) -> Opened:
        return structs.replace(await retry(self, order, *told, **more), is_new=True)

    Recorder.retry = always  # type: ignore[method-assign]


def _shorten_grace() -> None:
    """Let two seconds of absence be enough, so that a test need not wait for half a minute."""
    absent = Settling._absent

    async def soon(self: Settling, connector: Any, order: Order, **more: Any) -> Any:
        connector.capabilities = replace(connector.capabilities, absence_grace=timedelta(seconds=2))
        return await absent(self, connector, order, **more)

    Settling._absent = soon  # type: ignore[method-assign]


def _if_unlisted(error: ExchangeReadError, answer: Any) -> Any:
    """``answer`` if the error is that the symbol is unknown; else it is raised."""
    if isinstance(error.__cause__, ErrorAnswer) and error.__cause__.code == _INVALID_SYMBOL:
        return answer
    raise error


SAFEGUARDS = {
    each.__name__: each
    for each in (
        intent_before_send,
        unique_key,
        no_resend,
        grace_before_never_arrived,
        fill_deduplication,
        overload_proves_nothing,
        amendments,
        odd_rows,
        patience,
        exchange_account,
        errors_are_no_absence,
        repeats_before_rules,
        retried_once,
    )
}

if __name__ == "__main__":
    from app.cli import main

    SAFEGUARDS[sys.argv[1]]()
    main(["serve"])
