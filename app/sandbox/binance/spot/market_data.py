"""The spot market's public endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.paper.market import TapeTrade
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Weigh, public, weighing, weighing_by
from app.sandbox.binance.failures import ApiError, missing, missing_both
from app.sandbox.binance.market_data import FROM_ID, SYMBOL_AND_LIMIT, TIMES, MarketData
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.parameters import Parameter, anything, optional, required, symbol, symbols, truth, whole, words
from app.sandbox.binance.spot.exchange_info import exchange_info
from app.sandbox.books import NumberedBook
from app.sandbox.times import milliseconds

#: The default and the maximum number of levels.
_LEVELS = 100
_MAX_LEVELS = 5_000

#: The weight of ``depth``, by its number of levels.
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (_MAX_LEVELS, 250))

_DAY = timedelta(days=1)

#: The units of a window's size, and how many there may be.
_WINDOWS = {"m": (timedelta(minutes=1), 59), "h": (timedelta(hours=1), 23), "d": (_DAY, 7)}

#: How many symbols a request for tickers may name.
_MAX_SYMBOLS = 100

_SYMBOL_OR_SYMBOLS: tuple[Parameter, ...] = (optional("symbol", symbol), optional("symbols", symbols))


class SpotMarketData(MarketData):
    """The endpoints that need no account."""

    def endpoints(self) -> Sequence[Endpoint]:
        klines = (
            required("symbol", symbol),
            required("interval", anything),
            *TIMES,
            optional("timeZone", words("0")),
            optional("limit", whole),
        )
        info = (*_SYMBOL_OR_SYMBOLS, optional("permissions", anything), optional("showPermissionSets", truth))
        tickers = (*_SYMBOL_OR_SYMBOLS, optional("type", words("FULL", "MINI")))
        windows = (*tickers, optional("windowSize", _window))
        days = (*tickers, optional("timeZone", words("0")))
        by_symbol = weighing_by("symbol", present=2, absent=4)
        by_symbol_day = weighing_by("symbol", present=2, absent=80)
        return (
            _get("ping", self.ping, (), weighing(1), "ping"),
            _get("time", self.time, (), weighing(1), "time"),
            _get("exchangeInfo", self.info, (*info, optional("symbolStatus", anything)), weighing(20), "exchangeInfo"),
            _get("depth", self.depth, SYMBOL_AND_LIMIT, _depth_weight, "depth"),
            _get("trades", self.trades, SYMBOL_AND_LIMIT, weighing(25), "trades.recent"),
            _get("historicalTrades", self.trades, FROM_ID, weighing(25), "trades.historical"),
            _get("aggTrades", self.aggregate_trades, (*FROM_ID, *TIMES), weighing(4), "trades.aggregate"),
            _get("klines", self.klines, klines, weighing(2), "klines"),
            _get("uiKlines", self.klines, klines, weighing(2), "uiKlines"),
            _get("avgPrice", self.average_price, (required("symbol", symbol),), weighing(2), "avgPrice"),
            _get("ticker/24hr", self.day_tickers, tickers, by_symbol_day, "ticker.24hr"),
            _get("ticker", self.window_tickers, windows, _tickers_weight, "ticker"),
            _get("ticker/tradingDay", self.trading_days, days, _tickers_weight, "ticker.tradingDay"),
            _get("ticker/price", self.prices, _SYMBOL_OR_SYMBOLS, by_symbol, "ticker.price"),
            _get("ticker/bookTicker", self.book_tickers, _SYMBOL_OR_SYMBOLS, by_symbol, "ticker.book"),
        )

    async def info(self, call: Call) -> Row:
        return exchange_info(self._asked(call.values), self._usage, call.now)

    async def depth(self, call: Call) -> Row:
        pair, limit = self._pair(call), min(call.values.get("limit", _LEVELS), _MAX_LEVELS)
        return market_rows.depth(await self._venue.run(self._books.current, pair.trading_pair), limit)

    async def day_tickers(self, call: Call) -> Any:
        return _of_type(call, await super().day_tickers(call))

    async def window_tickers(self, call: Call) -> Any:
        """The tickers of a window that ends now and begins with a minute, so that it is up to a minute longer than asked for."""
        size: timedelta = call.values.get("windowSize", _DAY)
        return await self._since(call, (call.now - size).replace(second=0, microsecond=0), milliseconds(call.now))

    async def trading_days(self, call: Call) -> Any:
        """The tickers of today."""
        began = call.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._since(call, began, milliseconds(began + _DAY) - 1)

    async def _since(self, call: Call, since: datetime, closes_at: int) -> Any:
        if "symbol" not in call.values and "symbols" not in call.values:
            raise missing_both("symbol", "symbols")
        if len(call.values.get("symbols", ())) > _MAX_SYMBOLS:
            raise ApiError(-1128, "Combination of optional parameters invalid.")

        def row(pair: Pair) -> Row:
            return market_rows.window_ticker(self._venue.exchange, pair.trading_pair, since, closes_at)

        return _of_type(call, await self._for_asked(call, row))

    async def average_price(self, call: Call) -> Row:
        ticker = await self._venue.run(self._venue.exchange.ticker, self._pair(call).trading_pair)
        return {"mins": 0, "price": wire(ticker.price), "closeTime": milliseconds(ticker.at)}

    def _trade(self, trade: TapeTrade) -> Row:
        return {**super()._trade(trade), "isBestMatch": True}

    def _aggregate_trade(self, trade: TapeTrade) -> Row:
        return {**super()._aggregate_trade(trade), "M": True}

    def _day_ticker(self, pair: Pair) -> Row:
        return with_best_prices(super()._day_ticker(pair), self._books.current(pair.trading_pair))


def _of_type(call: Call, tickers: Any) -> Any:
    """``tickers`` as the type asked for has them, one or a list."""
    if call.values.get("type") != "MINI":
        return tickers
    return [market_rows.mini(each) for each in tickers] if isinstance(tickers, list) else market_rows.mini(tickers)


def _window(name: str, text: str) -> timedelta:
    """A reader of a window's size: 1m to 59m, 1h to 23h, 1d to 7d."""
    match = re.fullmatch(r"([0-9]{1,2})([mhd])", text, re.ASCII)
    unit, most = _WINDOWS[match[2]] if match is not None else (timedelta(), 0)
    if match is None or not 1 <= int(match[1]) <= most:
        raise missing(name)
    return unit * int(match[1])


def with_best_prices(ticker: Row, numbered: NumberedBook) -> Row:
    """A day's ticker with the members that only spot has."""
    return {**ticker, "prevClosePrice": ticker["openPrice"], **market_rows.best_prices(numbered)}


def _get(name: str, answer: Handler, parameters: Sequence[Parameter], weigh: Weigh, ws_method: str) -> Endpoint:
    return public(f"/api/v3/{name}", answer, parameters, weigh, ws_method)


def _tickers_weight(sent: Mapping[str, str]) -> int:
    """Four per symbol, 200 at most."""
    return min(200, 4 * (sent.get("symbols", "").count(",") + 1))


def _depth_weight(sent: Mapping[str, str]) -> int:
    text = sent.get("limit", str(_LEVELS))
    limit = int(text) if text.isascii() and text.isdecimal() else _LEVELS
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), _DEPTH_WEIGHTS[-1][1])
