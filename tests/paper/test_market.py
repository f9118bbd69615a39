"""The synthetic market: bounded, deterministic, and a proper book at every moment."""

from decimal import Decimal as D
from itertools import pairwise

import pytest

from app.domain.enums import TradeType
from app.paper.market import LEVELS, SyntheticMarket, SyntheticPath, moment_of, tick_of
from app.paper.pairs import PAIRS, Pair
from tests.clock import START
from tests.paper.hand_path import HandPath

TICK = tick_of(START)
BTC = PAIRS["BTC-USDT"]


def test_a_tick_is_a_second_and_leads_back_to_its_beginning() -> None:
    """Parts of a second belong to the second they are in."""
    assert moment_of(TICK) == START
    assert tick_of(START.replace(microsecond=999_999)) == TICK


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_the_price_stays_within_22_percent_of_its_base(pair: Pair) -> None:
    """Over thirty years, sampled about every ten days, so that BTC never comes near 123."""
    path = SyntheticPath(20)
    for tick in range(0, 946_684_800, 876_543):
        price = path.mid(pair, tick) * pair.tick
        assert pair.base_price * D("0.77") < price < pair.base_price * D("1.23")


def test_any_moment_can_be_asked_for_in_any_order() -> None:
    """Two markets of one seed agree whatever they were asked before; another seed has another price."""
    forward, backward = SyntheticMarket(20), SyntheticMarket(20)
    ticks = range(TICK, TICK + 50)
    there = [forward.mid(BTC, tick) for tick in ticks]
    assert there == [backward.mid(BTC, tick) for tick in reversed(ticks)][::-1]
    assert there != [SyntheticMarket(21).mid(BTC, tick) for tick in ticks]
    assert len(set(there)) > 10


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_a_book_is_in_order_and_uncrossed_and_in_whole_steps(pair: Pair) -> None:
    """A hundred levels a side, each worse than the one before, each price a tick and each amount a step."""
    market = SyntheticMarket(20)
    bids, asks = (list(market.levels(pair, TICK, side)) for side in TradeType)
    assert len(bids) == len(asks) == LEVELS
    assert bids[0].price < market.mid(pair, TICK) < asks[0].price
    assert all(left.price > right.price for left, right in pairwise(bids))
    assert all(left.price < right.price for left, right in pairwise(asks))
    for level in bids + asks:
        assert level.price % pair.tick == 0
        assert level.amount % pair.step == 0
        assert level.amount > 0


def test_the_book_moves_with_the_tick() -> None:
    """A second later other amounts rest."""
    market = SyntheticMarket(20)
    first, second = (list(market.levels(BTC, tick, TradeType.BUY)) for tick in (TICK, TICK + 1))
    assert [level.amount for level in first] != [level.amount for level in second]


def test_a_path_set_by_hand_is_at_its_prices() -> None:
    """Other pairs stand at their base price, and a price near zero has a short bid side."""
    path = HandPath({"BTC-USDT": D("0.05")})
    market = SyntheticMarket(20, path)
    assert market.mid(BTC, TICK) == D("0.05")
    assert market.mid(PAIRS["ETH-USDT"], TICK) == D(3200)
    assert list(market.levels(BTC, TICK, TradeType.BUY)) == []
