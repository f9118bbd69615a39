"""What is kept of a market that is pushed: nothing twice, nothing backwards, and never with a hole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from app.domain.enums import TradeType
from app.domain.reports import BookLevel, Candle, CandleReport, Gap, OrderBook, PublicTrade, Ticker
from app.services.markets.market_snapshots import CandleSnapshot, LastMessage, TradeSnapshot
from tests.clock import START

MINUTE = timedelta(minutes=1)


def candle(minute: int, trades: int = 1) -> Candle:
    price = D(100 + trades)
    at = START + minute * MINUTE
    return Candle(
        opened_at=at,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=D(trades),
        quote_volume=D(trades) * price,
        trades=trades,
        taker_buy_base_volume=D(0),
        taker_buy_quote_volume=D(0),
    )


def told(minute: int, trades: int = 1, *, closed: bool = False) -> CandleReport:
    return CandleReport(candle=candle(minute, trades), is_closed=closed)


def trade(number: int, second: int | None = None) -> PublicTrade:
    return PublicTrade(
        exchange_trade_id=str(number),
        trading_pair="BTC-USDT",
        price=D(1),
        amount=D(1),
        taker_side=TradeType.BUY,
        traded_at=START + timedelta(seconds=number if second is None else second),
    )


def candles(count: int = 3, interval: str = "1m") -> CandleSnapshot:
    snapshot = CandleSnapshot(interval, count)
    snapshot.seed([candle(0, 5), candle(1, 5), candle(2, 5)][-count:])
    return snapshot


def ids_of(trades: Sequence[PublicTrade]) -> list[int]:
    return [int(each.exchange_trade_id) for each in trades]


def ids(snapshot: TradeSnapshot) -> list[int]:
    assert snapshot.value is not None
    return ids_of(snapshot.value)


def test_nothing_is_known_before_it_is_read() -> None:
    """What a stream says before that is not the whole."""
    for snapshot in (CandleSnapshot("1m", 3), TradeSnapshot(3)):
        assert snapshot.apply(told(0))
        assert snapshot.apply(trade(1))
        assert snapshot.value is None
    empty = CandleSnapshot("1m", 3)
    empty.seed([])
    assert empty.value is None


def test_the_last_candle_grows() -> None:
    """With each word of the stream; a word that is older than what was read is not taken back to."""
    snapshot = candles()
    assert snapshot.apply(told(2, 7))
    assert snapshot.apply(told(2, 6))
    assert snapshot.apply(told(1, 9, closed=True))
    assert snapshot.value == [candle(0, 5), candle(1, 5), candle(2, 7)]


def test_a_candle_follows_a_closed_one() -> None:
    """As many are kept as were asked for."""
    for count in (1, 3):
        snapshot = candles(count)
        assert snapshot.apply(told(2, 8, closed=True))
        assert snapshot.apply(told(3))
        assert snapshot.value == [candle(0, 5), candle(1, 5), candle(2, 8), candle(3)][-count:]
        assert snapshot.apply(told(3, 2))


def test_candles_with_a_hole_are_not_taken() -> None:
    """Neither after one whose last word is missing, nor where one is missing altogether."""
    assert not candles().apply(told(3))
    snapshot = candles()
    assert snapshot.apply(told(2, 8, closed=True))
    assert not snapshot.apply(told(4))
    months = candles(interval="1M")
    assert months.apply(told(2, 8, closed=True))
    assert months.apply(told(4)), "only the exchange knows how long a month is"
    assert not months.apply(told(5))


def test_what_was_seen_is_not_changed() -> None:
    """Who got the candles keeps what they got."""
    snapshot = candles()
    seen = snapshot.value
    assert seen is not None
    copy = seen[-3:]
    snapshot.apply(told(2, 8, closed=True))
    snapshot.apply(told(3))
    assert copy == [candle(0, 5), candle(1, 5), candle(2, 5)]


def test_trades_come_once_each() -> None:
    """What was read and what is told overlap, and a full list lets its oldest go."""
    snapshot = TradeSnapshot(3)
    snapshot.seed([trade(1), trade(2)])
    for number in (2, 3, 3, 4):
        assert snapshot.apply(trade(number))
    assert ids(snapshot) == [2, 3, 4]


def test_a_trade_from_before_a_full_list_is_left_out() -> None:
    """It was told while the list was being read; at the end it would be out of order."""
    snapshot = TradeSnapshot(3)
    snapshot.seed([trade(7), trade(8), trade(9)])
    assert snapshot.apply(trade(6))
    assert snapshot.apply(trade(10, second=9))
    assert ids(snapshot) == [8, 9, 10]


def test_a_hole_between_reading_and_stream_is_read_once_more() -> None:
    """The first new trade must follow what was read; it is kept meanwhile, and a hole that stays is believed."""
    snapshot = TradeSnapshot(10)
    snapshot.seed([trade(number) for number in (1, 2, 3)])
    assert not snapshot.apply(trade(6))
    snapshot.clear()
    snapshot.seed([trade(number) for number in (2, 3, 4, 5)])
    assert ids(snapshot) == [2, 3, 4, 5, 6]
    assert snapshot.apply(trade(7))
    assert snapshot.apply(trade(9))
    assert ids(snapshot) == [2, 3, 4, 5, 6, 7, 9]

    snapshot.seed([trade(number) for number in (1, 2, 3)])
    assert not snapshot.apply(trade(6))
    snapshot.seed([trade(number) for number in (1, 2, 3)])
    assert ids(snapshot) == [1, 2, 3, 6]
    assert snapshot.apply(trade(7))
    assert ids(snapshot) == [1, 2, 3, 6, 7]


def test_a_trade_that_was_held_too_long_is_left_out() -> None:
    """What was read in the end may be newer than what was held; the order stays."""
    snapshot = TradeSnapshot(3)
    snapshot.seed([trade(1)])
    assert not snapshot.apply(trade(5))
    snapshot.seed([trade(7), trade(8), trade(9)])
    assert ids(snapshot) == [7, 8, 9]


def test_a_market_without_trades_yet() -> None:
    """An empty list is something that is known."""
    snapshot = TradeSnapshot(3)
    snapshot.seed([])
    assert snapshot.value == []
    assert snapshot.apply(trade(1))
    assert ids(snapshot) == [1]
    snapshot.clear()
    assert snapshot.value is None


def test_a_book_is_its_last_word() -> None:
    """It needs no reading."""
    snapshot = LastMessage(OrderBook)
    snapshot.seed(None)
    assert snapshot.value is None
    level = BookLevel(price=D(1), amount=D(2))
    book = OrderBook(trading_pair="BTC-USDT", bids=(level,), asks=(), reported_at=START)
    assert snapshot.apply(book)
    assert snapshot.apply(Gap())
    assert snapshot.apply(replace(book, asks=(level,)))
    assert snapshot.value == replace(book, asks=(level,))
    snapshot.clear()
    assert snapshot.value is None


def test_a_ticker_is_its_last_word() -> None:
    """It needs no reading either."""
    snapshot = LastMessage(Ticker)
    snapshot.seed(None)
    assert snapshot.value is None
    ticker = Ticker(trading_pair="BTC-USDT", price=D(1), reported_at=START)
    assert snapshot.apply(ticker)
    assert snapshot.apply(trade(1))
    assert snapshot.apply(replace(ticker, price=D(2)))
    assert snapshot.value == replace(ticker, price=D(2))
    snapshot.clear()
    assert snapshot.value is None
