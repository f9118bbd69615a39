"""Lists of which some rows can't be read."""

from __future__ import annotations

import pytest

from app.connectors.rows import Rows, UnreadableRow, row_count, unreadable_rows
from app.domain.order import OrderRef

REF = OrderRef(trading_pair="BTC-USDT", order_id="o1", exchange_client_order_id="c1", exchange_order_id="4711")


@pytest.mark.parametrize(
    ("row", "may_be"),
    [
        (UnreadableRow(why="?"), True),
        (UnreadableRow(why="?", trading_pair="ETH-USDT"), True),
        (UnreadableRow(why="?", order_id="o1"), True),
        (UnreadableRow(why="?", order_id="c1"), True),
        (UnreadableRow(why="?", order_id="o2", exchange_order_id="4711"), True),
        (UnreadableRow(why="?", order_id="o2"), False),
        (UnreadableRow(why="?", exchange_order_id="4712"), False),
    ],
)
def test_a_row_may_be_about_an_order(row: UnreadableRow, may_be: bool) -> None:
    """By one of the order's names, or because it has none that could be read: what can't be excluded counts."""
    assert row.may_be(REF) is may_be


def test_a_number_alone_does_not_exclude_an_order_whose_number_is_not_known() -> None:
    """Another client id does."""
    ref = OrderRef(trading_pair="BTC-USDT", order_id="o1")
    assert not UnreadableRow(why="?", order_id="o2").may_be(ref)
    assert not UnreadableRow(why="?", order_id="o2", exchange_order_id="4711").may_be(ref)
    assert UnreadableRow(why="?", exchange_order_id="4711").may_be(ref)


def test_a_list_is_what_could_be_read() -> None:
    """The rest is beside it, and counts as rows of the exchange's list: a page is full by what came, not by what was read."""
    odd = UnreadableRow(order_id="o3", why="a status that nobody knows")
    rows = Rows.of(["o1", "o2"], [odd])
    assert rows == ["o1", "o2"]
    assert unreadable_rows(rows) == (odd,)
    assert row_count(rows) == 3


def test_a_plain_list_has_nothing_unreadable() -> None:
    """Connectors that read a list as a whole return such."""
    assert unreadable_rows(["o1"]) == ()
    assert row_count(["o1"]) == 1
    assert Rows.of(["o1"]).unreadable == ()
