"""How market data looks to a caller: flat objects with the names of the contract, exact numbers, times in Unix seconds.

They are built without schemas, because candles and books come by the thousand and hold nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, normal
from app.domain.reports import BookLevel, Candle, FundingInfo, OrderBook, PublicTrade, Ticker
from app.services.markets.books import BookAnswer
from app.services.markets.readings import FEED_TIMEOUT, Reading

#: Candles of one answer. Callers ask for a month of minutes without a thought; they get the end of it.
MOST_CANDLES = 5000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)

#: What the parts of a reading's detail are called, by kind.
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "order_book": ("depth",),
    "candles": ("interval", "max_records"),
    "trades": ("limit",),
}


def unix_seconds(moment: datetime) -> int | Decimal:
    """``moment`` as seconds since 1970, exact to the microsecond."""
    return seconds_of(moment - _EPOCH)


def seconds_of(duration: timedelta) -> int | Decimal:
    """``duration`` in seconds, exact to the microsecond."""
    if duration.microseconds == 0:
        return duration // _SECOND
    return normal(EXACT.scaleb(Decimal(duration // _MICROSECOND), -6))


def book_row(book: OrderBook) -> Any:
    """A book as REST shows it: levels are objects."""
    return {
        "trading_pair": book.trading_pair,
        "bids": [{"price": level.price, "amount": level.amount} for level in book.bids],
        "asks": [{"price": level.price, "amount": level.amount} for level in book.asks],
        "timestamp": unix_seconds(book.reported_at),
    }


def book_sides(book: OrderBook) -> Any:
    """A book as the socket shows it: levels are pairs of price and amount."""
    return {"bids": _pairs(book.bids), "asks": _pairs(book.asks)}


def candle_row(candle: Candle) -> dict[str, Any]:
    """The ten keys of a candle."""
    return {
        "timestamp": unix_seconds(candle.opened_at),
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "quote_asset_volume": candle.quote_volume,
        "n_trades": candle.trades,
        "taker_buy_base_volume": candle.taker_buy_base_volume,
        "taker_buy_quote_volume": candle.taker_buy_quote_volume,
    }


def trade_row(trade: PublicTrade) -> Any:
    """One trade of the market as the socket shows it; the side is the taker's."""
    return {
        "timestamp": unix_seconds(trade.traded_at),
        "price": trade.price,
        "amount": trade.amount,
        "side": trade.taker_side.value.lower(),
    }


def funding_row(info: FundingInfo) -> Any:
    """The funding terms of a perpetual; what the exchange does not say is null."""
    return {
        "trading_pair": info.trading_pair,
        "funding_rate": info.funding_rate,
        "next_funding_time": None if info.next_funding_at is None else unix_seconds(info.next_funding_at),
        "mark_price": info.mark_price,
        "index_price": info.index_price,
    }


def ticker_row(ticker: Ticker) -> Any:
    """A ticker of the pool."""
    return {
        "price": ticker.price,
        "base_volume": ticker.base_volume,
        "quote_volume": ticker.quote_volume,
        "timestamp": unix_seconds(ticker.reported_at),
    }


def query_row(asked: Mapping[str, Any], answer: BookAnswer, results: Sequence[str]) -> Any:
    """The nine keys of an order-book query. ``results`` names those that the question is about; the others are null.

    A book that ends before the question does has no price for it: the volumes then say how much it holds.
    """
    sweep = answer.sweep
    found = {
        "result_price": sweep.last_price,
        "result_volume": sweep.volume,
        "result_quote_volume": normal(sweep.quote_volume),
        "average_price": sweep.average_price,
    }
    by_volume = "price" not in asked
    if by_volume and not sweep.is_complete:
        found["result_price"] = found["average_price"] = None
    return {
        "trading_pair": asked["trading_pair"],
        "is_buy": asked["is_buy"],
        "query_volume": asked.get("volume", asked.get("quote_volume")),
        "query_price": asked.get("price"),
        **{name: value if name in results else None for name, value in found.items()},
        "timestamp": unix_seconds(answer.reported_at),
    }


def feed_row(reading: Reading, now: datetime) -> Any:
    """One active feed: what is read, and when it will be let go of."""
    unused = max(now - reading.last_access_at, timedelta())
    key = reading.key
    return {
        "feed_type": key.kind,
        "last_access_time": unix_seconds(reading.last_access_at),
        "seconds_since_access": seconds_of(unused),
        "will_expire_in": seconds_of(max(FEED_TIMEOUT - unused, timedelta())),
        "config": {
            "connector_name": key.connector_name,
            "trading_pair": key.trading_pair or None,
            **dict(zip(_DETAILS.get(key.kind, ()), key.detail, strict=False)),
        },
    }


def book_health(reading: Reading) -> Any:
    """How the reading of one book fares."""
    book: OrderBook | None = reading.value
    return {
        "best_bid": book.bids[0].price if book is not None and book.bids else None,
        "best_ask": book.asks[0].price if book is not None and book.asks else None,
        "bid_levels": 0 if book is None else len(book.bids),
        "ask_levels": 0 if book is None else len(book.asks),
        "updated_at": None if book is None else unix_seconds(book.reported_at),
        "last_access_time": unix_seconds(reading.last_access_at),
        "questions": reading.questions,
        "failures": reading.failures,
        "error": None if reading.error is None else reading.error.detail,
    }


def _pairs(levels: Sequence[BookLevel]) -> list[tuple[Decimal, Decimal]]:
    return [(level.price, level.amount) for level in levels]
