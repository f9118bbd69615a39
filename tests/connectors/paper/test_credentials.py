"""The money that a paper account opens with."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.connectors.paper.credentials import starting_balances
from app.domain.errors import CredentialsRefused

ASSETS = frozenset({"USDT", "BTC"})


def test_balances_are_read_exactly() -> None:
    """Assets and amounts are read as they are written; spaces do not matter."""
    assert starting_balances({"starting_balances": " USDT:1000, BTC : 0.10 "}, ASSETS) == {
        "USDT": Decimal(1000),
        "BTC": Decimal("0.1"),
    }


@pytest.mark.parametrize("values", [{}, {"starting_balances": ""}, {"starting_balances": "  "}])
def test_without_balances_there_is_no_wish(values: dict[str, str]) -> None:
    """Nothing said means the exchange's default."""
    assert starting_balances(values, ASSETS) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("USDT", "'USDT' is not of the form ASSET:AMOUNT with one of BTC, USDT"),
        ("USDT=5", "'USDT=5' is not of the form ASSET:AMOUNT"),
        ("GOLD:5", "'GOLD:5' is not of the form ASSET:AMOUNT with one of BTC, USDT"),
        ("USDT:1,USDT:2", "USDT is named twice"),
        ("USDT:1,", "'' is not of the form"),
        ("USDT:-1", "the amount of USDT is not between 0 and 1000000000000000 with at most 18 places"),
        ("USDT:1e16", "the amount of USDT is not between 0"),
        ("USDT:0.0000000000000000001", "with at most 18 places"),
        ("USDT:NaN", "the amount of USDT is not a decimal number"),
        ("USDT:", "the amount of USDT is not a decimal number"),
    ],
)
def test_wrong_balances_are_refused_with_the_reason(text: str, reason: str) -> None:
    """What can't be an amount of a traded asset is said to be wrong, and how."""
    with pytest.raises(CredentialsRefused, match="starting_balances: ") as caught:
        starting_balances({"starting_balances": text}, ASSETS)
    assert reason in caught.value.detail
