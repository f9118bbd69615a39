"""Funding payments: recorded once, read back exactly, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.enums import PositionSide
from app.domain.errors import InvalidCursor
from app.domain.reports import FundingPayment
from app.storage.database import Database
from app.storage.funding import FundingFilter, FundingPayments
from app.storage.tables import FUNDING_PAYMENTS

PAID = datetime(2026, 1, 2, 8, 0, tzinfo=UTC)
LATER = PAID + timedelta(minutes=1)
ALL = FundingFilter()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of each kind."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def payments(database: Database) -> FundingPayments:
    """Payments on each database."""
    return FundingPayments(database)


def payment(name: str = "f1", hours: int = 0, **terms: Any) -> FundingPayment:
    given: dict[str, Any] = {
        "exchange_funding_id": name,
        "trading_pair": "BTC-USDT",
        "payment": Decimal("-0.65"),
        "currency": "USDT",
        "paid_at": PAID + timedelta(hours=hours),
        "rate": Decimal("0.0001"),
        "position_size": Decimal("0.1"),
        "position_side": PositionSide.BOTH,
    }
    return FundingPayment(**given | terms)


def test_what_is_put_comes_back_exactly(payments: FundingPayments, database: Database) -> None:
    """Every digit, and what the exchange did not say."""
    full = payment(payment=Decimal("0.123456789012345678"))
    bare = payment("f2", rate=None, position_size=None, position_side=None)
    assert payments.put("a", "paper_perpetual", [full, bare], at=LATER) == 2
    second, first = payments.page(ALL, limit=10, cursor=None).items
    assert (first.payment, second.payment) == (full, bare)
    assert (first.account_name, first.connector_name) == ("a", "paper_perpetual")
    recorded = database.rows(select(FUNDING_PAYMENTS.c.recorded_at))
    assert [row.recorded_at for row in recorded] == [LATER, LATER]
    assert second.number > first.number > 0


def test_a_payment_is_recorded_once(payments: FundingPayments) -> None:
    """However often it is put; the same id on another account, connector or pair is another payment."""
    assert payments.put("a", "x", [payment()], at=LATER) == 1
    assert payments.put("a", "x", [payment(), payment("f2")], at=LATER) == 1
    assert payments.put("a", "x", [payment(rate=Decimal(7))], at=LATER) == 0
    assert payments.put("b", "x", [payment()], at=LATER) == 1
    assert payments.put("a", "y", [payment()], at=LATER) == 1
    assert payments.put("a", "x", [payment(trading_pair="ETH-USDT")], at=LATER) == 1
    assert payments.put("a", "x", [], at=LATER) == 0
    page = payments.page(ALL, limit=10, cursor=None)
    assert (page.total_count, page.next_cursor) == (5, None)
    assert Decimal(7) not in [each.payment.payment for each in page.items]


def test_the_newest_is_known_by_account_and_connector(payments: FundingPayments) -> None:
    """Nothing at first, and whatever order they came in."""
    assert payments.last_paid_at("a", "x") is None
    payments.put("a", "x", [payment("f2", 8), payment("f1")], at=LATER)
    payments.put("b", "x", [payment("f3", 16)], at=LATER)
    assert payments.last_paid_at("a", "x") == PAID + timedelta(hours=8)
    assert payments.last_paid_at("a", "y") is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_show_each_payment_once_newest_first(payments: FundingPayments, limit: int) -> None:
    """Also those of one moment; the number in all is the same on every page."""
    payments.put("a", "x", [payment(f"f{n}", 8 * (n // 3)) for n in range(7)], at=LATER)
    seen: list[tuple[datetime, int]] = []
    cursor = None
    while True:
        page = payments.page(ALL, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        assert page.total_count == 7
        seen += [(each.payment.paid_at, each.number) for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7


def test_filters_narrow(payments: FundingPayments) -> None:
    """By account, connector, pair and time, whose ends are included."""
    payments.put("a", "x", [payment("f1"), payment("f2", 8), payment("f3", 16)], at=LATER)
    payments.put("b", "y", [payment("f4", trading_pair="ETH-USDT")], at=LATER)

    def ids(**wanted: Any) -> list[str]:
        page = payments.page(FundingFilter(**wanted), limit=10, cursor=None)
        assert page.total_count == len(page.items)
        return [each.payment.exchange_funding_id for each in page.items]

    assert ids(account_names=("a",)) == ["f3", "f2", "f1"]
    assert ids(connector_names=("y", "z")) == ["f4"]
    assert ids(trading_pairs=("ETH-USDT",)) == ["f4"]
    assert ids(account_names=("a",), connector_names=("y",)) == []
    eight = PAID + timedelta(hours=8)
    assert ids(start_at=eight) == ["f3", "f2"]
    assert ids(account_names=("a",), end_at=eight) == ["f2", "f1"]
    assert ids(start_at=eight, end_at=eight) == ["f2"]


def test_a_foreign_cursor_is_refused(payments: FundingPayments) -> None:
    """The error repeats the cursor."""
    with pytest.raises(InvalidCursor, match="'nonsense': pass back the next_cursor of a previous page"):
        payments.page(ALL, limit=10, cursor="nonsense")


def test_payments_that_share_an_id_are_each_recorded_once(payments: FundingPayments) -> None:
    """Both sides of a pair in hedge mode have one id, and an exchange that was reset gives it again."""
    sides = [payment(position_side=None), payment(position_side=None, payment=Decimal("0.65"))]
    again = payment(position_side=None, hours=8)
    other = payment(position_side=None, trading_pair="ETH-USDT")
    assert payments.put("a", "binance_perpetual", [*sides, again, other], at=LATER) == 4
    assert payments.put("a", "binance_perpetual", [*sides, again, other], at=LATER) == 0
    assert payments.page(ALL, limit=10, cursor=None).total_count == 4
