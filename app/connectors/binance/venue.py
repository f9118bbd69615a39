"""One market of Binance: its addresses, its client, and the questions about markets and time that all accounts share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from app.clock import Clock
from app.connectors.binance.credentials import Credentials
from app.connectors.binance.endpoints import Endpoints
from app.connectors.binance.limits import address_limits
from app.connectors.binance.market_streams import MarketReader, protocol, stream_name
from app.connectors.binance.outcomes import EXCHANGE, PERPETUAL, SPOT
from app.connectors.binance.rules import perpetual_markets, spot_markets
from app.connectors.capabilities import MarketTopic
from app.connectors.common.judging import reading
from app.connectors.common.market_streams import MarketStreams
from app.connectors.common.numbers import mapping, milliseconds_of, time
from app.connectors.common.venue import Markets, RestVenue, ServerClock
from app.domain.errors import UnsupportedFeature
from app.domain.reports import MarketEvent
from app.settings import Settings

if TYPE_CHECKING:
    from app.connectors.binance.client import BinanceClient


class BinanceVenue(RestVenue["BinanceClient"]):
    """One market of Binance as all accounts of the process see it."""

    def __init__(self, endpoints: Endpoints, settings: Settings, clock: Clock) -> None:
        server_clock = ServerClock(clock)
        outcomes = PERPETUAL if endpoints.is_perpetual else SPOT
        super().__init__(outcomes, server_clock, address_limits(server_clock), clock)
        self.endpoints = endpoints
        self._outbound = settings.outbound
        self._timeout = settings.exchange_timeout.total_seconds()
        self._clock = clock
        self._streams: dict[str, MarketStreams] = {}
        self._is_closed = False

    def new_client(self, credentials: Credentials | None) -> BinanceClient:
        """A client on the running loop; the caller closes it."""
        return self.client_class(
            self.endpoints,
            credentials,
            server_clock=self.server_clock,
            address_limits=self.limits,
            outbound=self._outbound,
            timeout=self._timeout,
        )

    async def follow(self, topic: MarketTopic, connector_name: str) -> AsyncGenerator[MarketEvent, None]:
        """What happens in a market: ``Connector.follow``. All followers of markets below one address share a connection."""
        base_url = self.endpoints.market_base(topic.kind)
        if base_url is None:
            raise UnsupportedFeature(f"Connector '{connector_name}' was given no address of market streams")
        markets = await self.listed(topic.trading_pair, connector_name)
        streams = self._streams_below(base_url)
        name = stream_name(topic, markets.symbol(topic.trading_pair))
        async with aclosing(streams.follow(name, MarketReader(topic, self.server_clock.now))) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        self._is_closed = True
        for streams in self._streams.values():
            await streams.close()
        await super().close()

    def _streams_below(self, base_url: str) -> MarketStreams:
        if base_url not in self._streams:
            self._streams[base_url] = MarketStreams(
                protocol(base_url, self._outbound), self._clock, is_closed=self._is_closed
            )
        return self._streams[base_url]

    def _import_client_class(self) -> type[BinanceClient]:
        # The sockets import websockets, and are needed soon after.
        from app.connectors.binance import sockets  # noqa: F401
        from app.connectors.binance.client import BinanceClient
        from app.connectors.common.tls import tls_context

        tls_context(self._outbound)
        return BinanceClient

    def _build_public(self) -> BinanceClient:
        return self.new_client(None)

    async def _fetch_markets(self, client: BinanceClient) -> Markets:
        is_perpetual = self.endpoints.is_perpetual
        payload = await self.read(client.futures_exchange_info() if is_perpetual else client.get_exchange_info())
        with reading(EXCHANGE):  # thousands of symbols: in a thread, so that no order waits for them
            return await asyncio.to_thread(perpetual_markets if is_perpetual else spot_markets, payload)

    async def _fetch_server_ms(self, client: BinanceClient) -> int:
        payload = await self.read(client.futures_time() if self.endpoints.is_perpetual else client.get_server_time())
        with reading(EXCHANGE):
            return milliseconds_of(time(mapping(payload), "serverTime"))
