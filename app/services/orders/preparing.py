"""What comes before the intent of an order: finding an earlier one, the checks, and its terms as they are sent.

Placing and previewing share it, so that a preview tells what placing does. What is written of an order that is ready, its
intent or nothing, is passed in; nothing here sends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol, TypeVar

from app.clock import Clock
from app.concurrency.threads import Threads
from app.connectors.base import Connector
from app.domain.enums import EventKind
from app.domain.ids import new_order_id
from app.domain.lifecycle import FIRST_STATE
from app.domain.order import Order, OrderKey, OrderRequest
from app.domain.safety.admission import Admission
from app.domain.wire_ids import wire_id
from app.journal.journal import Journal
from app.journal.reading.approvals import Approvals
from app.journal.records import Opened
from app.journal.units.guard import Guard
from app.services.installation import Installations
from app.services.markets.rules import Rules
from app.services.orders.admitting import Admissions, Admitted
from app.services.orders.checks import check_options
from app.services.sessions import Sessions

T_co = TypeVar("T_co", covariant=True)


class Write(Protocol[T_co]):
    """What is done with an order that is ready: its intent is written, or only weighed."""

    async def __call__(
        self, order: Order, *, credentials_version: int | None, guard: Guard, admission: Admission
    ) -> T_co: ...


class Preparing:
    """Makes orders of requests."""

    def __init__(
        self,
        *,
        journal: Journal,
        sessions: Sessions,
        rules: Rules,
        admissions: Admissions,
        installations: Installations,
        threads: Threads,
        clock: Clock,
        random_bits: Callable[[int], int],
    ) -> None:
        self._journal = journal
        self._approvals = Approvals(journal.database)
        self._sessions = sessions
        self._rules = rules
        self._admissions = admissions
        self._installations = installations
        #: This installation's name in the ids of its orders, once it was asked for.
        self._installation: str | None = None
        self._threads = threads
        self._clock = clock
        self._random_bits = random_bits

    async def earlier(self, request: OrderRequest) -> Order | None:
        """The order that has the request's idempotency key or client order id. A request with neither costs no query."""
        account, connector = request.account_name, request.connector_name
        if request.idempotency_key is not None:
            found = await self._threads.run(
                self._journal.find_by_idempotency_key, account, connector, request.idempotency_key
            )
            if found is not None:
                return found
        if request.client_order_id is not None:
            key = OrderKey(account_name=account, connector_name=connector, order_id=request.client_order_id)
            return await self._threads.run(self._journal.find_order, key)
        return None

    async def held(self, request: OrderRequest) -> Opened | None:
        """What has the request's idempotency key or client order id by now: an approval that waits for the same terms, or an order.

        An approval that is given becomes the order in one transaction, so they are looked for in this order.
        """
        approval = await self._threads.run(self._approvals.waiting_for, request)
        if approval is not None:
            now = self._clock.now()
            order_id = request.client_order_id or await self._new_order_id(now)
            return Opened(order=intended(request, order_id=order_id, at=now, terms=request.terms()), approval=approval)
        order = await self.earlier(request)
        return None if order is None else Opened(order=order)

    async def checked(self, request: OrderRequest, connector: Connector) -> OrderRequest:
        """``request`` as it may be sent, quantised. Raises what the connector's options and the pair's rules refuse."""
        check_options(request, connector.capabilities)
        return await self._rules.checked(request)

    async def write(
        self, connector: Connector, request: OrderRequest, guard: Guard, terms: str, write: Write[T_co]
    ) -> tuple[Connector, T_co]:
        """Do ``write`` with the order that ``request``, which is checked, becomes. Return what it returned, and the connector with
        the credentials that were the account's at that moment.
        """
        now = self._clock.now()
        order_id = request.client_order_id or await self._new_order_id(now)
        key_id = None if guard.actor is None else guard.actor.key_id
        wired = wire_id(connector.capabilities.wire_id, order_id)

        async def write_order(admitted: Admitted, version: int | None) -> T_co:
            order = intended(
                admitted.request,
                order_id=order_id,
                at=now,
                terms=terms,
                key_id=key_id,
                exchange_client_order_id=wired,
                reserved_price=admitted.reserved_price,
            )
            return await write(order, credentials_version=version, guard=guard, admission=admitted.admission)

        async def write_admitted(admitted: Admitted) -> tuple[Connector, T_co]:
            return await self._sessions.write_with_current_credentials(connector, partial(write_order, admitted))

        return await self._admissions.write(request, connector, key_id, write_admitted)

    async def _new_order_id(self, now: datetime) -> str:
        if self._installation is None:
            self._installation = (await self._installations.get()).name
        return new_order_id(now, self._random_bits, self._installation)


def intended(
    request: OrderRequest,
    *,
    order_id: str,
    at: datetime,
    terms: str,
    key_id: str | None = None,
    exchange_client_order_id: str | None = None,
    reserved_price: Decimal | None = None,
) -> Order:
    """The order as it is the moment before it is sent; under ``exchange_client_order_id``, where its own id does not fit."""
    return Order(
        account_name=request.account_name,
        connector_name=request.connector_name,
        order_id=order_id,
        trading_pair=request.trading_pair,
        trade_type=request.trade_type,
        order_type=request.order_type,
        amount=request.amount,
        price=request.price,
        quote_amount=request.quote_amount,
        position_action=request.position_action,
        time_in_force=request.time_in_force,
        reduce_only=request.reduce_only,
        idempotency_key=request.idempotency_key,
        terms=terms,
        state=FIRST_STATE[EventKind.INTENDED],
        created_at=at,
        updated_at=at,
        key_id=key_id,
        exchange_client_order_id=exchange_client_order_id,
        reserved_price=reserved_price,
    )
