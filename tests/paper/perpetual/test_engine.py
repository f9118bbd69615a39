"""The engine of perpetuals: opening, closing, turning, margins, orders that may only reduce, the two position modes."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.domain.enums import Liquidity, OrderState, OrderType, PositionMode, PositionSide, TimeInForce, TradeType
from app.paper.ledger import CLEARING, FEES, INSURANCE
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.paper.perpetual.world import BUY, PAIR, SELL, PerpetualWorld

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.fixture
def world() -> PerpetualWorld:
    return PerpetualWorld()


# -- opening and closing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "amount", "price"), [(BUY, "2", 101), (SELL, "-2", 99)])
def test_a_market_order_opens_a_position_with_margin(
    world: PerpetualWorld, side: TradeType, amount: str, price: int
) -> None:
    """A tenth of its value is set aside, the fee is paid in the settlement asset, and no coins change hands."""
    order = world.place("ann", side, "2")
    position = world.position("ann")
    assert (order.state, position.amount, position.cost) == (OrderState.FILLED, D(amount), D(2 * price))
    assert position.margin == D(2 * price) / 10
    assert world.money("ann") == (1000 - D(2 * price) * D("0.002"), position.margin)
    assert world.money(FEES)[0] == D(2 * price) * D("0.002")
    (fill,) = world.fills()
    assert (fill.fee_currency, fill.liquidity, fill.realized_pnl) == ("EURO", Liquidity.TAKER, D(0))


def test_closing_pays_the_result_and_sets_the_margin_free(world: PerpetualWorld) -> None:
    """Bought at 101, half of it sold at 109: four euros of profit, out of the clearing account."""
    world.place("ann", BUY, "1")
    world.later(mark=110)
    world.changes()
    world.place("ann", SELL, "0.5")
    (fill,) = world.fills()
    assert fill.realized_pnl == D("4")
    assert world.money(CLEARING)[0] == D(-4)
    assert world.money("ann") == (D("1003.689"), D("5.05"))
    world.place("ann", SELL, "0.5")
    assert world.money("ann") == (D("1007.58"), D(0))
    assert not world.position("ann").is_open


def test_an_order_may_turn_a_position_round(world: PerpetualWorld) -> None:
    """One long and three sold are two short; the margin of the long pays for a part of it."""
    world.place("ann", BUY, "1")
    world.place("ann", SELL, "3")
    position = world.position("ann")
    assert (position.amount, position.cost, position.margin) == (D(-2), D(198), D("19.8"))
    assert position.realized_pnl == D(-2)


def test_a_resting_order_holds_margin_until_it_is_filled_or_canceled(world: PerpetualWorld) -> None:
    """A tenth of its value; as a maker it pays the lower fee, and its hold becomes the position's margin."""
    resting = world.place("ann", BUY, "2", 90)
    assert world.money("ann") == (D(1000), D(18))
    other = world.place("ann", BUY, "1", 80)
    world.engine.cancel(other, world.now)
    assert world.money("ann") == (D(1000), D(18))
    world.changes()
    world.later(mark=89)
    assert world.order(resting) is None
    assert (world.position("ann").amount, world.position("ann").margin) == (D(2), D(18))
    (fill,) = world.fills()
    assert (fill.price, fill.fee, fill.liquidity) == (D(90), D("0.18"), Liquidity.MAKER)
    assert world.money("ann") == (D("999.82"), D(18))


def test_users_trade_with_each_other(world: PerpetualWorld) -> None:
    """Each has its own position at the resting price; nothing goes through the market."""
    world.place("bob", SELL, "2", 100)
    world.place("ann", BUY, "2", 100)
    assert (world.position("ann").amount, world.position("bob").amount) == (D(2), D(-2))
    assert world.money("ann")[0] + world.money("bob")[0] + world.money(FEES)[0] == 2000
    assert world.money(CLEARING)[0] == 0


