"""What a refusal by a limit says: the limit, what is used, what the order would make of it, and what to do."""

from __future__ import annotations

import pytest

from app.domain.errors import LimitExceeded
from app.domain.safety.limits import Limits

#: Limits that refuse no order.
SILENT = {"approval_above_notional", "anomaly_brake"}

ACCOUNT = {"account_name": "x"}


@pytest.mark.parametrize("name", sorted({*Limits.__struct_fields__} - SILENT))
def test_every_limit_says_what_it_is_and_what_to_do(name: str) -> None:
    """With the scope, the greatest value and the way to another one."""
    error = LimitExceeded([{"limit": name, "scope": ACCOUNT, "value": "7", "maximum": "8", "would_be": "9"}])
    assert error.detail.startswith(f"{name} ")
    assert "account 'x'" in error.detail
    assert "PUT /safety/limits" in error.detail
    assert any(figure in error.detail for figure in ("7", "9"))
    assert name == "prevent_self_cross" or "8" in error.detail
    assert "{value}" not in error.detail
    assert "{would_be}" not in error.detail


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({}, "the whole gateway"),
        (ACCOUNT, "account 'x'"),
        (
            {"account_name": "x", "connector_name": "c", "trading_pair": "A-B", "key_id": "k"},
            "account 'x', connector 'c', pair 'A-B', key 'k'",
        ),
    ],
)
def test_the_scope_is_named(scope: dict[str, str], said: str) -> None:
    """In words, whichever parts it has."""
    breach = {"limit": "max_open_orders", "scope": scope, "value": "1", "maximum": "1", "would_be": "2"}
    assert LimitExceeded([breach]).detail == (
        f"max_open_orders is 1 for {said}; 1 is used, and this order would make it 2. Cancel an order or raise the limit with PUT"
        " /safety/limits"
    )


def test_all_breaches_are_told() -> None:
    """Each in a sentence of its own."""
    first = {"limit": "allowed_pairs", "scope": ACCOUNT, "value": "A-B", "maximum": "C-D, E-F", "would_be": "A-B"}
    second = {"limit": "max_leverage", "scope": ACCOUNT, "value": "9", "maximum": "3", "would_be": "9"}
    assert LimitExceeded([first, second]).detail == (
        "allowed_pairs is C-D, E-F for account 'x'; this order has A-B, which is not among them. Choose another one or change the"
        " list with PUT /safety/limits. max_leverage is 3 for account 'x'; the leverage would be 9. Choose a lower one with POST"
        " /trading/{account_name}/{connector_name}/leverage or raise the limit with PUT /safety/limits"
    )
