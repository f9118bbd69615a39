"""When a position is liquidated, and at which price that is said to happen: the two agree to the last tick."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.enums import PositionSide
from app.paper.perpetual.margin import MAINTENANCE, MAX_LEVERAGE, is_liquidable, liquidation_price
from app.paper.perpetual.positions import PaperPosition, initial_margin, opened
from tests.clock import START

TICK = D("0.01")


def position(amount: D, price: D, leverage: int) -> PaperPosition:
    empty = PaperPosition(account="ann", trading_pair="APPLE-EURO", side=PositionSide.BOTH, updated_at=START)
    return opened(empty, amount, price, initial_margin(abs(amount) * price, leverage), START)


@pytest.mark.parametrize(("amount", "price"), [("1", "95.38"), ("-1", "104.59")])
def test_liquidation_price_of_a_position_of_twenty_times(amount: str, price: str) -> None:
    """A twentieth away from the entry, less what must be left of it."""
    assert liquidation_price(position(D(amount), D(100), 20), TICK) == D(price)


def test_what_borrows_nothing_is_never_liquidated_by_a_falling_price() -> None:
    """A long without leverage has no such price; a short always has one."""
    assert liquidation_price(position(D(1), D(100), 1), TICK) is None
    assert liquidation_price(position(D(-1), D(100), 1), TICK) == D("199.21")


@given(
    amount=st.integers(-1_000, 1_000).filter(bool),
    price=st.integers(100, 1_000_000),
    leverage=st.integers(1, MAX_LEVERAGE),
)
def test_the_price_is_the_first_at_which_it_happens(amount: int, price: int, leverage: int) -> None:
    """At it the position is liquidable, a tick before it is not."""
    held = position(D(amount) / 10, D(price) / 100, leverage)
    found = liquidation_price(held, TICK)
    assume(found is not None)
    assert found is not None
    before = found + TICK if held.is_long else found - TICK
    assert is_liquidable(held, found)
    assert not is_liquidable(held, before)


@pytest.mark.parametrize("amount", [D(1), D(-1)])
def test_nobody_is_liquidated_by_opening(amount: D) -> None:
    """The highest leverage leaves more than the maintenance margin, also after the dearest fee."""
    held = position(amount, D(100), MAX_LEVERAGE)
    assert not is_liquidable(held, D(100))
    assert held.margin - D(100) * D("0.0005") > D(100) * MAINTENANCE


def test_a_closed_position_is_safe() -> None:
    """Nothing can happen to nothing."""
    empty = PaperPosition(account="ann", trading_pair="APPLE-EURO", side=PositionSide.BOTH, updated_at=START)
    assert not is_liquidable(empty, D(1))
