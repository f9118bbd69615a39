"""Market data as both markets' answers have it. Pure functions, used on the exchange's thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import TradeType
from app.paper.candles import INTERVALS, PaperCandle
from app.paper.exchange import PaperExchange
from app.paper.market import Level, TapeTrade, tick_of
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import NumberedBook
from app.sandbox.times import milliseconds

Row = dict[str, Any]

#: The period of a ticker, and the hourly candles that it is made of.
_DAY = timedelta(days=1)
_HOURS = 24

#: What tickers of the type MINI leave out.
_ONLY_FULL = frozenset(
    {
        "priceChange",
        "priceChangePercent",
        "weightedAvgPrice",
        "prevClosePrice",
        "lastQty",
        "bidPrice",
        "bidQty",
        "askPrice",
        "askQty",
    }
)


def levels(side: Sequence[Level], limit: int | None = None) -> list[list[str]]:
    return [[wire(level.price), wire(level.amount)] for level in side[:limit]]


def depth(numbered: NumberedBook, limit: int) -> Row:
    """A snapshot of a book."""
    book = numbered.book
    return {"lastUpdateId": numbered.update_id, "bids": levels(book.bids, limit), "asks": levels(book.asks, limit)}


def trade(tape_trade: TapeTrade) -> Row:
    """A row of ``trades``."""
    return {
        "id": tape_trade.trade_id,
        "price": wire(tape_trade.price),
        "qty": wire(tape_trade.amount),
        "quoteQty": wire(EXACT.multiply(tape_trade.price, tape_trade.amount)),
        "time": milliseconds(tape_trade.traded_at),
        "isBuyerMaker": tape_trade.taker_side is TradeType.SELL,
    }


def aggregate_trade(tape_trade: TapeTrade) -> Row:
    """A row of ``aggTrades``; each trade is an aggregate of one."""
    return {
        "a": tape_trade.trade_id,
        "p": wire(tape_trade.price),
        "q": wire(tape_trade.amount),
        "f": tape_trade.trade_id,
        "l": tape_trade.trade_id,
        "T": milliseconds(tape_trade.traded_at),
        "m": tape_trade.taker_side is TradeType.SELL,
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
        closing_time(candle.opened_at, interval),
        wire(candle.quote_volume),
        candle.trades,
        wire(candle.taker_buy_volume),
        wire(candle.taker_buy_quote_volume),
        "0",
    ]


def closing_time(opened_at: datetime, interval: str) -> int:
    """The last millisecond of the candle that opened then."""
    return INTERVALS[interval].closes_at(tick_of(opened_at)) * 1_000 - 1


def window_ticker(exchange: PaperExchange, trading_pair: str, since: datetime, closes_at: int) -> Row:
    """The ticker of the trades from ``since`` to now, which is shown to end at ``closes_at``."""
    candle = exchange.window(trading_pair, since)
    last = exchange.trades(trading_pair, 1)[-1].trade_id
    with localcontext(EXACT):
        change = candle.close - candle.open
        percent = (change * 100 / candle.open).quantize(Decimal("0.001"))
        average = (candle.quote_volume / candle.volume).quantize(Decimal("0.00000001")) if candle.volume else ZERO
    return {
        "symbol": symbol_of(trading_pair),
        "priceChange": wire(change),
        "priceChangePercent": wire(percent),
        "weightedAvgPrice": wire(average),
        "openPrice": wire(candle.open),
        "highPrice": wire(candle.high),
        "lowPrice": wire(candle.low),
        "lastPrice": wire(candle.close),
        "volume": wire(candle.volume),
        "quoteVolume": wire(candle.quote_volume),
        "openTime": milliseconds(since),
        "closeTime": closes_at,
        "firstId": last - candle.trades + 1,
        "lastId": last,
        "count": candle.trades,
    }


def mini(ticker: Row) -> Row:
    """``ticker`` without what the type MINI leaves out."""
    return {name: value for name, value in ticker.items() if name not in _ONLY_FULL}


def day_ticker(exchange: PaperExchange, trading_pair: str) -> Row:
    """``ticker/24hr`` from the hourly candles of the last day."""
    hours = exchange.candles(trading_pair, "1h", limit=_HOURS)
    now = exchange.ticker(trading_pair)
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
        "lastPrice": wire(now.price),
        "lastQty": wire(last_trade.amount),
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


def best_prices(numbered: NumberedBook) -> Row:
    bid, ask = _best(numbered.book.bids), _best(numbered.book.asks)
    return {
        "bidPrice": wire(bid.price),
        "bidQty": wire(bid.amount),
        "askPrice": wire(ask.price),
        "askQty": wire(ask.amount),
    }


def book_ticker(numbered: NumberedBook) -> Row:
    """``ticker/bookTicker``: the best prices."""
    return {"symbol": symbol_of(numbered.book.trading_pair), **best_prices(numbered)}


def _best(side: Sequence[Level]) -> Level:
    return side[0] if side else Level(ZERO, ZERO)
