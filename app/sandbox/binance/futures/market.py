"""The futures market as a part of the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from aiohttp import web

from app.paper.orders import PaperOrder
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.endpoint import Endpoint
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.futures.account import FuturesAccount
from app.sandbox.binance.futures.cancels import FuturesCancels
from app.sandbox.binance.futures.feed import FuturesFeed
from app.sandbox.binance.futures.market_data import FuturesMarketData
from app.sandbox.binance.futures.orders import FuturesOrders
from app.sandbox.binance.futures.queries import FuturesOrderQueries
from app.sandbox.binance.futures.refusals import futures_error
from app.sandbox.binance.futures.stream_events import FuturesStreamEvents
from app.sandbox.binance.futures.user_stream import FuturesSockets, ListenKeys, UserSockets
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, wire_client_id
from app.sandbox.binance.limits import Limits
from app.sandbox.binance.market import BinanceMarket, Part
from app.sandbox.binance.sockets.api import WsApi
from app.sandbox.books import Books
from app.sandbox.countdowns import Countdowns
from app.sandbox.market import Shared
from app.sandbox.truth import truth

#: The limits of a new account on Binance's USD-M market. Binance counts orders per ten seconds and minute; here also per day.
_LIMITS = Limits(weight=2_400, orders_10s=300, orders_day=200_000)

WS_API_PATH = "/ws-fapi/v1"


class FuturesMarket(BinanceMarket):
    """One futures market over ``exchange``, which belongs to the caller."""

    def __init__(self, exchange: PaperPerpetualExchange, shared: Shared, limits: Limits | None) -> None:
        venue = FuturesVenue(exchange, shared.clock)
        super().__init__(venue, shared, limits or _LIMITS)
        self._futures_venue = venue
        self._books = Books(exchange)
        self._countdowns = Countdowns(venue, venue.cancel_all)
        self._listen_keys = ListenKeys(shared.clock)
        self._feed = FuturesFeed(venue)
        self._users = UserSockets(
            self._listen_keys, self._feed, shared.clock, faults=shared.faults, connections=shared.connections
        )
        self.market_sockets = FuturesSockets(venue, FuturesStreamEvents(venue, self._books), self._users, shared)

    async def start(self) -> None:
        await super().start()
        self._countdowns.start()

    async def stop(self) -> None:
        await self._countdowns.stop()
        await super().stop()

    async def truth(self) -> dict[str, Any]:
        snapshot = await self._venue.run(self._venue.exchange.snapshot)
        return truth(
            snapshot,
            self._shared.keys,
            self._venue.symbols.wire_id,
            order_id=wire_client_id,
            is_recorded=lambda order: not is_killed(order),
        )

    def _amended(self, order: PaperOrder, amount: Decimal) -> None:
        pair = self._venue.exchange.pairs[order.trading_pair]
        price = order.limit - pair.tick if order.is_buy else order.limit + pair.tick
        self._venue.exchange.amend(None, exchange_order_id=order.exchange_order_id, amount=amount, price=price)

    def _error_of(self, refusal: PaperRefusal) -> ApiError:
        return futures_error(refusal)

    def _parts(self) -> Iterable[Part]:
        return (
            FuturesOrders(self._futures_venue),
            FuturesCancels(self._futures_venue, self._countdowns),
            FuturesOrderQueries(self._futures_venue),
            FuturesAccount(self._futures_venue, self.usage),
            FuturesMarketData(self._futures_venue, self.usage, self._books),
            self._listen_keys,
        )

    def _socket_routes(self, endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
        shared = self._shared
        ws_api = WsApi(WS_API_PATH, endpoints, gate=self._gate, faults=shared.faults, connections=shared.connections)
        return [*ws_api.routes(), *self._users.routes()]
