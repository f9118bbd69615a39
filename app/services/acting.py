"""The gateway as one caller sees it: what handlers get.

Verbs that change orders are guarded and carry who asked for them. What a caller may not see is refused or left out here
(``app.services.bounded``), so that no handler has to think of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.clock import Clock
from app.domain.acting import Acting
from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.enums import Environment, Scope
from app.domain.errors import MissingScope
from app.domain.order import Order, OrderKey, OrderRequest
from app.journal.units.guard import Guard, Guards
from app.services.accounts.accounts import AccountAdmin
from app.services.accounts.console_sessions import ConsoleSessions
from app.services.accounts.directory import Directory
from app.services.accounts.keys import ApiKeys
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.bounded.accounts import (
    CallersAccounts,
    CallersPortfolio,
    CallersPositions,
    CallersPositionSettings,
)
from app.services.bounded.approvals import OPERATION, CallersApprovals
from app.services.bounded.bounds import Bounds
from app.services.bounded.keys import CallersKeys
from app.services.bounded.markets import CallersRates
from app.services.bounded.records import CallersAudit, CallersEvents, CallersHistory
from app.services.bounded.safety import CallersSafety
from app.services.catalog import Catalog
from app.services.event_streams import EventStreams
from app.services.gauges import Gauges
from app.services.history import History
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.rates import Rates
from app.services.orders.placed import Placed
from app.services.orders.placing import Orders
from app.services.orders.previewing import Preview, Previews
from app.services.reconciliations import Reconciliations
from app.services.reconciling.resolving import Resolution, Resolving
from app.services.safety.approving import Approving
from app.services.safety.safety import Safety
from app.storage.audit_log import AuditLog


class CallersOrders:
    """The verbs on orders, for one caller."""

    def __init__(
        self,
        orders: Orders,
        previews: Previews,
        resolving: Resolving,
        history: History,
        guards: Guards,
        bounds: Bounds,
        acting: Acting,
    ) -> None:
        self._orders = orders
        self._previews = previews
        self._resolving = resolving
        self._history = history
        self._guards = guards
        self._bounds = bounds
        self._acting = acting

    async def place(self, request: OrderRequest, preview_token: str | None = None) -> Placed:
        """Place an order, as ``Orders.place`` does. Raises ``OutOfBounds`` or ``WrongEnvironment`` before anything is looked at."""
        return await self._orders.place(request, self._placing(request), preview_token=preview_token)

    async def preview(self, request: OrderRequest, *, asks_exchange: bool) -> Preview:
        """Preview an order, as ``Previews.preview`` does. Raises as ``place`` does where the order is out of bounds. Who may read
        and not place sees that among the refusals.
        """
        guard = self._placing(request)
        lacks = Scope.ORDERS_PLACE not in self._acting.caller.scopes
        return await self._previews.preview(
            request,
            guard,
            asks_exchange=asks_exchange,
            objections=(MissingScope(Scope.ORDERS_PLACE),) if lacks else (),
        )

    def _placing(self, request: OrderRequest) -> Guard:
        self._bounds.check(
            account_name=request.account_name,
            connector_name=request.connector_name,
            trading_pair=request.trading_pair,
        )
        return self._guards.placing(self._acting.caller, self._acting.actor, self._acting.note_audited)

    async def cancel(self, key: OrderKey) -> Order:
        """Cancel an order, as ``Orders.cancel`` does. One out of bounds is not found."""
        self._bounds.check(account_name=key.account_name, connector_name=key.connector_name)
        if not self._bounds.is_whole:
            history = CallersHistory(self._history, self._bounds)
            await history.get(key.order_id, account_name=key.account_name, connector_name=key.connector_name)
        return await self._orders.cancel(key, self._guarded("trading.cancel_order"))

    def next_question_at(self, key: OrderKey) -> datetime | None:
        """When this process asks the exchange about an order next, as ``Resolving.next_question_at`` says."""
        return self._resolving.next_question_at(key)

    async def resolve(self, key: OrderKey, said: Resolution) -> Order:
        """Record an operator's word about an order, as ``Resolving.resolve`` does. Raises ``OwnHold`` to a key that places."""
        self._bounds.check(account_name=key.account_name, connector_name=key.connector_name)
        acting = self._acting
        guard = self._guards.resolving(acting.caller, acting.actor, acting.note_audited)
        return await self._resolving.resolve(key, said, guard)

    def _guarded(self, operation: str) -> Any:
        acting = self._acting
        return self._guards.ending(acting.caller, acting.actor, operation, acting.note_audited)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services as they are for nobody in particular."""

    accounts: AccountAdmin
    approving: Approving
    audit_log: AuditLog
    books: Books
    catalog: Catalog
    clock: Clock
    console_sessions: ConsoleSessions
    directory: Directory
    environments: Mapping[str, Environment]
    event_streams: EventStreams
    gauges: Gauges
    guards: Guards
    history: History
    keys: ApiKeys
    market_data: MarketData
    orders: Orders
    portfolio: Portfolio
    previews: Previews
    position_settings: PositionSettings
    positions: Positions
    rates: Rates
    reconciliations: Reconciliations
    resolving: Resolving
    safety: Safety


class ActingGateway:
    """The services for one caller. Each is made when it is asked for, since a request asks for one or two."""

    __slots__ = ("_services", "acting", "bounds")

    def __init__(self, services: Services, acting: Acting) -> None:
        self._services = services
        self.acting = acting
        self.bounds = Bounds(acting.caller, services.environments)

    def check_named(self, arguments: Any) -> None:
        """Raise ``OutOfBounds`` or ``WrongEnvironment`` if ``arguments`` name what the caller may not touch."""
        if not self.bounds.is_whole:
            self.bounds.check_named(arguments)

    def environment_of(self, connector_name: str) -> Environment:
        """What a connector trades with; one that is gone counts as live."""
        return self._services.environments.get(connector_name, Environment.LIVE)

    @property
    def orders(self) -> CallersOrders:
        of = self._services
        return CallersOrders(of.orders, of.previews, of.resolving, of.history, of.guards, self.bounds, self.acting)

    @property
    def accounts(self) -> CallersAccounts:
        return CallersAccounts(self._services.accounts, self.bounds, self._record, self.acting.note_audited)

    @property
    def keys(self) -> CallersKeys:
        return CallersKeys(self._services.keys, self.acting.caller, self._record, self.acting.note_audited)

    @property
    def safety(self) -> CallersSafety:
        return CallersSafety(
            self._services.safety, self.acting.caller, self.bounds, self._record, self.acting.note_audited
        )

    @property
    def approvals(self) -> CallersApprovals:
        of = self._services
        acting = self.acting
        guard = of.guards.ending(acting.caller, acting.actor, OPERATION, acting.note_audited)
        return CallersApprovals(of.approving, of.directory, self.bounds, guard, acting, self._record)

    @property
    def history(self) -> CallersHistory:
        return CallersHistory(self._services.history, self.bounds)

    @property
    def event_streams(self) -> CallersEvents:
        return CallersEvents(self._services.event_streams, self.bounds)

    @property
    def audit_log(self) -> CallersAudit:
        return CallersAudit(self._services.audit_log, self.acting.caller, self.bounds)

    @property
    def portfolio(self) -> CallersPortfolio:
        return CallersPortfolio(self._services.portfolio, self.bounds)

    @property
    def positions(self) -> CallersPositions:
        return CallersPositions(self._services.positions, self.bounds)

    @property
    def rates(self) -> CallersRates:
        return CallersRates(self._services.rates, self.bounds, self._record, self.acting.note_audited)

    # What these are asked names its connector and pair, which ``check_named`` has looked at.

    @property
    def books(self) -> Books:
        return self._services.books

    @property
    def catalog(self) -> Catalog:
        return self._services.catalog

    @property
    def clock(self) -> Clock:
        return self._services.clock

    @property
    def gauges(self) -> Gauges:
        return self._services.gauges

    @property
    def market_data(self) -> MarketData:
        return self._services.market_data

    @property
    def reconciliations(self) -> Reconciliations:
        return self._services.reconciliations

    @property
    def position_settings(self) -> CallersPositionSettings:
        return CallersPositionSettings(self._services.position_settings, self._record)

    async def begin_console_session(self, code: str | None) -> tuple[Caller, str]:
        """As ``ConsoleSessions.begin``, for the caller."""
        caller = self.acting.caller
        record = self._record("console.sign_in", caller.name)
        return await self._services.console_sessions.begin(caller, code, record)

    async def end_console_session(self) -> None:
        """As ``ConsoleSessions.end``, for the caller."""
        caller = self.acting.caller
        await self._services.console_sessions.end(caller, self._record("console.sign_out", caller.name))

    def _record(self, operation: str, about: str) -> AuditRecord:
        return self.acting.record(self.clock.now(), operation, about)
