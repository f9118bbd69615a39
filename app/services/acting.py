"""The gateway as one caller sees it: what handlers get.

Verbs that change orders are checked and carry who asked for them. Everything that a caller may not see is left out or refused
here, so that no handler has to think of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.clock import Clock
from app.domain.caller import Actor, Caller
from app.domain.order import Order, OrderKey, OrderRequest
from app.services.accounts.accounts import AccountAdmin
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.catalog import Catalog
from app.services.event_streams import EventStreams
from app.services.gauges import Gauges
from app.services.guards import Guards
from app.services.history import History
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.rates import Rates
from app.services.orders.placed import Placed
from app.services.orders.placing import Orders
from app.services.reconciling.resolving import Resolution, Resolving


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts: the caller, and what is written down of it."""

    caller: Caller
    actor: Actor


class CallersOrders:
    """The verbs on orders, for one caller."""

    def __init__(self, orders: Orders, resolving: Resolving, guards: Guards, acting: Acting) -> None:
        self._orders = orders
        self._resolving = resolving
        self._guards = guards
        self._actor = acting.actor

    async def place(self, request: OrderRequest) -> Placed:
        """Place an order, as ``Orders.place`` does."""
        return await self._orders.place(request, self._guards.placing(self._actor))

    async def cancel(self, key: OrderKey) -> Order:
        """Cancel an order, as ``Orders.cancel`` does."""
        return await self._orders.cancel(key, self._guards.cancelling(self._actor))

    async def resolve(self, key: OrderKey, said: Resolution) -> Order:
        """Record an operator's word about an order, as ``Resolving.resolve`` does."""
        return await self._resolving.resolve(key, said, self._guards.cancelling(self._actor))


@dataclass(slots=True, kw_only=True)
class ActingGateway:
    """The services for one caller."""

    orders: CallersOrders
    # The same for everybody.
    clock: Clock
    accounts: AccountAdmin
    books: Books
    catalog: Catalog
    event_streams: EventStreams
    gauges: Gauges
    history: History
    market_data: MarketData
    portfolio: Portfolio
    position_settings: PositionSettings
    positions: Positions
    rates: Rates
