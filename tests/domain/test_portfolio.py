"""What accounts hold and what it is worth, to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.portfolio import Holding, Holdings, Snapshot, total_value
from tests.domain.orders import T0

D = Decimal


def a_holding(units: str, price: str | None, token: str = "BTC") -> Holding:
    return Holding(token=token, units=D(units), available_units=D(units), price=None if price is None else D(price))


@pytest.mark.parametrize(
    ("units", "price", "value"),
    [
        ("2", "60000.50", "120001"),
        ("0.1", "0.2", "0.02"),
        ("0", "60000", "0"),
        ("5", None, "0"),
        ("0.000000000000000001", "0.000000000000000001", "1E-36"),
        ("123456789.123456789", "987654321.987654321", "121932631356500531.347203169112635269"),
        ("-1", "100", "-100"),
    ],
)
def test_value_of_a_token(units: str, price: str | None, value: str) -> None:
    """Units times price, exactly and without needless zeros; nothing where no price is known."""
    assert a_holding(units, price).value == D(value)
    assert str(a_holding(units, price).value) == str(D(value))


def test_value_of_everything() -> None:
    """Values add up without binary fractions; a token without a price adds none."""
    tokens = (a_holding("0.1", "1"), a_holding("0.2", "1", "USDT"), a_holding("7", None, "XYZ"))
    held = Holdings(account_name="main", connector_name="paper", asked_at=T0, tokens=tokens)
    assert held.value == total_value(tokens) == D("0.3")
    assert total_value(()) == 0


def test_holdings_without_a_problem() -> None:
    """Holdings are as fresh as they say unless a problem is named."""
    held = Holdings(account_name="main", connector_name="paper", asked_at=T0, tokens=())
    assert held.problem is None
    assert held.value == 0
    assert Snapshot(at=T0, holdings=(held,)).holdings == (held,)
