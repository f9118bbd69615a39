"""What is kept of a market that is pushed: nothing twice, nothing backwards, and never with a hole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from app.domain.enums import TradeType
from app.domain.reports import BookLevel, Candle, CandleReport, Gap, OrderBook, PublicTrade, Ticker
from app.services.markets.live_pictures import CandlesPicture, TradesPicture, WholePicture
from tests.clock import START

MINUTE = timedelta(minutes=1)


def candle(minute: int, trades: int = 1) -> Candle:
    price = D(100 + trades)
    at = START + minute * MINUTE
    return Candle(opened_at=at, open=price, high=price, low=price, close=price, volume=D(trades), trades=trades)


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


def candles(count: int = 3, interval: str = "1m") -> CandlesPicture:
    picture = CandlesPicture(interval, count)
    picture.seed([candle(0, 5), candle(1, 5), candle(2, 5)][-count:])
    return picture


def ids_of(trades: Sequence[PublicTrade]) -> list[int]:
    return [int(each.exchange_trade_id) for each in trades]


def ids(picture: TradesPicture) -> list[int]:
    assert picture.value is not None
    return ids_of(picture.value)


def test_nothing_is_known_before_it_is_read() -> None:
    """What a stream says before that is not the whole."""
    for picture in (CandlesPicture("1m", 3), TradesPicture(3)):
        assert picture.take(told(0))
        assert picture.take(trade(1))
        assert picture.value is None
    empty = CandlesPicture("1m", 3)
    empty.seed([])
    assert empty.value is None


def test_the_last_candle_grows() -> None:
    """With each word of the stream; a word that is older than what was read is not taken back to."""
    picture = candles()
    assert picture.take(told(2, 7))
    assert picture.take(told(2, 6))
    assert picture.take(told(1, 9, closed=True))
    assert picture.value == [candle(0, 5), candle(1, 5), candle(2, 7)]


def test_a_candle_follows_a_closed_one() -> None:
    """As many are kept as were asked for."""
    for count in (1, 3):
        picture = candles(count)
        assert picture.take(told(2, 8, closed=True))
        assert picture.take(told(3))
        assert picture.value == [candle(0, 5), candle(1, 5), candle(2, 8), candle(3)][-count:]
        assert picture.take(told(3, 2))


def test_candles_with_a_hole_are_not_taken() -> None:
    """Neither after one whose last word is missing, nor where one is missing altogether."""
    assert not candles().take(told(3))
    picture = candles()
    assert picture.take(told(2, 8, closed=True))
    assert not picture.take(told(4))
    months = candles(interval="1M")
    assert months.take(told(2, 8, closed=True))
    assert months.take(told(4)), "only the exchange knows how long a month is"
    assert not months.take(told(5))


def test_what_was_seen_is_not_changed() -> None:
    """Who got the candles keeps what they got."""
    picture = candles()
    seen = picture.value
    assert seen is not None
    copy = seen[-3:]
    picture.take(told(2, 8, closed=True))
    picture.take(told(3))
    assert copy == [candle(0, 5), candle(1, 5), candle(2, 5)]


def test_trades_come_once_each() -> None:
    """What was read and what is told overlap, and a full list lets its oldest go."""
    picture = TradesPicture(3)
    picture.seed([trade(1), trade(2)])
    for number in (2, 3, 3, 4):
        assert picture.take(trade(number))
    assert ids(picture) == [2, 3, 4]


def test_a_trade_from_before_a_full_list_is_left_out() -> None:
    """It was told while the list was being read; at the end it would be out of order."""
    picture = TradesPicture(3)
    picture.seed([trade(7), trade(8), trade(9)])
    assert picture.take(trade(6))
    assert picture.take(trade(10, second=9))
    assert ids(picture) == [8, 9, 10]


def test_a_hole_between_reading_and_stream_is_read_once_more() -> None:
    """The first new trade must follow what was read; it is kept meanwhile, and a hole that stays is believed."""
    picture = TradesPicture(10)
    picture.seed([trade(number) for number in (1, 2, 3)])
    assert not picture.take(trade(6))
    picture.clear()
    picture.seed([trade(number) for number in (2, 3, 4, 5)])
    assert ids(picture) == [2, 3, 4, 5, 6]
    assert picture.take(trade(7))
    assert picture.take(trade(9))
    assert ids(picture) == [2, 3, 4, 5, 6, 7, 9]

    picture.seed([trade(number) for number in (1, 2, 3)])
    assert not picture.take(trade(6))
    picture.seed([trade(number) for number in (1, 2, 3)])
    assert ids(picture) == [1, 2, 3, 6]
    assert picture.take(trade(7))
    assert ids(picture) == [1, 2, 3, 6, 7]


def test_a_trade_that_was_held_too_long_is_left_out() -> None:
    """What was read in the end may be newer than what was held; the order stays."""
    picture = TradesPicture(3)
    picture.seed([trade(1)])
    assert not picture.take(trade(5))
    picture.seed([trade(7), trade(8), trade(9)])
    assert ids(picture) == [7, 8, 9]


def test_a_market_without_trades_yet() -> None:
    """An empty list is something that is known."""
    picture = TradesPicture(3)
    picture.seed([])
    assert picture.value == []
    assert picture.take(trade(1))
    assert ids(picture) == [1]
    picture.clear()
    assert picture.value is None


def test_a_book_is_its_last_word() -> None:
    """It needs no reading."""
    picture = WholePicture(OrderBook)
    picture.seed(None)
    assert picture.value is None
    level = BookLevel(price=D(1), amount=D(2))
    book = OrderBook(trading_pair="BTC-USDT", bids=(level,), asks=(), reported_at=START)
    assert picture.take(book)
    assert picture.take(Gap())
    assert picture.take(replace(book, asks=(level,)))
    assert picture.value == replace(book, asks=(level,))
    picture.clear()
    assert picture.value is None


def test_a_ticker_is_its_last_word() -> None:
    """It needs no reading either."""
    picture = WholePicture(Ticker)
    picture.seed(None)
    assert picture.value is None
    ticker = Ticker(trading_pair="BTC-USDT", price=D(1), reported_at=START)
    assert picture.take(ticker)
    assert picture.take(trade(1))
    assert picture.take(replace(ticker, price=D(2)))
    assert picture.value == replace(ticker, price=D(2))
    picture.clear()
    assert picture.value is None
