"""The market of perpetuals: near the spot market, the same for ever, with funding that follows the premium."""

from __future__ import annotations

from decimal import Decimal as D

from app.paper.market import SyntheticMarket, tick_of
from app.paper.pairs import PAIRS
from app.paper.perpetual.market import FUNDING_INTERVAL, PerpetualMarket
from tests.clock import START
from tests.paper.hand_path import HandPath

BTC = PAIRS["BTC-USDT"]
TICKS = range(tick_of(START), tick_of(START) + 60 * 86_400, 13_337)


def test_the_index_is_the_spot_market_and_the_mark_stays_near_it() -> None:
    """To seven hundredths of a percent, above it and below."""
    spot, perpetual = SyntheticMarket(20), PerpetualMarket(20)
    premiums = []
    for tick in TICKS:
        assert perpetual.index(BTC, tick) == spot.mid(BTC, tick)
        premiums.append(perpetual.mid(BTC, tick) / spot.mid(BTC, tick) - 1)
    assert min(premiums) < 0 < max(premiums)
    assert all(abs(premium) < D("0.00071") for premium in premiums)


def test_every_process_sees_the_same_market() -> None:
    """Mark, index and rate depend on seed, pair and time only."""
    one, other = PerpetualMarket(20), PerpetualMarket(20)
    for tick in reversed(TICKS):
        other.mid(BTC, tick)
    for tick in TICKS:
        assert one.mid(BTC, tick) == other.mid(BTC, tick)
        assert one.funding_rate(BTC, tick) == other.funding_rate(BTC, tick)


def test_rates_are_small_and_go_both_ways() -> None:
    """Longs pay mostly; nobody pays more than three tenths of a percent."""
    market = PerpetualMarket(20)
    rates = [market.funding_rate(BTC, tick) for tick in TICKS]
    assert min(rates) < 0 < max(rates)
    assert all(abs(rate) <= D("0.003") for rate in rates)
    assert len(set(rates)) > len(rates) // 3


def test_a_rate_belongs_to_the_end_of_its_interval() -> None:
    """It is the same in all of the eight hours, and another in the next."""
    market = PerpetualMarket(20)
    end = (TICKS[0] // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
    assert market.funding_rate(BTC, end - FUNDING_INTERVAL + 1) == market.funding_rate(BTC, end)
    assert market.funding_rate(BTC, end + 1) != market.funding_rate(BTC, end)


def test_a_path_moved_by_hand_has_no_premium() -> None:
    """Mark and index are one, and what is paid is the interest."""
    market = PerpetualMarket(1, HandPath({"BTC-USDT": D(50_000)}))
    assert market.mid(BTC, 5) == market.index(BTC, 5) == D(50_000)
    assert market.funding_rate(BTC, 5) == D("0.0001")


def test_many_prices_at_once_are_those_of_each_moment() -> None:
    """Mark and index, also by a path that tells one at a time."""
    for market in (PerpetualMarket(20), PerpetualMarket(20, HandPath())):
        found = market.prices(BTC, TICKS)
        assert len(found) == len(TICKS)
        for tick, (mark, index) in zip(TICKS, found, strict=True):
            assert (mark * BTC.tick, index * BTC.tick) == (market.mid(BTC, tick), market.index(BTC, tick))
