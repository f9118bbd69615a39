"""Whom an incoming order meets: price-time priority, never through its limit, and exact sums."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from app.domain.enums import TradeType
from app.paper.market import Level
from app.paper.matching import plan
from app.paper.orders import PaperOrder
from tests.paper.still_market import APPLE, limit, market
from tests.paper.test_book import order

TICK = 5
STEP = APPLE.step


def ask(number: int, price: int, amount: str, *, account: str = "bob", placed_tick: int = 1) -> PaperOrder:
    made = order(number, TradeType.SELL, price)
    return replace(made, amount=D(amount), account=account, placed_tick=placed_tick)


def test_at_one_price_the_depth_stands_between_older_and_younger_orders() -> None:
    """An order from before the tick is served before the synthetic depth, one placed in the tick after it."""
    makers = [ask(1, 100, "1", placed_tick=4), ask(2, 100, "1", placed_tick=5)]
    got = plan(limit("ann", "a", TradeType.BUY, "3", 100), makers, [Level(D(100), D(1))], step=STEP, tick=TICK)
    assert [match.maker and match.maker.exchange_order_id for match in got.matches] == [1, None, 2]
    assert (got.amount, got.cost, got.complete, got.met_own) == (D(3), D(300), True, False)


def test_a_quote_amount_is_spent_in_whole_steps_level_by_level() -> None:
    """205 buys 1 at 100 and 1 at 101; what is left does not buy a step, so the order is complete."""
    levels = [Level(D(100), D(1)), Level(D(101), D(1)), Level(D(102), D(9))]
    got = plan(market("ann", "a", TradeType.BUY, quote_amount="205"), [], levels, step=STEP, tick=TICK)
    assert (got.amount, got.cost, got.complete) == (D(2), D(201), True)


def test_a_quote_amount_below_a_step_gets_nothing_and_is_not_complete() -> None:
    """Six do not buy a tenth at 100."""
    levels = [Level(D(100), D(1))]
    got = plan(market("ann", "a", TradeType.BUY, quote_amount="6"), [], levels, step=STEP, tick=TICK)
    assert (got.matches, got.complete) == ((), False)


def test_an_order_stops_at_one_of_its_own_account() -> None:
    """What stands before its own order it takes, nothing behind."""
    makers = [ask(1, 100, "1"), ask(2, 101, "1", account="ann"), ask(3, 102, "1")]
    got = plan(limit("ann", "a", TradeType.BUY, "3", 105), makers, [], step=STEP, tick=TICK)
    assert (got.amount, got.complete, got.met_own) == (D(1), False, True)


tenths = st.integers(1, 50).map(lambda steps: steps * STEP)
prices = st.integers(90, 110)


@given(
    makers=st.lists(st.tuples(prices, tenths, st.integers(1, TICK)), max_size=8),
    levels=st.dictionaries(prices, tenths, max_size=8),
    amount=tenths,
    price=prices,
    side=st.sampled_from(TradeType),
)
def test_matching_keeps_priority_limit_and_sums(
    makers: list[tuple[int, D, int]], levels: dict[int, D], amount: D, price: int, side: TradeType
) -> None:
    """For any book: prices never worse than the limit and never getting better, older orders first among equals, nobody gives more
    than it has, the sums are exact, and the order is left with something only if nothing at its price is.
    """
    sign = 1 if side is TradeType.BUY else -1
    ticks = sorted(tick for _, _, tick in makers)
    resting = [
        replace(ask(number, at, "1", placed_tick=tick), amount=size)
        for number, ((at, size, _), tick) in enumerate(zip(makers, ticks, strict=True))
    ]
    resting.sort(key=lambda maker: (sign * maker.limit, maker.exchange_order_id))
    depth = [Level(D(at), levels[at]) for at in sorted(levels, key=lambda at: sign * at)]
    new = replace(limit("ann", "a", side, "1", price), amount=amount)

    got = plan(new, resting, depth, step=STEP, tick=TICK)

    ranks = [sign * match.price for match in got.matches]
    assert ranks == sorted(ranks)
    assert all(rank <= sign * price for rank in ranks)
    assert got.amount == sum(match.amount for match in got.matches) <= amount
    assert got.cost == sum(match.amount * match.price for match in got.matches)
    available = {(maker.limit, maker.exchange_order_id): maker.remaining for maker in resting}
    available |= {(level.price, None): level.amount for level in depth}
    for match in got.matches:
        key = (match.price, match.maker and match.maker.exchange_order_id)
        assert D(0) < match.amount <= available.pop(key)
        older = [maker for maker in resting if match.maker and maker.limit == match.price]
        assert all(
            (maker.limit, maker.exchange_order_id) not in available
            for maker in older
            if match.maker and maker.exchange_order_id < match.maker.exchange_order_id
        )
    within = sum(size for (at, _), size in available.items() if sign * at <= sign * price)
    assert got.complete == (got.amount == amount)
    assert got.complete or within == 0
