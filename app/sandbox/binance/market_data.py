"""The public endpoints of both markets: books, trades, candles, tickers. Each market adds its own and its own rows' members."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.paper.candles import PaperTicker
from app.paper.market import TapeTrade
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.endpoint import Call, Endpoint
from app.sandbox.binance.failures import ApiError, missing
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.parameters import Parameter, optional, required, symbol, time_range, whole
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.books import Books, NumberedBook
from app.sandbox.times import milliseconds

#: The default and the maximum number of rows.
_ROWS = 500
_MAX_ROWS = 1_000

SYMBOL_AND_LIMIT: tuple[Parameter, ...] = (required("symbol", symbol), optional("limit", whole))
FROM_ID: tuple[Parameter, ...] = (*SYMBOL_AND_LIMIT, optional("fromId", whole))
TIMES: tuple[Parameter, ...] = (optional("startTime", whole), optional("endTime", whole))


class MarketData(ABC):
    """The endpoints that need no account."""

    def __init__(self, venue: BinanceVenue, usage: Usage, books: Books) -> None:
        self._venue = venue
        self._usage = usage
        self._books = books

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The market's endpoints."""

    async def ping(self, call: Call) -> Row:
        return {}

    async def time(self, call: Call) -> Row:
        return {"serverTime": milliseconds(call.now)}

    async def trades(self, call: Call) -> list[Row]:
        return [self._trade(trade) for trade in await self._tape(call)]

    async def aggregate_trades(self, call: Call) -> list[Row]:
        since, until = call.values.get("startTime", 0), call.values.get("endTime", milliseconds(call.now))
        rows = [self._aggregate_trade(trade) for trade in await self._tape(call)]
        return [row for row in rows if since <= row["T"] <= until]

    async def klines(self, call: Call) -> list[list[Any]]:
        pair, interval, limit = self._pair(call), call.values["interval"], self._kline_limit(call.values)
        since, until = time_range(call.values)

        def read() -> list[list[Any]]:
            candles = self._venue.exchange.candles(
                pair.trading_pair, interval, limit=limit, start_at=since, end_at=until
            )
            return [market_rows.kline(candle, interval) for candle in candles]

        return await self._venue.run(read)

    async def day_tickers(self, call: Call) -> Any:
        return await self._for_asked(call, self._day_ticker)

    async def prices(self, call: Call) -> Any:
        return await self._for_asked(call, lambda pair: self._price(self._venue.exchange.ticker(pair.trading_pair)))

    async def book_tickers(self, call: Call) -> Any:
        return await self._for_asked(call, lambda pair: self._book_ticker(self._books.current(pair.trading_pair)))

    # The rows, on the exchange's thread.

    def _trade(self, trade: TapeTrade) -> Row:
        return market_rows.trade(trade)

    def _aggregate_trade(self, trade: TapeTrade) -> Row:
        return market_rows.aggregate_trade(trade)

    def _day_ticker(self, pair: Pair) -> Row:
        return market_rows.day_ticker(self._venue.exchange, pair.trading_pair)

    def _price(self, ticker: PaperTicker) -> Row:
        return {"symbol": symbol_of(ticker.trading_pair), "price": wire(ticker.price)}

    def _book_ticker(self, numbered: NumberedBook) -> Row:
        return market_rows.book_ticker(numbered)

    def _kline_limit(self, values: Mapping[str, Any]) -> int:
        return row_limit(values)

    # What was asked for.

    async def _for_asked(self, call: Call, row: Callable[[Pair], Row]) -> Any:
        """One row for one symbol, a list for several or all."""
        pairs = self._asked(call.values)
        rows = await self._venue.run(lambda: [row(pair) for pair in pairs])
        return rows[0] if "symbol" in call.values else rows

    async def _tape(self, call: Call) -> Sequence[TapeTrade]:
        """The market's trades from ``fromId`` on, or the last ones."""
        limit, first = row_limit(call.values), call.values.get("fromId")
        last = milliseconds(call.now) // 1_000
        count = limit if first is None else min(max(last - first + 1, 0), _MAX_ROWS)
        trades = await self._venue.run(self._venue.exchange.trades, self._pair(call).trading_pair, count)
        return trades if first is None else trades[:limit]

    def _pair(self, call: Call) -> Pair:
        return self._venue.pair(call.values["symbol"])

    def _asked(self, values: Mapping[str, Any]) -> list[Pair]:
        if "symbol" in values and "symbols" in values:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if "symbol" in values:
            return [self._venue.pair(values["symbol"])]
        if "symbols" in values:
            return [self._venue.pair(name) for name in values["symbols"]]
        return list(self._venue.symbols.pairs.values())


def row_limit(values: Mapping[str, Any]) -> int:
    """How many rows were asked for."""
    limit: int = values.get("limit", _ROWS)
    if limit == 0:
        raise missing("limit")
    return min(limit, _MAX_ROWS)
