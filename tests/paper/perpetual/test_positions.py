"""A position's sums: opened, grown, closed in parts, on either side."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.enums import PositionSide
from app.paper.perpetual.positions import PaperPosition, closed, initial_margin, opened
from tests.clock import START

EMPTY = PaperPosition(account="ann", trading_pair="APPLE-EURO", side=PositionSide.BOTH, updated_at=START)


def grown(*trades: tuple[str, str], margin: str = "10") -> PaperPosition:
    """A position after trades of (signed amount, price), each with that margin."""
    position = EMPTY
    for amount, price in trades:
        position = opened(position, D(amount), D(price), D(margin), START)
    return position


def test_opening_adds_up_what_was_paid() -> None:
    """Two at 100 and one at 103 cost 303, 101 on average."""
    position = grown(("2", "100"), ("1", "103"))
    assert (position.amount, position.cost, position.margin, position.entry_price) == (D(3), D(303), D(20), D(101))
    assert position.is_long
    assert position.pnl(D(110)) == D(27)


def test_a_short_gains_when_the_price_falls() -> None:
    """Its amount is negative, its cost is not."""
    position = grown(("-2", "100"))
    assert (position.amount, position.size, position.cost, position.is_long) == (D(-2), D(2), D(200), False)
    assert (position.pnl(D(90)), position.pnl(D(110))) == (D(20), D(-20))


@pytest.mark.parametrize(("amount", "profit"), [("3", "30"), ("-3", "-30")])
def test_closing_a_part_gives_its_share_of_everything(amount: str, profit: str) -> None:
    """A third of cost, margin and result; the sign of the result is the side's."""
    position = grown((amount, "100"), margin="30")
    done = closed(position, D(1), D(110), START)
    assert (done.pnl, done.freed) == (D(profit) / 3, D(10))
    assert (done.position.size, done.position.cost, done.position.margin) == (D(2), D(200), D(20))
    assert done.position.realized_pnl == done.pnl


def test_closing_all_leaves_nothing_but_the_result() -> None:
    """Amount, cost and margin are zero exactly."""
    done = closed(grown(("3", "100"), margin="30"), D(3), D(90), START)
    after = done.position
    assert (after.is_open, after.cost, after.margin, after.realized_pnl) == (False, D(0), D(0), D(-30))


def test_a_share_without_an_end_in_decimals_is_cut_and_the_rest_kept() -> None:
    """A third of 100 is not a decimal; what one close does not take the others do."""
    position = grown(("3", "33.333"), margin="100")
    first = closed(position, D(1), D(40), START)
    second = closed(first.position, D(1), D(40), START)
    last = closed(second.position, D(1), D(40), START)
    assert first.freed == D("33.333333333333333333")
    assert first.freed + second.freed + last.freed == D(100)
    assert last.position.realized_pnl == D("20.001")


@given(
    st.sampled_from((1, -1)),
    st.lists(st.tuples(st.integers(1, 1_000), st.integers(1, 10_000)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 1_000), st.integers(1, 10_000)), max_size=5),
)
def test_results_are_what_the_trades_brought(
    sign: int, bought: list[tuple[int, int]], sold: list[tuple[int, int]]
) -> None:
    """Over any trades, the result so far less what is still invested is exactly the money that came in less what went out."""
    position, cash = EMPTY, D(0)
    for steps, price in bought:
        position = opened(position, sign * D(steps) / 10, D(price) / 100, D(1), START)
        cash -= sign * D(steps) / 10 * D(price) / 100
    for steps, price in sold:
        amount = min(D(steps) / 10, position.size)
        if amount:
            position = closed(position, amount, D(price) / 100, START).position
            cash += sign * amount * D(price) / 100
    assert position.realized_pnl - sign * position.cost == cash


@pytest.mark.parametrize(
    ("notional", "leverage", "margin"),
    [("100", 1, "100"), ("100", 3, "33.33333334"), ("0.00000001", 125, "0.00000001")],
)
def test_initial_margin_is_rounded_up(notional: str, leverage: int, margin: str) -> None:
    """To eight places."""
    assert initial_margin(D(notional), leverage) == D(margin)