def test_margin_that_is_not_there_is_refused(world: PerpetualWorld) -> None:
    """A thousand euros at ten times buy not quite a hundred at 101, for the fee must be paid too; nor may a hold exceed them."""
    assert world.refuses("ann", BUY, "99") is RefusalCode.INSUFFICIENT_BALANCE
    assert world.refuses("ann", BUY, "200", 90) is RefusalCode.INSUFFICIENT_BALANCE
    world.place("ann", BUY, "90")
    world.changes()
    assert world.refuses("ann", BUY, "9", 90) is RefusalCode.INSUFFICIENT_BALANCE
    # To close needs nothing, and to turn round only what the other side needs beyond it.
    world.place("ann", SELL, "150", 98)
    assert world.position("ann").amount == D(-60)


def test_all_of_the_money_may_be_held_and_still_be_filled() -> None:
    """The fee then comes out of the margin: nothing goes below zero."""
    world = PerpetualWorld(balance="90")
    world.place("ann", BUY, "10", 90)
    assert world.money("ann") == (D(90), D(90))
    world.later(mark=89)
    assert world.money("ann") == (D("89.1"), D("89.1"))
    assert world.position("ann").margin == D("89.1")


def test_what_an_account_cannot_pay_the_insurance_pays() -> None:
    """Closed far below the mark, for more than the account has: loss and fee are paid, and the fee is smaller by the rest."""
    world = PerpetualWorld(balance="21")
    world.place("ann", BUY, "2")
    world.changes()
    there = world.money("ann")[0]
    world.market.bids = ((60, "100"),)
    world.later()
    world.place("ann", SELL, "2", reduce_only=True)
    (fill,) = world.fills()
    fee = 120 * D("0.002")
    missing = 82 + fee - there
    assert (fill.realized_pnl, fill.fee) == (D(-82), fee - missing)
    assert world.money("ann") == (there + fill.realized_pnl - fill.fee, D(0)) == (D(0), D(0))
    assert world.money(INSURANCE)[0] == -missing


@pytest.mark.parametrize(
    ("time_in_force", "state", "filled"),
    [(TimeInForce.IOC, OrderState.EXPIRED, "100"), (TimeInForce.FOK, OrderState.EXPIRED, "0")],
)
def test_times_in_force_work_as_on_spot(time_in_force: TimeInForce, state: OrderState, filled: str) -> None:
    """Of 150 asked at 101 there are 100."""
    world = PerpetualWorld(balance="100000")
    order = world.place("ann", BUY, "150", 101, time_in_force=time_in_force)
    assert (order.state, order.filled_amount) == (state, D(filled))
    assert world.position("ann").amount == D(filled)


def test_a_limit_maker_order_never_takes(world: PerpetualWorld) -> None:
    """It is refused where it would."""
    assert world.refuses("ann", BUY, "1", 101, order_type=OrderType.LIMIT_MAKER) is RefusalCode.WOULD_TAKE


def test_an_order_by_quote_amount_is_refused(world: PerpetualWorld) -> None:
    """Contracts are counted in base units."""
    assert world.refuses("ann", BUY, None, quote_amount=D(50)) is RefusalCode.INVALID_ORDER


# -- orders that may only reduce ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "amount"), [(BUY, "1"), (SELL, "2.1")])
def test_an_order_that_would_open_or_increase_is_refused(world: PerpetualWorld, side: TradeType, amount: str) -> None:
    """Also one that would close the position and open another."""
    world.place("ann", BUY, "2")
    world.changes()
    assert world.refuses("ann", side, amount, reduce_only=True) is RefusalCode.REDUCE_ONLY
    assert world.refuses("bob", side, "1", reduce_only=True) is RefusalCode.REDUCE_ONLY


def test_who_closes_the_wrong_way_reads_what_is_held(world: PerpetualWorld) -> None:
    """A BUY closes a short position; the refusal names the position that there is."""
    with pytest.raises(PaperRefusal, match="a BUY closes a short position, and the account holds none of"):
        world.place("ann", BUY, "2", reduce_only=True)
    world.place("ann", BUY, "2")
    with pytest.raises(PaperRefusal, match="a BUY closes a short position, and the account holds a long one of 2 of"):
        world.place("ann", BUY, "2", reduce_only=True)


