"""The futures market's public endpoints, among them the mark price and funding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.paper.candles import PaperTicker
from app.paper.pairs import Pair
from app.paper.perpetual.candles import PriceCandle, PriceKind
from app.paper.perpetual.orders import FundingTerms
from app.sandbox.binance import market_rows
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Weigh, public, weighing, weighing_by
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.futures.exchange_info import futures_info
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.market_data import FROM_ID, SYMBOL_AND_LIMIT, TIMES, MarketData
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.parameters import Parameter, anything, optional, required, symbol, time_range, whole, words
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import Books, NumberedBook
from app.sandbox.times import milliseconds

#: The allowed depths, and the default one.
_DEPTHS = (5, 10, 20, 50, 100, 500, 1_000)
_DEPTH = 500

#: The default and the maximum number of rows.
_KLINES, _MAX_KLINES = 500, 1_500
_FUNDINGS, _MAX_FUNDINGS = 100, 1_000

#: The funding rate of an interval while mark and index are equal.
_INTEREST = "0.00010000"

_SYMBOL: tuple[Parameter, ...] = (optional("symbol", symbol),)
_CONTRACT = required("contractType", words("PERPETUAL"))


class FuturesMarketData(MarketData):
    """The endpoints that need no account."""

    _venue: FuturesVenue

    def __init__(self, venue: FuturesVenue, usage: Usage, books: Books) -> None:
        super().__init__(venue, usage, books)

    def endpoints(self) -> Sequence[Endpoint]:
        klines = (*SYMBOL_AND_LIMIT, required("interval", anything), *TIMES)
        of_pair = (required("pair", symbol), *klines[1:])
        fundings = (*_SYMBOL, optional("limit", whole), *TIMES)
        by_symbol = weighing_by("symbol", present=1, absent=2)
        return (
            _get("ping", self.ping, (), weighing(1)),
            _get("time", self.time, (), weighing(1)),
            _get("exchangeInfo", self.info, (), weighing(1)),
            _get("depth", self.depth, SYMBOL_AND_LIMIT, weighing(10), ws_method="depth"),
            _get("trades", self.trades, SYMBOL_AND_LIMIT, weighing(5)),
            _get("historicalTrades", self.trades, FROM_ID, weighing(20)),
            _get("aggTrades", self.aggregate_trades, (*FROM_ID, *TIMES), weighing(20)),
            _get("klines", self.klines, klines, weighing(5)),
            _get("continuousKlines", self.continuous_klines, (*of_pair, _CONTRACT), weighing(5)),
            _get("markPriceKlines", self.price_klines(PriceKind.MARK, "symbol"), klines, weighing(5)),
            _get("indexPriceKlines", self.price_klines(PriceKind.INDEX, "pair"), of_pair, weighing(5)),
            _get("premiumIndexKlines", self.price_klines(PriceKind.PREMIUM, "symbol"), klines, weighing(5)),
            _get("openInterest", self.open_interest, (required("symbol", symbol),), weighing(1)),
            _get("ticker/24hr", self.day_tickers, _SYMBOL, weighing_by("symbol", present=1, absent=40)),
            _get("ticker/price", self.prices, _SYMBOL, by_symbol, ws_method="ticker.price"),
            _get("ticker/price", self.prices, _SYMBOL, by_symbol, "v2"),
            _get("ticker/bookTicker", self.book_tickers, _SYMBOL, by_symbol, ws_method="ticker.book"),
            _get("premiumIndex", self.premium, _SYMBOL, by_symbol),
            _get("fundingRate", self.fundings, fundings, weighing(1)),
            _get("fundingInfo", self.funding_info, (), weighing(1)),
        )

    async def info(self, call: Call) -> Row:
        return futures_info(list(self._venue.symbols.pairs.values()), self._usage, call.now)

    async def depth(self, call: Call) -> Row:
        pair, limit = self._pair(call), call.values.get("limit", _DEPTH)
        if limit not in _DEPTHS:
            raise ApiError(-4021, "Invalid depth limit.")
        numbered = await self._venue.run(self._books.current, pair.trading_pair)
        now = milliseconds(call.now)
        return {**market_rows.depth(numbered, limit), "E": now, "T": now}

    async def premium(self, call: Call) -> Any:
        now = milliseconds(call.now)

        def row(pair: Pair) -> Row:
            return premium_row(self._venue.exchange.funding_terms(pair.trading_pair), now)

        return await self._for_asked(call, row)

    async def klines(self, call: Call) -> list[list[Any]]:
        _check_interval(call)
        return await super().klines(call)

    async def continuous_klines(self, call: Call) -> list[list[Any]]:
        """A pair's candles of one kind of contract; there are perpetuals only."""
        return await self.klines(replace(call, values={**call.values, "symbol": call.values["pair"]}))

    def price_klines(self, kind: PriceKind, name: str) -> Handler:
        """Candles of a price that is no trade's, of the symbol or pair in the parameter ``name``."""

        async def klines(call: Call) -> list[list[Any]]:
            _check_interval(call)
            pair, interval = self._venue.pair(call.values[name]), call.values["interval"]
            since, until = time_range(call.values)
            limit = self._kline_limit(call.values)

            def read() -> list[list[Any]]:
                candles = self._venue.exchange.price_candles(
                    pair.trading_pair, kind, interval, limit=limit, start_at=since, end_at=until
                )
                return [_price_kline(candle, interval) for candle in candles]

            return await self._venue.run(read)

        return klines

    async def open_interest(self, call: Call) -> Row:
        pair = self._pair(call)
        amount = await self._venue.run(self._venue.exchange.open_interest, pair.trading_pair)
        return {
            "openInterest": wire(amount),
            "symbol": symbol_of(pair.trading_pair),
            "time": milliseconds(call.now),
        }

    async def fundings(self, call: Call) -> list[Row]:
        """The past fundings of one symbol or of all, oldest first; the last ones where no time is given."""
        values = call.values
        since, until = time_range(values)
        limit = min(values.get("limit", _FUNDINGS), _MAX_FUNDINGS)
        rows = [
            {
                "symbol": symbol_of(pair.trading_pair),
                "fundingRate": wire(past.rate),
                "fundingTime": milliseconds(past.at),
                "markPrice": wire(past.mark_price),
            }
            for pair in self._asked(values)
            for past in self._venue.exchange.past_fundings(pair.trading_pair, since=since, until=until, limit=limit)
        ]
        rows.sort(key=_funding_time)
        return rows[:limit] if since is not None else rows[-limit:]

    async def funding_info(self, call: Call) -> list[Row]:
        """The symbols with other funding times than usual: none."""
        return []

    def _price(self, ticker: PaperTicker) -> Row:
        return {**super()._price(ticker), "time": milliseconds(ticker.at)}

    def _book_ticker(self, numbered: NumberedBook) -> Row:
        ids = {"lastUpdateId": numbered.update_id, "time": milliseconds(numbered.book.at)}
        return {**super()._book_ticker(numbered), **ids}

    def _kline_limit(self, values: Mapping[str, Any]) -> int:
        limit: int = values.get("limit", _KLINES)
        return min(limit, _MAX_KLINES)


