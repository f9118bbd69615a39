"""Depth that was taken stays taken until the next tick."""

from decimal import Decimal as D

from app.domain.enums import TradeType
from app.paper.depth import Depth
from app.paper.market import Level
from tests.paper.still_market import APPLE, StillMarket


def asks(depth: Depth) -> list[Level]:
    return list(depth.levels(APPLE, TradeType.SELL))


def test_a_level_shrinks_and_vanishes_as_it_is_taken() -> None:
    """Half of it, then the rest: an empty level is not shown."""
    depth = Depth(StillMarket(asks=((101, "2"), (102, "3"))))
    depth.move_to(1)
    depth.take(APPLE, TradeType.SELL, D(101), D("1.5"))
    assert asks(depth) == [Level(D(101), D("0.5")), Level(D(102), D(3))]
    depth.take(APPLE, TradeType.SELL, D(101), D("0.5"))
    assert asks(depth) == [Level(D(102), D(3))]


def test_the_next_tick_has_fresh_depth_and_a_restored_one_has_not() -> None:
    """``taken`` is all that has to be remembered."""
    depth = Depth(StillMarket(asks=((101, "2"),)))
    depth.move_to(1)
    depth.take(APPLE, TradeType.SELL, D(101), D(2))
    taken = dict(depth.taken)
    depth.move_to(2)
    assert asks(depth) == [Level(D(101), D(2))]
    depth.move_to(2, taken)
    assert asks(depth) == []
