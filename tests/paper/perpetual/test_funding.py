"""Funding: at fixed moments longs pay shorts or the other way round, once each, and no more than they have."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

from app.domain.enums import PositionSide
from app.paper.ledger import FUNDING, INSURANCE
from app.paper.perpetual.orders import PaperFunding
from tests.paper.perpetual.world import BUY, EVENING, SELL, PerpetualWorld

QUARTER = 900
HOURS = 8 * 3_600


def fundings(world: PerpetualWorld) -> list[PaperFunding]:
    return world.changes().fundings


def test_longs_pay_and_shorts_receive_at_the_hour() -> None:
    """A thousandth of the value at the mark; nothing before the hour, and once at it."""
    world = PerpetualWorld()
    world.place("ann", BUY, "2")
    world.place("bob", SELL, "3")
    world.later(QUARTER - 1)
    assert fundings(world) == []
    before = world.money("ann")[0], world.money("bob")[0]
    world.later()
    paid, received = fundings(world)
    assert (paid.account, paid.payment, paid.amount, paid.rate) == ("ann", D("-0.2"), D(2), D("0.001"))
    assert (received.account, received.payment) == ("bob", D("0.3"))
    assert (world.money("ann")[0], world.money("bob")[0]) == (before[0] - D("0.2"), before[1] + D("0.3"))
    assert world.money(FUNDING)[0] == D("-0.1")
    world.later(60)
    assert fundings(world) == []


def test_a_negative_rate_turns_it_round() -> None:
    """Shorts pay longs."""
    world = PerpetualWorld()
    world.market.rate = D("-0.001")
    world.place("ann", BUY, "2")
    world.later(QUARTER)
    assert [each.payment for each in fundings(world)] == [D("0.2")]


def test_every_moment_of_a_long_stop_is_made_up_for() -> None:
    """Three days are nine fundings, each with its own time and name, whenever the market is looked at."""
    world = PerpetualWorld()
    world.place("ann", BUY, "2")
    world.later(QUARTER + 8 * HOURS)
    found = fundings(world)
    assert [each.paid_at for each in found] == [EVENING + timedelta(seconds=QUARTER + n * HOURS) for n in range(9)]
    assert len({each.funding_id for each in found}) == 9
    assert all(each.payment == D("-0.2") for each in found)


def test_both_positions_of_a_hedge_are_funded() -> None:
    """Each by itself."""
    world = PerpetualWorld()
    world.hedge("ann")
    world.place("ann", BUY, "2", position_side=PositionSide.LONG)
    world.place("ann", SELL, "2", position_side=PositionSide.SHORT)
    world.later(QUARTER)
    assert {each.side: each.payment for each in fundings(world)} == {
        PositionSide.LONG: D("-0.2"),
        PositionSide.SHORT: D("0.2"),
    }


def test_who_cannot_pay_pays_what_there_is() -> None:
    """From the free money, then the margin; the insurance pays the rest, and the record says what was paid."""
    world = PerpetualWorld(leverage=1, balance="1000")
    world.place("ann", BUY, "9")
    world.market.rate = D(2)
    there = world.money("ann")[0]
    world.later(QUARTER)
    (paid,) = fundings(world)
    assert paid.payment == -there
    assert world.money("ann") == (D(0), D(0))
    assert world.money(INSURANCE)[0] < 0
