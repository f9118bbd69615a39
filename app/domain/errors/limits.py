"""What a refusal by limits says: the limits, what is used of them, what the order would make of it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app.domain.suggestions import listed

_USED = "{value} is used, and this order would make it {would_be}"
_USED_DOLLARS = "{value} US dollars are used, and this order would make it {would_be}"
_RAISE = "raise the limit with PUT /safety/limits"

#: By limit: what is there and would be, and what to do.
_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "max_order_amount": ("this order's amount is {would_be}", f"Make the order smaller or {_RAISE}"),
        "max_order_notional": (
            "this order is worth {would_be} US dollars",
            f"Make the order smaller or {_RAISE}",
        ),
        "max_open_orders": (_USED, f"Cancel an order or {_RAISE}"),
        "max_open_notional": (_USED_DOLLARS, f"Cancel an order, make this one smaller or {_RAISE}"),
        "max_position": (
            f"with open orders of this side {_USED}",
            f"Make the order smaller, cancel an order, reduce the position or {_RAISE}",
        ),
        "max_gross_notional": (
            f"of positions with open orders {_USED_DOLLARS}",
            f"Make the order smaller, cancel an order, reduce a position or {_RAISE}",
        ),
        "max_daily_loss": (
            "{value} US dollars were lost since midnight UTC, and only orders that reduce a position are taken",
            f"Wait until midnight UTC or {_RAISE}",
        ),
        "orders_per_second": (f"within the last second {_USED}", f"Wait for a moment or {_RAISE}"),
        "orders_per_minute": (f"within the last minute {_USED}", f"Wait for a moment or {_RAISE}"),
        "cancels_per_minute": (
            "{value} were made within the last minute, and no order is taken until there are fewer",
            f"Wait for a moment or {_RAISE}",
        ),
        "max_leverage": (
            "the leverage would be {would_be}",
            f"Choose a lower one with POST /trading/{{account_name}}/{{connector_name}}/leverage or {_RAISE}",
        ),
        "duplicate_window": (
            "an order with the same terms was placed {value} seconds ago",
            "To repeat a call, send it with its own Idempotency-Key; for a second order wait until the window is over, or change"
            " the window with PUT /safety/limits",
        ),
    }
)


def breaches_text(breaches: Sequence[Mapping[str, Any]]) -> str:
    """All breaches, each in sentences of its own."""
    return ". ".join(map(_breach_text, breaches))


def _breach_text(breach: Mapping[str, Any]) -> str:
    """One breach: the limit, what is used, what the order would make of it, and what to do."""
    name, scope = breach["limit"], _scope_text(breach["scope"])
    if name.startswith("allowed_"):
        allowed = listed(breach["maximum"].split(", ")) if breach["maximum"] else "none"
        return (
            f"{name} is {allowed} for {scope}; this order has {breach['would_be']}, which is not among them. Choose another one or"
            " change the list with PUT /safety/limits"
        )
    if name == "price_collar":
        return (
            f"price_collar ends at {breach['maximum']} for {scope}, by the reference price {breach['value']}; this order's price is"
            f" {breach['would_be']}. Choose a price nearer to the reference price or widen the collar with PUT /safety/limits"
        )
    if name == "prevent_self_cross":
        own = "a MARKET order" if breach["would_be"] == "MARKET" else f"this order at {breach['would_be']}"
        return (
            f"prevent_self_cross holds for {scope}; {own} would trade with an own open order at {breach['value']}. Cancel that"
            " order, choose a price that does not meet it, or lift the limit with PUT /safety/limits"
        )
    state, advice = _TEXTS[name]
    # The advice is no template: the path in it has braces of its own.
    return f"{name} is {breach['maximum']} for {scope}; {state.format_map(breach)}. {advice}"


#: How the parts of a scope are said.
_PARTS: Mapping[str, str] = MappingProxyType(
    {"account_name": "account", "connector_name": "connector", "trading_pair": "pair", "key_id": "key"}
)


def _scope_text(scope: Mapping[str, str]) -> str:
    return ", ".join(f"{_PARTS[name]} '{part}'" for name, part in scope.items()) or "the whole gateway"
