"""Questions to one side of a book: exact, best price first, and honest about where the book ends."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.markets.order_book import Sweep, sweep_quote_volume, sweep_to_price, sweep_volume, taken_side
from app.domain.reports import BookLevel, OrderBook

D = Decimal


def levels(*pairs: tuple[str, str]) -> tuple[BookLevel, ...]:
    return tuple(BookLevel(price=D(price), amount=D(amount)) for price, amount in pairs)


ASKS = levels(("100", "1"), ("101", "2"), ("105", "4"))
BIDS = levels(("99", "1"), ("98", "2"), ("90", "4"))


def swept(volume: str, quote_volume: str, last_price: str | None, *, is_complete: bool = True) -> Sweep:
    return Sweep(
        volume=D(volume),
        quote_volume=D(quote_volume),
        last_price=None if last_price is None else D(last_price),
        is_complete=is_complete,
    )


def test_a_buyer_takes_asks_and_a_seller_bids() -> None:
    """Which side is taken from follows from which way one trades."""
    book = OrderBook(trading_pair="A-B", bids=BIDS, asks=ASKS, reported_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert taken_side(book, is_buy=True) is ASKS
    assert taken_side(book, is_buy=False) is BIDS


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ("0.5", swept("0.5", "50", "100")),
        ("1", swept("1", "100", "100")),
        ("1.5", swept("1.5", "150.5", "101")),
        ("7", swept("7", "722", "105")),
        ("7.1", swept("7", "722", "105", is_complete=False)),
    ],
)
def test_volume(volume: str, expected: Sweep) -> None:
    """A volume reaches to the level that completes it; what the book does not hold is not made up."""
    assert sweep_volume(ASKS, D(volume)) == expected


@pytest.mark.parametrize(
    ("quote_volume", "expected"),
    [
        ("50", swept("0.5", "50", "100")),
        ("100", swept("1", "100", "100")),
        ("201", swept("2", "201", "101")),
        ("722", swept("7", "722", "105")),
        ("723", swept("7", "722", "105", is_complete=False)),
    ],
)
def test_quote_volume(quote_volume: str, expected: Sweep) -> None:
    """Money reaches to the level at which it is spent."""
    assert sweep_quote_volume(ASKS, D(quote_volume)) == expected


@pytest.mark.parametrize(
    ("price", "is_buy", "expected"),
    [
        ("99.99", True, swept("0", "0", None)),
        ("100", True, swept("1", "100", "100")),
        ("104", True, swept("3", "302", "101")),
        ("105", True, swept("7", "722", "105", is_complete=False)),
        ("99.5", False, swept("0", "0", None)),
        ("98", False, swept("3", "295", "98")),
        ("1", False, swept("7", "655", "90", is_complete=False)),
    ],
)
def test_price(price: str, is_buy: bool, expected: Sweep) -> None:
    """Everything at the price or better; complete only where a worse level shows that there is no more."""
    assert sweep_to_price(ASKS if is_buy else BIDS, D(price), is_buy=is_buy) == expected


def test_average_price() -> None:
    """The average weighs each level by what is taken of it, and there is none of nothing."""
    assert sweep_volume(ASKS, D("2")).average_price == D("100.5")
    assert sweep_volume((), D("2")).average_price is None


def test_an_empty_side_answers_nothing_completely() -> None:
    """A side without levels has no price for anything."""
    for found in (
        sweep_volume((), D(1)),
        sweep_quote_volume((), D(1)),
        sweep_to_price((), D(1), is_buy=True),
    ):
        assert found == swept("0", "0", None, is_complete=False)


amounts = st.decimals("0.00000001", "1000000", places=8)
sides = st.lists(st.tuples(amounts, amounts), min_size=1, max_size=20).map(
    lambda pairs: tuple(BookLevel(price=price, amount=amount) for price, amount in sorted(pairs))
)


@given(sides, amounts)
def test_money_never_buys_more_than_it_pays_for(side: tuple[BookLevel, ...], quote_volume: Decimal) -> None:
    """A division that does not come out even is rounded so that the volume costs at most what was asked, and nearly that."""
    found = sweep_quote_volume(side, quote_volume)
    cost = sweep_volume(side, found.volume).quote_volume
    assert cost <= quote_volume
    if found.is_complete:
        assert found.quote_volume == quote_volume
        assert quote_volume - cost < D("1e-12")


@given(sides, amounts)
def test_a_volume_is_exact(side: tuple[BookLevel, ...], volume: Decimal) -> None:
    """The volume is the one that was asked for, to the last digit, or all there is; and its average lies within the prices."""
    found = sweep_volume(side, volume)
    assert found.volume == min(volume, sum((level.amount for level in side), D(0)))
    assert found.average_price is not None
    assert found.last_price is not None
    assert side[0].price - D("1e-18") <= found.average_price <= found.last_price
