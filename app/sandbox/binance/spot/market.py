"""The spot market's public endpoints: the exchange itself, books, trades, candles, tickers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.exchange_info import exchange_info
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import Books
from app.sandbox.endpoint import Call, Endpoint, weighing
from app.sandbox.failures import ApiError, missing
from app.sandbox.limits import Usage
from app.sandbox.parameters import Parameter, anything, optional, required, symbol, symbols, truth, whole, words
from app.sandbox.times import milliseconds, moment
from app.sandbox.venue import Venue

#: The most rows of each answer.
_MOST_LEVELS = 5_000
_MOST_ROWS = 1_000

#: ``depth`` weighs by how deep it looks.
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (_MOST_LEVELS, 250))

_SYMBOL_OR_SYMBOLS: tuple[Parameter, ...] = (optional("symbol", symbol), optional("symbols", symbols))
_SYMBOL_AND_LIMIT: tuple[Parameter, ...] = (required("symbol", symbol), optional("limit", whole))

Rows = Callable[[Pair], dict[str, Any]]


class MarketData:
    """The endpoints that need no account."""

    def __init__(self, venue: Venue, usage: Usage, books: Books) -> None:
        self._venue = venue
        self._exchange = venue.exchange
        self._usage = usage
        self._books = books

    def endpoints(self) -> Sequence[Endpoint]:
        kline_parameters = (
            required("symbol", symbol),
            required("interval", anything),
            optional("startTime", whole),
            optional("endTime", whole),
            optional("timeZone", words("0")),
            optional("limit", whole),
        )
        info = (*_SYMBOL_OR_SYMBOLS, optional("permissions", anything), optional("showPermissionSets", truth))
        tickers = (*_SYMBOL_OR_SYMBOLS, optional("type", words("FULL", "MINI")))
        from_id = (*_SYMBOL_AND_LIMIT, optional("fromId", whole))
        by_time = (*from_id, optional("startTime", whole), optional("endTime", whole))
        return (
            _get("ping", self.ping, (), 1, "ping"),
            _get("time", self.time, (), 1, "time"),
            _get("exchangeInfo", self.info, (*info, optional("symbolStatus", anything)), 20, "exchangeInfo"),
            _get("depth", self.depth, _SYMBOL_AND_LIMIT, _depth_weight, "depth"),
            _get("trades", self.trades, _SYMBOL_AND_LIMIT, 25, "trades.recent"),
            _get("historicalTrades", self.trades, from_id, 25, "trades.historical"),
            _get("aggTrades", self.aggregate_trades, by_time, 4, "trades.aggregate"),
            _get("klines", self.klines, kline_parameters, 2, "klines"),
            _get("uiKlines", self.klines, kline_parameters, 2, "uiKlines"),
            _get("avgPrice", self.average_price, (required("symbol", symbol),), 2, "avgPrice"),
            _get("ticker/24hr", self.day_tickers, tickers, _by_symbols(2, 80), "ticker.24hr"),
            _get("ticker/price", self.prices, _SYMBOL_OR_SYMBOLS, _by_symbols(2, 4), "ticker.price"),
            _get("ticker/bookTicker", self.book_tickers, _SYMBOL_OR_SYMBOLS, _by_symbols(2, 4), "ticker.book"),
        )

    async def ping(self, call: Call) -> dict[str, Any]:
        return {}

    async def time(self, call: Call) -> dict[str, Any]:
        return {"serverTime": milliseconds(call.now)}

    async def info(self, call: Call) -> dict[str, Any]:
        return exchange_info(self._asked(call.values), self._usage, call.now)

    async def depth(self, call: Call) -> dict[str, Any]:
        pair, limit = self._pair(call), min(call.values.get("limit", 100), _MOST_LEVELS)
        return market_rows.depth(await self._venue.run(self._books.look, pair.trading_pair), limit)

    async def trades(self, call: Call) -> list[dict[str, Any]]:
        return [market_rows.tape_trade(trade) for trade in await self._tape(call)]

    async def aggregate_trades(self, call: Call) -> list[dict[str, Any]]:
        since, until = call.values.get("startTime", 0), call.values.get("endTime", milliseconds(call.now))
        rows = [market_rows.aggregate_trade(trade) for trade in await self._tape(call)]
        return [row for row in rows if since <= row["T"] <= until]

    async def klines(self, call: Call) -> list[list[Any]]:
        values, pair, interval = call.values, self._pair(call), call.values["interval"]
        since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))

        def read() -> list[list[Any]]:
            candles = self._exchange.candles(
                pair.trading_pair, interval, limit=_rows(values), start_at=since, end_at=until
            )
            return [market_rows.kline(candle, interval) for candle in candles]

        return await self._venue.run(read)

    async def average_price(self, call: Call) -> dict[str, Any]:
        ticker = await self._venue.run(self._exchange.ticker, self._pair(call).trading_pair)
        return {"mins": 0, "price": wire(ticker.price), "closeTime": milliseconds(ticker.at)}

    async def day_tickers(self, call: Call) -> Any:
        def row(pair: Pair) -> dict[str, Any]:
            return market_rows.day_ticker(self._exchange, self._books.look(pair.trading_pair), pair.trading_pair)

        return await self._for_asked(call, row)

    async def prices(self, call: Call) -> Any:
        def row(pair: Pair) -> dict[str, Any]:
            price = self._exchange.ticker(pair.trading_pair).price
            return {"symbol": symbol_of(pair.trading_pair), "price": wire(price)}

        return await self._for_asked(call, row)

    async def book_tickers(self, call: Call) -> Any:
        return await self._for_asked(call, lambda pair: market_rows.book_ticker(self._books.look(pair.trading_pair)))

    async def _for_asked(self, call: Call, row: Rows) -> Any:
        """One row for one symbol, a list for several or all."""
        pairs = self._asked(call.values)
        rows = await self._venue.run(lambda: [row(pair) for pair in pairs])
        return rows[0] if "symbol" in call.values else rows

    async def _tape(self, call: Call) -> Sequence[Any]:
        """The market's trades from ``fromId`` on, or the last."""
        limit, first = _rows(call.values), call.values.get("fromId")
        last = milliseconds(call.now) // 1_000
        looked = limit if first is None else min(max(last - first + 1, 0), _MOST_ROWS)
        trades = await self._venue.run(self._exchange.trades, self._pair(call).trading_pair, looked)
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


def _get(
    name: str,
    answer: Callable[[Call], Any],
    parameters: Sequence[Parameter],
    weight: int | Callable[[Mapping[str, str]], int],
    ws_method: str,
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"/api/v3/{name}",
        answer=answer,
        parameters=parameters,
        weigh=weighing(weight) if isinstance(weight, int) else weight,
        ws_method=ws_method,
    )


def _rows(values: Mapping[str, Any]) -> int:
    limit: int = values.get("limit", 500)
    if limit == 0:
        raise missing("limit")
    return min(limit, _MOST_ROWS)


def _depth_weight(sent: Mapping[str, str]) -> int:
    text = sent.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdecimal() else 100
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), _DEPTH_WEIGHTS[-1][1])


def _by_symbols(one: int, all_of_them: int) -> Callable[[Mapping[str, str]], int]:
    return lambda sent: one if "symbol" in sent else all_of_them
