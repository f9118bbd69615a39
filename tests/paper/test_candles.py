"""Candles, tickers and the tape agree with one another and never change afterwards."""

import itertools
from datetime import timedelta
from decimal import Decimal as D

import pytest

from app.paper.candles import INTERVALS, candles, tape, ticker
from app.paper.market import SyntheticMarket, tick_of
from app.paper.pairs import PAIRS
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.clock import START

BTC = PAIRS["BTC-USDT"]
MARKET = SyntheticMarket(20)


def test_a_minute_is_exactly_its_sixty_trades() -> None:
    """Open, high, low, close and volume out of the tape."""
    end = START.replace(second=59)
    trades = tape(MARKET, BTC, end, 60)
    (candle,) = candles(MARKET, BTC, "1m", now=end, limit=1)
    prices = [trade.price for trade in trades]
    assert (candle.open, candle.high, candle.low, candle.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert candle.volume == sum(trade.amount for trade in trades)
    assert candle.trades == 60
    assert D(0) < candle.taker_buy_volume < candle.volume


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_are_in_order_and_sane(interval: str) -> None:
    """Each opens where the interval begins, and its high and low enclose its open and close."""
    found = candles(MARKET, BTC, interval, now=START, limit=5)
    assert len(found) == 5
    for left, right in itertools.pairwise(found):
        assert tick_of(right.opened_at) == INTERVALS[interval].closes_at(tick_of(left.opened_at))
    seconds = INTERVALS[interval].seconds
    assert seconds is None or found[1].opened_at - found[0].opened_at == timedelta(seconds=seconds)
    for candle in found:
        assert candle.low <= min(candle.open, candle.close)
        assert candle.high >= max(candle.open, candle.close)
        assert candle.volume > 0
        assert candle.volume % BTC.step == 0


def test_the_present_candle_goes_as_far_as_the_present() -> None:
    """Its close is the ticker's price; a past candle is what it was when it closed."""
    found = candles(MARKET, BTC, "1h", now=START, limit=2)
    assert found[-1].close == ticker(MARKET, BTC, START).price
    assert found[-1].trades == 4 * 60 + 5 + 1
    later = candles(MARKET, BTC, "1h", now=START + timedelta(hours=1), limit=3)
    assert later[0] == found[0]


def test_a_start_gives_the_first_candles_and_an_end_the_last() -> None:
    """Both bounds are opening times, included; nothing comes from the future."""
    hour = START.replace(minute=0, second=0)
    opened = [
        each.opened_at for each in candles(MARKET, BTC, "1h", now=START, limit=2, start_at=hour - timedelta(hours=4))
    ]
    assert opened == [hour - timedelta(hours=4), hour - timedelta(hours=3)]
    opened = [
        each.opened_at for each in candles(MARKET, BTC, "1h", now=START, limit=2, end_at=hour - timedelta(hours=4))
    ]
    assert opened == [hour - timedelta(hours=5), hour - timedelta(hours=4)]
    assert candles(MARKET, BTC, "1h", now=START, limit=2, start_at=hour + timedelta(hours=1)) == []


def test_an_unknown_interval_is_refused() -> None:
    """With the list of those there are."""
    with pytest.raises(PaperRefusal, match="1m, 3m") as refusal:
        candles(MARKET, BTC, "7m", now=START, limit=1)
    assert refusal.value.code is RefusalCode.INVALID_INTERVAL
