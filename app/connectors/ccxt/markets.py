"""What the markets of one exchange of the family are asked, with or without an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from app.clock import Clock
from app.connectors.base import Connector, ConnectorContext
from app.connectors.ccxt import reports
from app.connectors.ccxt.row import Row
from app.connectors.ccxt.rules import contract_size
from app.connectors.ccxt.venue import CcxtVenue
from app.connectors.common.judging import reading
from app.connectors.common.lists import of_object, read_rows
from app.connectors.common.numbers import mapping, milliseconds_of
from app.domain.errors import ExchangeReadError, OrderRefused, UnsupportedFeature
from app.domain.markets.trading_rule import TradingRule
from app.domain.reports import Candle, OrderBook, PublicTrade, Ticker
from app.settings import Settings

#: The most rows that are asked of a list; one that is as long as that may lack some.
PAGE = 100

#: What ccxt calls the questions that some of its classes don't have.
_FEATURES = {
    "fetch_order_book": "fetchOrderBook",
    "fetch_funding_rate": "fetchFundingRate",
    "fetch_trades": "fetchTrades",
}


class CcxtMarkets(Connector):
    """The markets of the exchange of ``row``."""

    row: ClassVar[Row]

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        assert isinstance(context.venue, CcxtVenue), "the connector lives on the venue that open_venue made"
        self.venue = context.venue

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> CcxtVenue:
        return CcxtVenue(cls.row, settings, clock)

    @classmethod
    async def close_venue(cls, venue: CcxtVenue) -> None:
        await venue.close()

    @classmethod
    def headroom(cls, venue: CcxtVenue) -> float:
        return venue.limits.headroom

    @classmethod
    def unreadable(cls, venue: CcxtVenue) -> Mapping[str, int]:
        return venue.odd_rows.counts

    @classmethod
    def problem(cls, venue: CcxtVenue) -> str | None:
        return venue.problem

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        return (await self.venue.markets(max_age)).rules

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        payload = await self._public(trading_pair, "fetch_ticker")
        with self._reading():
            scale = self._scale(trading_pair) if self.row.ticker_in_contracts else Decimal(1)
            return reports.ticker(mapping(payload), trading_pair, self.venue.server_clock.now(), scale)

    async def fetch_order_book(self, trading_pair: str, depth: int) -> OrderBook:
        payload = await self._public(trading_pair, "fetch_order_book", None)
        with self._reading():
            scale = self._scale(trading_pair)
            return reports.order_book(mapping(payload), trading_pair, depth, self.venue.server_clock.now(), scale)

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        payload = await self._public(trading_pair, "fetch_trades", None, min(limit, PAGE))
        with self._reading():
            read = partial(reports.public_trade, trading_pair=trading_pair, scale=self._scale(trading_pair))
            found = read_rows(payload, of_object(read))
        self.venue.odd_rows.note("market trades", found.unreadable)
        return found[-limit:]

    async def fetch_candles(
        self,
        trading_pair: str,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[Candle]:
        wanted = min(limit, self.capabilities.candles_page)
        client = await self.venue.public_client()
        since = None if start_at is None else milliseconds_of(start_at)
        if since is None and end_at is not None:
            since = milliseconds_of(end_at) - (wanted - 1) * 1000 * int(client.api.parse_timeframe(interval))
        payload = await self._public(trading_pair, "fetch_ohlcv", interval, since, wanted)
        with self._reading():
            scale = Decimal(1) if self.row.candles_in_base else self._scale(trading_pair)
            found = read_rows(payload, partial(reports.candle, scale=scale))
        self.venue.odd_rows.note("candles", found.unreadable)
        kept = sorted(
            (each for each in found if end_at is None or each.opened_at <= end_at), key=lambda each: each.opened_at
        )
        return kept[:wanted] if start_at is not None else kept[-wanted:]

    def _demand(self, client: Any, feature: str | None) -> None:
        """Raise ``UnsupportedFeature`` where the library can't do ``feature`` on this exchange."""
        if feature is not None and not any(client.api.has.get(name) for name in (feature, f"{feature}s")):
            raise UnsupportedFeature(f"{self.row.title} can't be asked for it through ccxt: {feature}")

    def _reading(self) -> Any:
        return reading(self.row.title)

    def _symbol(self, trading_pair: str) -> str:
        """The library's name of the pair. Raises ``ExchangeReadError`` where the exchange does not list it: its two assets would
        name a pair of another market of the same exchange, which knows nothing of our orders.
        """
        symbol = self.venue.known_markets.symbols.get(trading_pair)
        if symbol is None:
            raise self._unlisted(trading_pair)
        return symbol

    def _scale(self, trading_pair: str) -> Decimal:
        """What of the base one unit of the exchange's amounts is. Raises ``ExchangeReadError`` where the exchange does not list the
        pair; the library may know that a moment before the rules do.
        """
        market = self.venue.known_api_markets.get(self._symbol(trading_pair))
        if market is None:
            raise self._unlisted(trading_pair)
        return contract_size(market)

    def _unlisted(self, trading_pair: str) -> ExchangeReadError:
        return ExchangeReadError(f"{self.row.title} does not list {trading_pair} now")

    async def _public(self, trading_pair: str, verb: str, *arguments: Any) -> Any:
        markets = await self.venue.listed(trading_pair, self.name)
        client = await self.venue.public_client()
        self._demand(client, _FEATURES.get(verb))
        question = client.asked(verb=verb, arguments=(markets.symbol(trading_pair), *arguments))
        try:
            return await self.venue.read(question)
        except OrderRefused as error:  # the library has no way to ask it
            raise UnsupportedFeature(error.detail) from error
