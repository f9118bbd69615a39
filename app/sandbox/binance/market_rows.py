"""Market data of the paper exchange in the form of Binance's REST answers. Plain functions, used on the exchange's thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import TradeType
from app.paper.candles import INTERVALS, PaperCandle
from app.paper.exchange import PaperExchange
from app.paper.market import Level, TapeTrade
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import NumberedBook
from app.sandbox.times import milliseconds

#: The day that a ticker looks back, in the candles it is made of.
_DAY = timedelta(days=1)
_HOURS = 24


def levels(side: Sequence[Level], limit: int | None = None) -> list[list[str]]:
    return [[wire(level.price), wire(level.amount)] for level in side[:limit]]


def depth(numbered: NumberedBook, limit: int) -> dict[str, Any]:
    """A snapshot of a book."""
    book = numbered.book
    return {"lastUpdateId": numbered.update_id, "bids": levels(book.bids, limit), "asks": levels(book.asks, limit)}


def tape_trade(trade: TapeTrade) -> dict[str, Any]:
    """A row of ``trades``."""
    return {
        "id": trade.trade_id,
        "price": wire(trade.price),
        "qty": wire(trade.amount),
        "quoteQty": wire(EXACT.multiply(trade.price, trade.amount)),
        "time": milliseconds(trade.traded_at),
        "isBuyerMaker": trade.taker_side is TradeType.SELL,
        "isBestMatch": True,
    }


def aggregate_trade(trade: TapeTrade) -> dict[str, Any]:
    """A row of ``aggTrades``: here each trade is an aggregate of one."""
    return {
        "a": trade.trade_id,
        "p": wire(trade.price),
        "q": wire(trade.amount),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": milliseconds(trade.traded_at),
        "m": trade.taker_side is TradeType.SELL,
        "M": True,
    }


def kline(candle: PaperCandle, interval: str) -> list[Any]:
    """A row of ``klines``."""
    opened = milliseconds(candle.opened_at)
    return [
        opened,
        wire(candle.open),
        wire(candle.high),
        wire(candle.low),
        wire(candle.close),
        wire(candle.volume),
        opened + INTERVALS[interval] * 1_000 - 1,
        wire(candle.quote_volume),
        candle.trades,
        wire(candle.taker_buy_volume),
        wire(candle.taker_buy_quote_volume),
        "0",
    ]


def day_ticker(exchange: PaperExchange, numbered: NumberedBook, trading_pair: str) -> dict[str, Any]:
    """``ticker/24hr``: the last day, hour by hour, and the best prices."""
    hours = exchange.candles(trading_pair, "1h", limit=_HOURS)
    now = exchange.ticker(trading_pair)
    bid, ask = _best(numbered.book.bids), _best(numbered.book.asks)
    opened = hours[0].open
    high = max(now.price, *(hour.high for hour in hours))
    low = min(now.price, *(hour.low for hour in hours))
    with localcontext(EXACT):
        change = now.price - opened
        percent = (change * 100 / opened).quantize(Decimal("0.001"))
        average = (now.quote_volume / now.base_volume).quantize(Decimal("0.00000001")) if now.base_volume else ZERO
    last_trade = exchange.trades(trading_pair, 1)[-1]
    return {
        "symbol": symbol_of(trading_pair),
        "priceChange": wire(change),
        "priceChangePercent": wire(percent),
        "weightedAvgPrice": wire(average),
        "prevClosePrice": wire(opened),
        "lastPrice": wire(now.price),
        "lastQty": wire(last_trade.amount),
        "bidPrice": wire(bid.price),
        "bidQty": wire(bid.amount),
        "askPrice": wire(ask.price),
        "askQty": wire(ask.amount),
        "openPrice": wire(opened),
        "highPrice": wire(high),
        "lowPrice": wire(low),
        "volume": wire(now.base_volume),
        "quoteVolume": wire(now.quote_volume),
        "openTime": milliseconds(now.at - _DAY),
        "closeTime": milliseconds(now.at),
        "firstId": last_trade.trade_id - _HOURS * 3_600 + 1,
        "lastId": last_trade.trade_id,
        "count": _HOURS * 3_600,
    }


def book_ticker(numbered: NumberedBook) -> dict[str, Any]:
    """``ticker/bookTicker``: the best prices."""
    bid, ask = _best(numbered.book.bids), _best(numbered.book.asks)
    return {
        "symbol": symbol_of(numbered.book.trading_pair),
        "bidPrice": wire(bid.price),
        "bidQty": wire(bid.amount),
        "askPrice": wire(ask.price),
        "askQty": wire(ask.amount),
    }


def _best(side: Sequence[Level]) -> Level:
    return side[0] if side else Level(ZERO, ZERO)