def test_dust_can_be_closed(world: PerpetualWorld) -> None:
    """The minimum value holds for opening, not for getting rid of the last tenth of an apple."""
    world.market.mark = D(40)
    world.place("ann", BUY, "0.2")
    world.place("ann", SELL, "0.1", reduce_only=True)
    world.changes()
    assert world.refuses("ann", SELL, "0.1") is RefusalCode.NOTIONAL
    assert world.place("ann", SELL, "0.1", reduce_only=True).state is OrderState.FILLED


def test_a_reduce_only_order_takes_no_margin_and_is_reduced_with_the_position(world: PerpetualWorld) -> None:
    """From two to one half; once the position is closed it expires, with its reason."""
    world.place("ann", BUY, "2")
    held = world.money("ann")[1]
    resting = world.place("ann", SELL, "2", 120, reduce_only=True)
    assert world.money("ann")[1] == held
    world.place("ann", SELL, "1.5")
    cut = world.order(resting)
    assert cut is not None
    assert (cut.amount, cut.remaining, cut.reason) == (D("0.5"), D("0.5"), "reduce_only")
    world.changes()
    world.place("ann", SELL, "0.5")
    assert world.order(resting) is None
    done = world.changes().orders[resting.exchange_order_id]
    assert (done.state, done.reason, done.filled_amount) == (OrderState.EXPIRED, "reduce_only", D(0))


def test_a_reduced_order_ends_as_expired_when_its_rest_is_filled(world: PerpetualWorld) -> None:
    """It got less than was asked, so it is not filled."""
    world.place("ann", BUY, "2")
    resting = world.place("ann", SELL, "2", 120, reduce_only=True)
    world.place("ann", SELL, "1.5")
    world.changes()
    world.later(mark=125)
    done = world.changes().orders[resting.exchange_order_id]
    assert (done.state, done.filled_amount, done.amount) == (OrderState.EXPIRED, D("0.5"), D("0.5"))
    assert not world.position("ann").is_open


def test_two_reducing_orders_share_one_position(world: PerpetualWorld) -> None:
    """Both may stand for all of it; one buyer gets it once, from the better price, and no short is opened."""
    world.market.asks = ((101, "100"), (200, "100"))
    world.place("ann", BUY, "2")
    world.later()
    world.market.asks = ((200, "100"),)
    first = world.place("ann", SELL, "1.5", 110, reduce_only=True)
    second = world.place("ann", SELL, "2", 111, reduce_only=True)
    world.later()
    world.changes()
    bought = world.place("bob", BUY, "3", 115)
    assert (bought.filled_amount, bought.filled_quote) == (D(2), D("1.5") * 110 + D("0.5") * 111)
    assert not world.position("ann").is_open
    assert world.order(first) is world.order(second) is None


def test_a_plain_order_that_is_filled_first_leaves_nothing_to_reduce(world: PerpetualWorld) -> None:
    """An order that would match both is planned with what is left."""
    world.place("ann", BUY, "2")
    world.market.asks = ((200, "100"),)
    world.later()
    world.place("ann", SELL, "2", 110)
    reducing = world.place("ann", SELL, "2", 111, reduce_only=True)
    killed = world.place("bob", BUY, "4", 115, time_in_force=TimeInForce.FOK)
    assert killed.state is OrderState.EXPIRED
    bought = world.place("bob", BUY, "4", 115, time_in_force=TimeInForce.IOC)
    assert bought.filled_amount == D(2)
    assert world.order(reducing) is None


# -- position modes -----------------------------------------------------------------------------------------------------


def test_in_hedge_mode_both_sides_stand_side_by_side(world: PerpetualWorld) -> None:
    """Two positions of one pair, opened and closed each by its own orders."""
    world.hedge("ann")
    world.place("ann", BUY, "2", position_side=LONG)
    world.place("ann", SELL, "3", position_side=SHORT)
    assert (world.position("ann", LONG).amount, world.position("ann", SHORT).amount) == (D(2), D(-3))
    world.place("ann", SELL, "1", position_side=LONG)
    world.place("ann", BUY, "3", position_side=SHORT)
    assert (world.position("ann", LONG).amount, world.position("ann", SHORT).is_open) == (D(1), False)


