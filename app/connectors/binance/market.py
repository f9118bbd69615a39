"""Binance's public market payloads as reports: tickers, books, trades, candles, funding terms.

Plain functions without I/O; they raise ``Unreadable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from app.concurrency.slices import in_slices
from app.connectors.common.answers import Unreadable
from app.connectors.common.lists import of_object, read_rows, rows_of, some_of
from app.connectors.common.numbers import (
    flag,
    integer_text,
    mapping,
    number,
    optional_number,
    optional_time,
    time,
)
from app.connectors.rows import Rows
from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.domain.reports import BookLevel, Candle, FundingInfo, OrderBook, PublicTrade, Ticker


def ticker(payload: Any, trading_pair: str) -> Ticker:
    """The answer of ``ticker/24hr`` for one symbol."""
    row = mapping(payload)
    return Ticker(
        trading_pair=trading_pair,
        price=number(row, "lastPrice"),
        reported_at=time(row, "closeTime"),
        base_volume=number(row, "volume"),
        quote_volume=number(row, "quoteVolume"),
    )


def tickers(payload: Any, pairs: Mapping[str, str]) -> Rows[Ticker]:
    """The answer of ``ticker/24hr`` for all symbols, of those in ``pairs``, which maps them to our names. A pair that never traded
    has no last trade: Binance writes a zero, which is no price, and it is left out.
    """

    def read(row: Mapping[str, Any]) -> Ticker | None:
        symbol = row.get("symbol")
        return ticker(row, pairs[symbol]) if isinstance(symbol, str) and symbol in pairs else None

    found = read_rows(payload, of_object(read), lambda row: {"trading_pair": pairs.get(str(row.get("symbol")))})
    return some_of(Rows.of((each for each in found if each is not None and each.price != ZERO), found.unreadable))


def public_trades(payload: Any, trading_pair: str) -> Rows[PublicTrade]:
    """The answer of ``trades``, oldest first. Their ids count up within the symbol."""
    found = some_of(read_rows(payload, of_object(lambda row: _public_trade(row, trading_pair))))
    return Rows.of(sorted(found, key=lambda trade: int(trade.exchange_trade_id)), found.unreadable)


def order_book(payload: Any, trading_pair: str, *, depth: int, now: datetime) -> OrderBook:
    """The answer of ``depth``, cut to ``depth`` levels. Spot's carries no time; ``now`` stands in."""
    row = mapping(payload)
    return OrderBook(
        trading_pair=trading_pair,
        bids=_levels(row, "bids")[:depth],
        asks=_levels(row, "asks")[:depth],
        reported_at=optional_time(row, "T", "E") or now,
    )


async def candles(payload: Any) -> Rows[Candle]:
    """The answer of ``klines``, oldest first, read in slices: a page takes ten milliseconds, and a month has fifty."""
    parts = await in_slices(rows_of(payload), lambda part: read_rows(part, _candle))
    return some_of(Rows.of(chain(*parts), chain(*(part.unreadable for part in parts))))


def funding_info(payload: Any, trading_pair: str) -> FundingInfo:
    """The answer of ``premiumIndex`` for one symbol."""
    row = mapping(payload)
    return FundingInfo(
        trading_pair=trading_pair,
        funding_rate=_number_or_none(row, "lastFundingRate"),
        next_funding_at=optional_time(row, "nextFundingTime"),
        mark_price=optional_number(row, "markPrice"),
        index_price=optional_number(row, "indexPrice"),
    )


def _public_trade(row: Mapping[str, Any], trading_pair: str) -> PublicTrade:
    return PublicTrade(
        exchange_trade_id=integer_text(row, "id"),
        trading_pair=trading_pair,
        price=number(row, "price"),
        amount=number(row, "qty"),
        taker_side=TradeType.SELL if flag(row, "isBuyerMaker") else TradeType.BUY,
        traded_at=time(row, "time"),
    )


def _number_or_none(row: Mapping[str, Any], name: str) -> Decimal | None:
    return None if row.get(name) in (None, "") else number(row, name)


def _levels(row: Mapping[str, Any], side: str) -> tuple[BookLevel, ...]:
    levels = row.get(side)
    if not isinstance(levels, list) or not all(isinstance(level, list) and len(level) >= 2 for level in levels):
        raise Unreadable(f"{side} are not levels")
    named = ({"price": level[0], "amount": level[1]} for level in levels)
    return tuple(BookLevel(price=number(level, "price"), amount=number(level, "amount")) for level in named)


_COLUMNS = (
    "opened",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "closed",
    "quote",
    "trades",
    "taker_base",
    "taker_quote",
)


def _candle(row: Any) -> Candle:
    if not isinstance(row, list) or len(row) < len(_COLUMNS):
        raise Unreadable("a kline is too short")
    named = dict(zip(_COLUMNS, row, strict=False))
    return Candle(
        opened_at=time(named, "opened"),
        open=number(named, "open"),
        high=number(named, "high"),
        low=number(named, "low"),
        close=number(named, "close"),
        volume=number(named, "volume"),
        quote_volume=number(named, "quote"),
        trades=int(number(named, "trades")),
        taker_buy_base_volume=number(named, "taker_base"),
        taker_buy_quote_volume=number(named, "taker_quote"),
    )
