"""The futures market's public endpoints: spot's with other rows, and what only futures have, the mark price and funding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.paper.pairs import Pair
from app.paper.perpetual.orders import FundingTerms
from app.sandbox.binance import market_rows
from app.sandbox.binance.futures.info import futures_info
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.spot.market import MarketData
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import Books
from app.sandbox.endpoint import Call, Endpoint, weighing, weighing_by
from app.sandbox.failures import ApiError
from app.sandbox.limits import Usage
from app.sandbox.parameters import Parameter, anything, optional, required, symbol, whole
from app.sandbox.times import milliseconds, moment

#: The depths that there are, and the usual one.
_DEPTHS = (5, 10, 20, 50, 100, 500, 1_000)
_DEPTH = 500

_MOST_KLINES = 1_500
_KLINES = 500
_MOST_FUNDINGS = 1_000
_FUNDINGS = 100

#: What longs pay shorts in an interval while mark and index are equal.
_INTEREST = "0.00010000"

#: What spot's tickers have and futures' do not.
_SPOT_ONLY = ("prevClosePrice", "bidPrice", "bidQty", "askPrice", "askQty")

_SYMBOL: tuple[Parameter, ...] = (optional("symbol", symbol),)
_SYMBOL_AND_LIMIT: tuple[Parameter, ...] = (required("symbol", symbol), optional("limit", whole))
_TIMES: tuple[Parameter, ...] = (optional("startTime", whole), optional("endTime", whole))


class FuturesMarketData(MarketData):
    """The endpoints that need no account."""

    _venue: FuturesVenue

    def __init__(self, venue: FuturesVenue, usage: Usage, books: Books) -> None:
        super().__init__(venue, usage, books)
        self._futures = venue.exchange

    def endpoints(self) -> Sequence[Endpoint]:
        klines = (*_SYMBOL_AND_LIMIT, required("interval", anything), *_TIMES)
        from_id = (*_SYMBOL_AND_LIMIT, optional("fromId", whole))
        fundings = (*_SYMBOL, optional("limit", whole), *_TIMES)
        by_symbol = weighing_by("symbol", present=1, absent=2)
        return (
            _get("ping", self.ping, (), weighing(1)),
            _get("time", self.time, (), weighing(1)),
            _get("exchangeInfo", self.info, (), weighing(1)),
            _get("depth", self.depth, _SYMBOL_AND_LIMIT, weighing(10)),
            _get("trades", self.trades, _SYMBOL_AND_LIMIT, weighing(5)),
            _get("historicalTrades", self.trades, from_id, weighing(20)),
            _get("aggTrades", self.aggregate_trades, (*from_id, *_TIMES), weighing(20)),
            _get("klines", self.klines, klines, weighing(5)),
            _get("ticker/24hr", self.day_tickers, _SYMBOL, weighing_by("symbol", present=1, absent=40)),
            _get("ticker/price", self.prices, _SYMBOL, by_symbol),
            _get("ticker/price", self.prices, _SYMBOL, by_symbol, "v2"),
            _get("ticker/bookTicker", self.book_tickers, _SYMBOL, by_symbol),
            _get("premiumIndex", self.premium, _SYMBOL, by_symbol),
            _get("fundingRate", self.fundings, fundings, weighing(1)),
            _get("fundingInfo", self.funding_info, (), weighing(1)),
        )

    async def info(self, call: Call) -> dict[str, Any]:
        return futures_info(list(self._futures.pairs.values()), self._usage, call.now)

    async def depth(self, call: Call) -> dict[str, Any]:
        pair, limit = self._pair(call), call.values.get("limit", _DEPTH)
        if limit not in _DEPTHS:
            raise ApiError(-4021, "Invalid depth limit.")
        numbered = await self._venue.run(self._books.look, pair.trading_pair)
        now = milliseconds(call.now)
        return {**market_rows.depth(numbered, limit), "E": now, "T": now}

    async def trades(self, call: Call) -> list[dict[str, Any]]:
        return [_without(row, ("isBestMatch",)) for row in await super().trades(call)]

    async def aggregate_trades(self, call: Call) -> list[dict[str, Any]]:
        return [_without(row, ("M",)) for row in await super().aggregate_trades(call)]

    async def klines(self, call: Call) -> list[list[Any]]:
        values, pair, interval = call.values, self._pair(call), call.values["interval"]
        since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))
        limit = min(values.get("limit", _KLINES), _MOST_KLINES)

        def read() -> list[list[Any]]:
            candles = self._futures.candles(pair.trading_pair, interval, limit=limit, start_at=since, end_at=until)
            return [market_rows.kline(candle, interval) for candle in candles]

        return await self._venue.run(read)

    async def day_tickers(self, call: Call) -> Any:
        def row(pair: Pair) -> dict[str, Any]:
            name = pair.trading_pair
            return _without(market_rows.day_ticker(self._futures, self._books.look(name), name), _SPOT_ONLY)

        return await self._for_asked(call, row)

    async def prices(self, call: Call) -> Any:
        def row(pair: Pair) -> dict[str, Any]:
            ticker = self._futures.ticker(pair.trading_pair)
            return {
                "symbol": symbol_of(pair.trading_pair),
                "price": wire(ticker.price),
                "time": milliseconds(ticker.at),
            }

        return await self._for_asked(call, row)

    async def book_tickers(self, call: Call) -> Any:
        def row(pair: Pair) -> dict[str, Any]:
            numbered = self._books.look(pair.trading_pair)
            told = {"lastUpdateId": numbered.update_id, "time": milliseconds(numbered.book.at)}
            return {**market_rows.book_ticker(numbered), **told}

        return await self._for_asked(call, row)

    async def premium(self, call: Call) -> Any:
        now = milliseconds(call.now)

        def row(pair: Pair) -> dict[str, Any]:
            return premium_row(self._futures.funding_terms(pair.trading_pair), now)

        return await self._for_asked(call, row)

    async def fundings(self, call: Call) -> list[dict[str, Any]]:
        """Of one symbol or of all, oldest first; the last ones where no time is named."""
        values = call.values
        since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))
        limit = min(values.get("limit", _FUNDINGS), _MOST_FUNDINGS)
        rows = [
            {
                "symbol": symbol_of(pair.trading_pair),
                "fundingRate": wire(past.rate),
                "fundingTime": milliseconds(past.at),
                "markPrice": wire(past.mark_price),
            }
            for pair in self._asked(values)
            for past in self._futures.past_fundings(pair.trading_pair, since=since, until=until, limit=limit)
        ]
        rows.sort(key=_funding_time)
        return rows[:limit] if since is not None else rows[-limit:]

    async def funding_info(self, call: Call) -> list[dict[str, Any]]:
        """Nothing: it lists the symbols that are funded at other times than all."""
        return []


def premium_row(terms: FundingTerms, now: int) -> dict[str, Any]:
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


def _get(
    name: str,
    answer: Callable[[Call], Any],
    parameters: Sequence[Parameter],
    weigh: Callable[[Mapping[str, str]], int],
    version: str = "v1",
) -> Endpoint:
    return Endpoint(method="GET", path=f"/fapi/{version}/{name}", answer=answer, parameters=parameters, weigh=weigh)


def _without(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _funding_time(row: Mapping[str, Any]) -> int:
    at: int = row["fundingTime"]
    return at
