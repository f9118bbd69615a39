"""What is still alive in a scope, and the evidence that nothing is: the journal's states, and the exchanges' own lists."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from msgspec import Struct

from app.connectors.rows import unreadable_rows
from app.domain.enums import OrderState
from app.domain.errors import OrdergateError
from app.domain.order import AccountKey, Order
from app.domain.reports import OrderReport
from app.domain.safety.ledger import place_of
from app.domain.safety.scope import Place, Scope
from app.journal.journal import Journal
from app.journal.records import StoredOrder
from app.services.installation import Installations
from app.services.sessions import Sessions
from app.storage.accounts import Accounts

log = structlog.get_logger(__name__)

#: Seconds that the exchanges have to show their lists.
_LIMIT = 5.0


class Alive(Struct, frozen=True, kw_only=True):
    """What of a scope's orders is not final at number ``seq`` of the journal, as of ``at``.

    ``in_flight`` are pending: their call may be under way. ``still_open`` rest at the exchange, ``cancelling`` are those of them
    whose cancel was asked for. ``is_quiet``: none of all these is left, and the exchanges show none.
    """

    at_seq: int
    in_flight: int
    cancelling: int
    still_open: int
    unknown: tuple[Order, ...]
    is_quiet: bool


class Evidence:
    """Looks at orders and exchanges."""

    def __init__(
        self,
        *,
        journal: Journal,
        accounts: Accounts,
        sessions: Sessions,
        installations: Installations,
    ) -> None:
        self._journal = journal
        self._accounts = accounts
        self._sessions = sessions
        self._installations = installations

    async def orders_of(self, scope: Scope) -> list[StoredOrder]:
        """The active orders of ``scope``, oldest first."""
        active = await asyncio.to_thread(self._journal.active_orders_of)
        return [stored for stored in active if scope.covers(place_of(stored.order))]

    async def alive(self, scope: Scope) -> Alive:
        """What is left in ``scope``. The exchanges are asked only where the journal has nothing left."""
        orders = [stored.order for stored in await self.orders_of(scope)]
        states = [order.state for order in orders]
        resting = [order for order in orders if order.state is OrderState.OPEN]
        return Alive(
            at_seq=self._journal.known_head,
            in_flight=states.count(OrderState.PENDING),
            cancelling=sum(order.cancel_requested_at is not None for order in resting),
            still_open=len(resting),
            unknown=tuple(order for order in orders if order.state is OrderState.UNKNOWN),
            is_quiet=not orders and await self._exchanges_show_none(scope),
        )

    async def _exchanges_show_none(self, scope: Scope) -> bool:
        """Whether every exchange of the scope has answered, now, that it has no order of ours there; and whether the journal still
        has none after that.
        """
        accounts = await asyncio.to_thread(self._accounts.all_credentials)
        reached = [each for each in accounts if scope.reaches(*each)]
        shown = await asyncio.gather(*(self._shows_none(account, scope) for account in reached))
        return all(shown) and not await self.orders_of(scope)

    async def _shows_none(self, account: AccountKey, scope: Scope) -> bool:
        try:
            async with asyncio.timeout(_LIMIT):
                connector = await self._sessions.connector(account)
                reports = await connector.fetch_open_orders(scope.trading_pair)
        except (OrdergateError, TimeoutError) as error:
            log.warning("no evidence", **account._asdict(), error=type(error).__name__)
            return False
        return not unreadable_rows(reports) and not await self._has_ours(account, reports, scope)

    async def _has_ours(self, account: AccountKey, reports: Sequence[OrderReport], scope: Scope) -> bool:
        """Whether one of ``reports`` is about an order in ``scope`` that this gateway has made."""
        if not reports:
            return False
        ids = [report.order_id for report in reports]
        known = await asyncio.to_thread(self._journal.stored_orders, account, ids)
        if any(scope.covers(place_of(stored.order)) for stored in known):
            return True
        named = {stored.order.order_id for stored in known} | {stored.order.ref.client_order_id for stored in known}
        installation = await self._installations.get()
        # Of an order that the journal does not know nobody can tell with which key it was placed.
        anybody = Scope(
            account_name=scope.account_name, connector_name=scope.connector_name, trading_pair=scope.trading_pair
        )
        return any(
            report.order_id not in named
            and installation.has_made(report.order_id)
            and anybody.covers(Place(*account, report.trading_pair))
            for report in reports
        )
