"""Candles of mark and index prices and of the premium between them."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from app.paper.market import moment_of, tick_of
from app.paper.pairs import PAIRS
from app.paper.perpetual.candles import PriceKind, price_candles
from app.paper.perpetual.market import PerpetualMarket
from app.paper.refusals import PaperRefusal
from tests.clock import START

BTC = PAIRS["BTC-USDT"]
MARKET = PerpetualMarket(20)


def test_a_minute_is_its_sixty_moments() -> None:
    """First, highest, lowest and last of the prices that the market has; the present candle ends now."""
    before, current = price_candles(MARKET, BTC, PriceKind.MARK, "1m", now=START, limit=2, start_at=None, end_at=None)
    first = tick_of(before.opened_at)
    marks = [MARKET.mid(BTC, tick) for tick in range(first, first + 60)]
    assert (before.open, before.high, before.low, before.close) == (marks[0], max(marks), min(marks), marks[-1])
    assert (before.moments, current.moments) == (60, 6)
    assert current.close == MARKET.mid(BTC, tick_of(START))


def test_the_premium_is_the_marks_over_the_index() -> None:
    """As a part of the index, of either sign."""
    (candle,) = price_candles(MARKET, BTC, PriceKind.PREMIUM, "1s", now=START, limit=1, start_at=None, end_at=None)
    mark, index = MARKET.mid(BTC, tick_of(START)), MARKET.index(BTC, tick_of(START))
    assert candle.close != 0
    assert abs(candle.close - (mark - index) / index) < 1e-8


@pytest.mark.parametrize("kind", PriceKind)
def test_candles_follow_each_other(kind: PriceKind) -> None:
    """Each opens where the one before it closes; a start and an end choose among them as among candles of trades."""
    found = price_candles(MARKET, BTC, kind, "1h", now=START, limit=5, start_at=None, end_at=None)
    assert all(right.opened_at - left.opened_at == timedelta(hours=1) for left, right in itertools.pairwise(found))
    assert all(each.low <= min(each.open, each.close) <= max(each.open, each.close) <= each.high for each in found)
    since = moment_of(tick_of(found[1].opened_at))
    asked = price_candles(MARKET, BTC, kind, "1h", now=START, limit=2, start_at=since, end_at=None)
    assert list(asked) == list(found[1:3])
    with pytest.raises(PaperRefusal):
        price_candles(MARKET, BTC, kind, "7m", now=START, limit=1, start_at=None, end_at=None)
