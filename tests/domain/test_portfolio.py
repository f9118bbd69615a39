"""What holdings are worth."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from app.domain.portfolio import Holding, Holdings

AT = datetime(2026, 1, 2, tzinfo=UTC)


def holding(token: str, units: str, price: str | None) -> Holding:
    return Holding(
        token=token,
        units=Decimal(units),
        available_units=Decimal(units),
        price=None if price is None else Decimal(price),
    )


def test_value_is_the_exact_product() -> None:
    """Not a digit is lost between units and price, and no exponent shows."""
    assert holding("X", "0.123456789012345678", "1234567.12345678").value == Decimal(
        "152415.69288218220725500365279684"
    )
    assert str(holding("X", "100", "10").value) == "1000"


def test_unknown_price_is_worth_nothing() -> None:
    """A token without a price adds nothing to a sum."""
    assert holding("X", "5", None).value == 0


def test_value_of_an_account_is_the_sum_of_its_tokens() -> None:
    """Values add up over the tokens of an account on a connector."""
    tokens = (holding("BTC", "0.5", "60000"), holding("USDT", "1.1", "1"), holding("X", "1", None))
    assert Holdings(account_name="a", connector_name="c", asked_at=AT, tokens=tokens).value == Decimal("30001.1")