def premium_row(terms: FundingTerms, now: int) -> Row:
    """A row of ``premiumIndex``."""
    return {
        "symbol": symbol_of(terms.trading_pair),
        "markPrice": wire(terms.mark_price),
        "indexPrice": wire(terms.index_price),
        "estimatedSettlePrice": wire(terms.index_price),
        "lastFundingRate": wire(terms.rate),
        "interestRate": _INTEREST,
        "nextFundingTime": milliseconds(terms.next_at),
        "time": now,
    }


def _check_interval(call: Call) -> None:
    """Futures have no candles of a second. Raises ``ApiError``."""
    if call.values["interval"] == "1s":
        raise ApiError(-1120, "Invalid interval.")


def _price_kline(candle: PriceCandle, interval: str) -> list[Any]:
    """A row of candles without trades: the members of volumes are there and say nothing."""
    return [
        milliseconds(candle.opened_at),
        *(wire(price) for price in (candle.open, candle.high, candle.low, candle.close)),
        "0",
        market_rows.closing_time(candle.opened_at, interval),
        "0",
        candle.moments,
        "0",
        "0",
        "0",
    ]


def _get(
    name: str,
    answer: Handler,
    parameters: Sequence[Parameter],
    weigh: Weigh,
    version: str = "v1",
    ws_method: str | None = None,
) -> Endpoint:
    return public(f"/fapi/{version}/{name}", answer, parameters, weigh, ws_method)


def _funding_time(row: Mapping[str, Any]) -> int:
    at: int = row["fundingTime"]
    return at
