"""The public endpoints: time, status, assets, pairs, tickers, books, candles and trades.

Source: "Market Data" in Kraken's documentation
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT
from app.domain.enums import TradeType
from app.paper.exchange import PaperExchange
from app.paper.pairs import Pair
from app.sandbox.books import Books
from app.sandbox.common.calls import Call, Endpoint, public
from app.sandbox.common.rows import rounded, wire
from app.sandbox.kraken.failures import invalid
from app.sandbox.kraken.rows import Row, seconds
from app.sandbox.kraken.venue import KrakenVenue, altname_of, asset_of, pair_id_of
from app.sandbox.times import milliseconds

#: Kraken's lengths of candles in minutes.
_INTERVALS = {"1": "1m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "240": "4h", "1440": "1d", "10080": "1w"}
_CANDLES = 720

_DAY = timedelta(days=1)


class MarketData:
    """The endpoints that need no key."""

    def __init__(self, venue: KrakenVenue) -> None:
        self._venue = venue
        self._books = Books(venue.exchange)

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            public("/0/public/Time", self.time),
            public("/0/public/SystemStatus", self.status),
            public("/0/public/Assets", self.assets),
            public("/0/public/AssetPairs", self.pairs),
            public("/0/public/Ticker", self.tickers),
            public("/0/public/Depth", self.book),
            public("/0/public/OHLC", self.candles),
            public("/0/public/Trades", self.trades),
        )

    async def time(self, call: Call) -> Row:
        now = self._venue.clock.now()
        return {"unixtime": milliseconds(now) // 1_000, "rfc1123": now.strftime("%a, %d %b %y %H:%M:%S +0000")}

    async def status(self, call: Call) -> Row:
        return {"status": "online", "timestamp": self._venue.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}

    async def assets(self, call: Call) -> Row:
        shown = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
        return {
            asset_of(each): {**shown, "altname": altname_of(f"{each}-").rstrip("-")}
            for each in sorted(self._venue.exchange.assets)
        }

    async def pairs(self, call: Call) -> Row:
        fees = self._venue.exchange.fees
        return {pair_id_of(each.trading_pair): _pair(each, fees) for each in self._asked(call)}

    async def tickers(self, call: Call) -> Row:
        pairs = self._asked(call)

        def read() -> Row:
            return {pair_id_of(each.trading_pair): _ticker(each, self._venue.exchange) for each in pairs}

        return await self._venue.run(read)

    async def book(self, call: Call) -> Row:
        pair, depth = self._venue.pair(call.required("pair")), call.rows(100, 500, "count")
        numbered = await self._venue.run(self._books.current, pair.trading_pair)
        at = milliseconds(numbered.book.at) // 1_000
        sides = {"asks": numbered.book.asks, "bids": numbered.book.bids}
        levels = {
            name: [[wire(each.price), wire(each.amount), at] for each in side[:depth]] for name, side in sides.items()
        }
        return {pair_id_of(pair.trading_pair): levels}

    async def candles(self, call: Call) -> Row:
        """The last ones, oldest first: 720 at most, and those after ``since``."""
        pair, interval = self._venue.pair(call.required("pair")), _INTERVALS.get(call.text("interval") or "1")
        if interval is None:
            raise invalid("interval")
        since = call.whole("since")
        found = await self._venue.run(lambda: self._venue.exchange.candles(pair.trading_pair, interval, limit=_CANDLES))
        shown = [_candle(each) for each in found if since is None or milliseconds(each.opened_at) > since * 1_000]
        return {pair_id_of(pair.trading_pair): shown, "last": milliseconds(found[-1].opened_at) // 1_000}

    async def trades(self, call: Call) -> Row:
        """Oldest first."""
        pair, limit = self._venue.pair(call.required("pair")), call.rows(1_000, 1_000, "count")
        found = await self._venue.run(self._venue.exchange.trades, pair.trading_pair, limit)
        shown = [
            [
                wire(each.price),
                wire(each.amount),
                seconds(each.traded_at),
                "b" if each.taker_side is TradeType.BUY else "s",
                "m",
                "",
                each.trade_id,
            ]
            for each in found
        ]
        last = f"{milliseconds(found[-1].traded_at)}000000" if found else "0"
        return {pair_id_of(pair.trading_pair): shown, "last": last}

    def _asked(self, call: Call) -> list[Pair]:
        names = call.text("pair")
        if names is None:
            return list(self._venue.listings.pairs.values())
        return [self._venue.pair(each) for each in names.split(",")]


def _places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


def _pair(pair: Pair, fees: Any) -> Row:
    percent = {
        name: float(EXACT.multiply(rate, Decimal(100)))  # float: a rate for display, as Kraken writes it
        for name, rate in (("fees", fees.taker), ("fees_maker", fees.maker))
    }
    return {
        "altname": altname_of(pair.trading_pair),
        "wsname": pair.trading_pair.replace("-", "/").replace("BTC", "XBT"),
        "aclass_base": "currency",
        "base": asset_of(pair.base),
        "aclass_quote": "currency",
        "quote": asset_of(pair.quote),
        "lot": "unit",
        "pair_decimals": _places(pair.tick),
        "cost_decimals": 8,
        "lot_decimals": _places(pair.step),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        **{name: [[0, rate]] for name, rate in percent.items()},
        "fee_volume_currency": "ZUSD",
        "ordermin": wire(pair.min_amount),
        "costmin": wire(pair.min_notional),
        "tick_size": wire(pair.tick),
        "status": "online" if pair.is_trading else "cancel_only",
    }


def _ticker(pair: Pair, exchange: PaperExchange) -> Row:
    """Used on the exchange's thread."""
    now, book = exchange.ticker(pair.trading_pair), exchange.book(pair.trading_pair, 1)
    day = exchange.window(pair.trading_pair, now.at - _DAY)
    mean = rounded(EXACT.divide(now.quote_volume, now.base_volume)) if now.base_volume else now.price

    def best(side: Any) -> list[str]:
        return [wire(side[0].price), "1", wire(side[0].amount)] if side else ["0", "0", "0"]

    def twice(number: Decimal) -> list[str]:
        return [wire(number)] * 2

    return {
        "a": best(book.asks),
        "b": best(book.bids),
        "c": [wire(now.price), wire(pair.step)],
        "v": twice(now.base_volume),
        "p": twice(mean),
        "t": [1, 1],
        "l": twice(min(day.low, now.price)),
        "h": twice(max(day.high, now.price)),
        "o": wire(day.open),
    }


def _candle(candle: Any) -> list[Any]:
    mean = rounded(EXACT.divide(candle.quote_volume, candle.volume)) if candle.volume else candle.close
    numbers = (candle.open, candle.high, candle.low, candle.close, mean, candle.volume)
    return [milliseconds(candle.opened_at) // 1_000, *map(wire, numbers), 1]