def test_in_hedge_mode_a_closing_order_may_not_do_more(world: PerpetualWorld) -> None:
    """It is refused above the position, and reduced like a reduce-only order."""
    world.hedge("ann")
    world.place("ann", BUY, "2", position_side=LONG)
    resting = world.place("ann", SELL, "2", 120, position_side=LONG)
    assert resting.reduce_only
    world.place("ann", SELL, "1", position_side=LONG)
    cut = world.order(resting)
    assert cut is not None
    assert cut.remaining == 1
    world.changes()
    assert world.refuses("ann", SELL, "1.1", position_side=LONG) is RefusalCode.REDUCE_ONLY
    assert world.refuses("ann", BUY, "1", position_side=SHORT) is RefusalCode.REDUCE_ONLY


def test_the_side_must_fit_the_mode(world: PerpetualWorld) -> None:
    """Named in hedge mode, and only there."""
    assert world.refuses("ann", BUY, "1", position_side=LONG) is RefusalCode.POSITION_SIDE
    world.hedge("ann")
    world.changes()
    assert world.refuses("ann", BUY, "1") is RefusalCode.POSITION_SIDE


def test_the_mode_changes_only_while_nothing_is_open(world: PerpetualWorld) -> None:
    """Refused with an order and with a position; the same mode again is no change."""
    order = world.place("ann", BUY, "1", 90)
    world.engine.set_mode("ann", PositionMode.ONEWAY)
    with pytest.raises(PaperRefusal, match="open orders"):
        world.hedge("ann")
    world.engine.cancel(order, world.now)
    world.place("ann", BUY, "1")
    with pytest.raises(PaperRefusal, match="positions") as refusal:
        world.hedge("ann")
    assert refusal.value.code is RefusalCode.POSITION_MODE
    world.place("ann", SELL, "1")
    world.hedge("ann")
    assert (world.state.mode("ann"), world.state.mode("bob")) == (PositionMode.HEDGE, PositionMode.ONEWAY)


# -- leverage -----------------------------------------------------------------------------------------------------------


def test_leverage_changes_the_margin_of_what_is_open(world: PerpetualWorld) -> None:
    """Of positions and of orders, in both directions."""
    world.place("ann", BUY, "2")
    world.place("ann", BUY, "1", 90)
    assert world.money("ann")[1] == D("20.2") + 9
    world.engine.set_leverage("ann", PAIR, 20, world.now)
    assert (world.money("ann")[1], world.position("ann").margin) == (D("10.1") + D("4.5"), D("10.1"))
    world.engine.set_leverage("ann", PAIR, 1, world.now)
    assert world.money("ann")[1] == 202 + 90


@pytest.mark.parametrize(("leverage", "code"), [(0, RefusalCode.LEVERAGE), (126, RefusalCode.LEVERAGE)])
def test_leverage_has_bounds(world: PerpetualWorld, leverage: int, code: RefusalCode) -> None:
    """From 1 to 125."""
    with pytest.raises(PaperRefusal) as refusal:
        world.engine.set_leverage("ann", PAIR, leverage, world.now)
    assert refusal.value.code is code


def test_leverage_is_refused_where_the_margin_is_not_there_or_would_not_do(world: PerpetualWorld) -> None:
    """Less leverage needs money, more needs a position that survives it."""
    world.place("ann", BUY, "50")
    world.later(mark=97)
    before = world.money("ann")
    with pytest.raises(PaperRefusal) as refusal:
        world.engine.set_leverage("ann", PAIR, 2, world.now)
    assert refusal.value.code is RefusalCode.INSUFFICIENT_BALANCE
    with pytest.raises(PaperRefusal) as refusal:
        world.engine.set_leverage("ann", PAIR, 50, world.now)
    assert refusal.value.code is RefusalCode.LEVERAGE
    assert world.money("ann") == before
    assert world.state.leverage("ann", PAIR) == 10
    with pytest.raises(PaperRefusal, match="PEAR"):
        world.engine.set_leverage("ann", "PEAR-EURO", 2, world.now)
