"""The public endpoints: time, instruments, tickers, books, candles, trades and fundings.

Source: "Market" in Bybit's documentation, section "Get Instruments Info"
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import TradeType
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.margin import MAX_LEVERAGE
from app.sandbox.books import Books
from app.sandbox.bybit import rows
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, SPOT, invalid
from app.sandbox.bybit.rows import Row
from app.sandbox.bybit.venue import BybitVenue, symbol_of
from app.sandbox.common.calls import Call, Endpoint, public
from app.sandbox.common.rows import wire
from app.sandbox.times import milliseconds, moment

#: Bybit's words for the lengths of candles.
_INTERVALS = {
    "1": "1m",
    "3": "3m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "120": "2h",
    "240": "4h",
    "360": "6h",
    "720": "12h",
    "D": "1d",
    "W": "1w",
    "M": "1M",
}

_DAY = timedelta(days=1)


class MarketData:
    """The endpoints that need no key."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories
        self._books = {name: Books(venue.exchange) for name, venue in categories.venues.items()}

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            public("/v5/market/time", self.time),
            public("/v5/market/instruments-info", self.instruments),
            public("/v5/market/tickers", self.tickers),
            public("/v5/market/orderbook", self.book),
            public("/v5/market/kline", self.candles),
            public("/v5/market/recent-trade", self.trades),
            public("/v5/market/funding/history", self.fundings),
        )

    async def time(self, call: Call) -> Row:
        now = milliseconds(self._categories.spot.clock.now())
        return {"timeSecond": str(now // 1_000), "timeNano": f"{now}000000"}

    async def instruments(self, call: Call) -> Row:
        if self._categories.is_empty(call) or call.text("status") not in (None, "Trading"):
            return {"category": call.required("category"), "list": [], "nextPageCursor": ""}
        venue = self._categories.of(call)
        row = _spot_row if venue.category == SPOT else _linear_row
        return {"category": venue.category, "list": [row(pair) for pair in _asked(call, venue)], "nextPageCursor": ""}

    async def tickers(self, call: Call) -> Row:
        if self._categories.is_empty(call):
            return {"category": call.required("category"), "list": []}
        venue = self._categories.of(call)

        def read() -> list[Row]:
            return [_ticker(pair, venue) for pair in _asked(call, venue)]

        return {"category": venue.category, "list": await venue.run(read)}

    async def book(self, call: Call) -> Row:
        venue = self._categories.of(call)
        symbol, limit = call.required("symbol"), call.rows(1 if venue.category == SPOT else 25, 1_000)
        name = venue.pair(symbol).trading_pair

        def read() -> Row:
            numbered = self._books[venue.category].current(name)
            now = milliseconds(numbered.book.at)
            sides = {"b": numbered.book.bids, "a": numbered.book.asks}
            levels = {
                key: [[wire(each.price), wire(each.amount)] for each in side[:limit]] for key, side in sides.items()
            }
            return {"s": symbol, **levels, "ts": now, "u": numbered.update_id, "seq": numbered.update_id, "cts": now}

        return await venue.run(read)

    async def candles(self, call: Call) -> Row:
        """Newest first, as Bybit lists them."""
        venue = self._categories.of(call)
        symbol, interval = call.required("symbol"), _INTERVALS.get(call.required("interval"))
        name = venue.pair(symbol).trading_pair
        if interval is None:
            raise invalid("Invalid period!")
        start, end, limit = call.whole("start"), call.whole("end"), call.rows(200, 1_000)

        def read() -> list[list[str]]:
            found = venue.exchange.candles(
                name,
                interval,
                limit=limit,
                start_at=None if start is None else moment(start),
                end_at=None if end is None else moment(end),
            )
            return [rows.candle_row(each) for each in reversed(found)]

        return {"category": venue.category, "symbol": symbol, "list": await venue.run(read)}

    async def trades(self, call: Call) -> Row:
        venue = self._categories.of(call)
        symbol, limit = call.required("symbol"), call.rows(60 if venue.category == SPOT else 500, 1_000)
        found = await venue.run(venue.exchange.trades, venue.pair(symbol).trading_pair, limit)
        listed = [
            {
                "execId": venue.wire_id(each.trade_id),
                "symbol": symbol,
                "price": wire(each.price),
                "size": wire(each.amount),
                "side": "Buy" if each.taker_side is TradeType.BUY else "Sell",
                "time": str(milliseconds(each.traded_at)),
                "isBlockTrade": False,
            }
            for each in reversed(found)
        ]
        return {"category": venue.category, "list": listed}

    async def fundings(self, call: Call) -> Row:
        venue = self._categories.of(call)
        exchange = venue.exchange
        if not isinstance(exchange, PaperPerpetualExchange):
            raise invalid("Illegal category")
        symbol, limit = call.required("symbol"), call.rows(200, 200)
        name = venue.pair(symbol).trading_pair
        start, end = call.whole("startTime"), call.whole("endTime")

        def read() -> list[Row]:
            since, until = (None if each is None else moment(each) for each in (start, end))
            paid = exchange.past_fundings(name, since=since, until=until, limit=limit)
            return [
                {"symbol": symbol, "fundingRate": wire(each.rate), "fundingRateTimestamp": str(milliseconds(each.at))}
                for each in reversed(paid)
            ]

        return {"category": LINEAR, "list": await venue.run(read)}


def _asked(call: Call, venue: BybitVenue) -> list[Pair]:
    symbol = call.text("symbol")
    return list(venue.listings.pairs.values()) if symbol is None else [venue.pair(symbol)]


def _spot_row(pair: Pair) -> Row:
    return {
        "symbol": symbol_of(pair.trading_pair),
        "baseCoin": pair.base,
        "quoteCoin": pair.quote,
        "innovation": "0",
        "status": "Trading" if pair.is_trading else "PreLaunch",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": wire(pair.step),
            "quotePrecision": wire(EXACT.multiply(pair.step, pair.tick)),
            "minOrderQty": wire(pair.min_amount),
            "maxOrderQty": wire(pair.max_amount),
            "minOrderAmt": wire(pair.min_notional),
            "maxOrderAmt": wire(pair.max_notional),
        },
        "priceFilter": {"tickSize": wire(pair.tick)},
    }


def _linear_row(pair: Pair) -> Row:
    return {
        "symbol": symbol_of(pair.trading_pair),
        "contractType": "LinearPerpetual",
        "status": "Trading" if pair.is_trading else "PreLaunch",
        "baseCoin": pair.base,
        "quoteCoin": pair.quote,
        "settleCoin": pair.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -int(pair.tick.normalize().as_tuple().exponent))),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": str(MAX_LEVERAGE), "leverageStep": "1"},
        "priceFilter": {
            "minPrice": wire(pair.min_price),
            "maxPrice": wire(pair.max_price),
            "tickSize": wire(pair.tick),
        },
        "lotSizeFilter": {
            "minOrderQty": wire(pair.min_amount),
            "maxOrderQty": wire(pair.max_amount),
            "maxMktOrderQty": wire(pair.max_market_amount),
            "qtyStep": wire(pair.step),
            "minNotionalValue": wire(pair.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
    }


def _ticker(pair: Pair, venue: BybitVenue) -> Row:
    """Used on the exchange's thread."""
    exchange = venue.exchange
    now, book = exchange.ticker(pair.trading_pair), exchange.book(pair.trading_pair, 1)
    day = exchange.window(pair.trading_pair, now.at - _DAY)
    row: dict[str, Any] = {
        "symbol": symbol_of(pair.trading_pair),
        "bid1Price": wire(book.bids[0].price) if book.bids else "",
        "bid1Size": wire(book.bids[0].amount) if book.bids else "",
        "ask1Price": wire(book.asks[0].price) if book.asks else "",
        "ask1Size": wire(book.asks[0].amount) if book.asks else "",
        "lastPrice": wire(now.price),
        "prevPrice24h": wire(day.open),
        "price24hPcnt": wire(
            EXACT.divide(now.price - day.open, day.open).quantize(pair.tick.scaleb(-4), context=EXACT)
        ),
        "highPrice24h": wire(max(day.high, now.price)),
        "lowPrice24h": wire(min(day.low, now.price)),
        "turnover24h": wire(now.quote_volume),
        "volume24h": wire(now.base_volume),
    }
    if not isinstance(exchange, PaperPerpetualExchange):
        return row
    terms, interest = exchange.funding_terms(pair.trading_pair), exchange.open_interest(pair.trading_pair)
    return row | {
        "markPrice": wire(terms.mark_price),
        "indexPrice": wire(terms.index_price),
        "openInterest": wire(interest),
        "openInterestValue": wire(EXACT.multiply(interest, terms.mark_price) or ZERO),
        "fundingRate": wire(terms.rate),
        "nextFundingTime": str(milliseconds(terms.next_at)),
        "deliveryTime": "0",
    }
