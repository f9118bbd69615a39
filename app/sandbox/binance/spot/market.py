"""The spot market as a part of the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from aiohttp import web

from app.paper.exchange import PaperExchange
from app.paper.orders import PaperOrder
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.endpoint import Endpoint
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.limits import Limits
from app.sandbox.binance.market import BinanceMarket, Part
from app.sandbox.binance.sockets.market import MarketSockets, everything
from app.sandbox.binance.spot.account import SpotAccount
from app.sandbox.binance.spot.amendments import SpotAmendments
from app.sandbox.binance.spot.feed import SpotFeed
from app.sandbox.binance.spot.market_data import SpotMarketData
from app.sandbox.binance.spot.orders import SpotOrders
from app.sandbox.binance.spot.queries import SpotOrderQueries
from app.sandbox.binance.spot.refusals import spot_error
from app.sandbox.binance.spot.stream_events import SpotStreamEvents
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.binance.spot.wallet import NoDerivatives, Wallet
from app.sandbox.binance.spot.ws_api import SpotWsApi
from app.sandbox.binance.venue import new_id
from app.sandbox.books import Books
from app.sandbox.market import Shared
from app.sandbox.truth import truth

WS_API_PATH = "/ws-api/v3"

#: Binance's host of these streams begins with "stream", by which ccxt knows spot's addresses from those of futures.
_PATHS = {"": everything, "/stream": everything}


class SpotMarket(BinanceMarket):
    """One spot market over ``exchange``, which belongs to the caller."""

    def __init__(self, exchange: PaperExchange, shared: Shared, limits: Limits | None, *, has_futures: bool) -> None:
        venue = SpotVenue(exchange, shared.clock)
        super().__init__(venue, shared, limits or Limits())
        self._spot_venue = venue
        self._has_futures = has_futures
        self._books = Books(exchange)
        self._feed = SpotFeed(venue)
        events = SpotStreamEvents(venue, self._books)
        self.market_sockets = MarketSockets(venue, events, shared.faults, shared.connections, _PATHS)

    async def truth(self) -> dict[str, Any]:
        snapshot = await self._venue.run(self._venue.exchange.snapshot)
        return truth(snapshot, self._shared.keys, self._venue.symbols.wire_id)

    def _amended(self, order: PaperOrder, amount: Decimal) -> None:
        # Every other order keeps its client id, as an owner may ask for.
        keeps = order.exchange_order_id % 2 == 0
        self._spot_venue.amend(order, amount, self._spot_venue.named(order).client_order_id if keeps else new_id())

    def _error_of(self, refusal: PaperRefusal) -> ApiError:
        return spot_error(refusal)

    def _parts(self) -> Iterable[Part]:
        yield SpotOrders(self._spot_venue)
        yield SpotAmendments(self._spot_venue)
        yield SpotOrderQueries(self._spot_venue)
        yield SpotAccount(self._spot_venue, self.usage)
        yield SpotMarketData(self._venue, self.usage, self._books)
        yield Wallet(self._spot_venue)
        yield NoDerivatives("/dapi/v1/exchangeInfo")
        if not self._has_futures:
            yield NoDerivatives("/fapi/v1/exchangeInfo")

    def _socket_routes(self, endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
        shared = self._shared
        ws_api = SpotWsApi(
            WS_API_PATH,
            endpoints,
            self._feed,
            gate=self._gate,
            faults=shared.faults,
            connections=shared.connections,
        )
        return ws_api.routes()
