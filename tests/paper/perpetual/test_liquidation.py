"""Liquidation: when the mark price has used the margin up, and who bears what is left or missing."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.domain.enums import OrderState, TradeType
from app.paper.ledger import CLEARING, INSURANCE
from app.paper.perpetual.margin import liquidation_price
from tests.paper.perpetual.world import BUY, SELL, PerpetualWorld
from tests.paper.still_market import APPLE


@pytest.mark.parametrize(("side", "safe", "fatal"), [(BUY, 92, 91), (SELL, 108, 109)])
def test_a_position_is_closed_at_its_liquidation_price(side: TradeType, safe: int, fatal: int) -> None:
    """At the mark, by an order of the exchange's own; what was left of the margin goes to the insurance."""
    world = PerpetualWorld()
    world.place("ann", side, "2")
    position = world.position("ann")
    assert liquidation_price(position, APPLE.tick) == fatal
    world.later(mark=safe)
    assert world.position("ann").is_open
    world.changes()
    free = world.money("ann")[0] - position.margin
    world.later(mark=fatal)
    changes = world.changes()
    (fill,) = changes.fills
    (order,) = changes.orders.values()
    assert (order.client_order_id, order.reason) == (f"liquidation-{order.exchange_order_id}", "liquidation")
    assert (order.state, fill.price, fill.amount, fill.is_liquidation) == (OrderState.FILLED, D(fatal), D(2), True)
    assert fill.realized_pnl == -20
    assert fill.fee == position.margin - 20 == world.money(INSURANCE)[0]
    assert world.money(CLEARING)[0] == 20
    assert world.money("ann") == (free, D(0))
    assert not world.position("ann").is_open
    assert [event.name for event in changes.events if event.order is not None] == ["new", "trade"]


def test_a_leap_of_the_price_is_borne_by_the_insurance() -> None:
    """The loss was more than the margin: the account loses no more than that, and the fee is what the insurance paid."""
    world = PerpetualWorld()
    world.place("ann", BUY, "2")
    free = world.money("ann")[0] - world.position("ann").margin
    world.changes()
    world.later(mark=60)
    (fill,) = world.fills()
    assert (fill.realized_pnl, fill.fee) == (D(-82), D("20.2") - 82)
    assert world.money("ann") == (free, D(0))
    assert world.money(INSURANCE)[0] == D("20.2") - 82


def test_only_the_position_falls_that_is_beyond_saving() -> None:
    """The other account, with less leverage, keeps its position; orders that were to reduce the lost one expire."""
    world = PerpetualWorld()
    world.engine.set_leverage("bob", "APPLE-EURO", 2, world.now)
    world.place("ann", BUY, "2")
    world.place("bob", BUY, "2")
    resting = world.place("ann", SELL, "2", 120, reduce_only=True)
    opening = world.place("ann", BUY, "1", 50)
    world.later(mark=85)
    assert (world.position("ann").is_open, world.position("bob").is_open) == (False, True)
    assert world.order(resting) is None
    assert world.order(opening) is not None
    assert world.money("ann")[1] == 5


def test_an_order_that_rests_on_the_way_saves_the_position() -> None:
    """Resting orders trade before margins are looked at."""
    world = PerpetualWorld()
    world.place("ann", SELL, "2")
    world.place("ann", BUY, "2", 95, reduce_only=True)
    world.changes()
    world.market.asks = ((90, "100"),)
    world.market.mark = D(120)
    world.later()
    (fill,) = world.fills()
    assert (fill.is_liquidation, fill.realized_pnl) == (False, D(8))


def test_a_long_stop_finds_the_moment_of_liquidation() -> None:
    """The market is looked at on its way, also where there are positions only: it fell and came back."""
    world = PerpetualWorld()
    world.place("ann", BUY, "2")
    tick = world.state.tick

    class Dip(type(world.market)):  # type: ignore[misc]
        def mid(self, pair: object, tick_now: int) -> D:
            return D(80) if tick_now == tick + 300 else D(100)

    world.market.__class__ = Dip
    world.later(600)
    assert not world.position("ann").is_open
