"""What placing an order results in, for its caller."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field
from msgspec.structs import replace

from app.domain.enums import OrderState
from app.domain.lifecycle import UNSETTLED
from app.domain.order import Order
from app.services.orders.checks import refusal_of


class Outcome(Enum):
    """How placing went; a refusal is raised instead."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


class Placed(Struct, frozen=True, kw_only=True):
    """The order that a request made, or that an earlier one with the same key had made (``replayed``)."""

    order: Order
    outcome: Outcome
    replayed: bool = False
    #: Seconds by step: validate, journal, exchange.
    laps: Mapping[str, float] = field(default_factory=dict)


def placed_of(order: Order) -> Placed:
    """The result for an order as the journal has it after the call. Raises ``OrderRefused`` if it was rejected."""
    if order.state is OrderState.REJECTED:
        raise refusal_of(order)
    return Placed(order=order, outcome=Outcome.UNKNOWN if order.state in UNSETTLED else Outcome.ACCEPTED)


def replayed_of(order: Order) -> Placed:
    """The result of an earlier request, as its order stands now."""
    return replace(placed_of(order), replayed=True)
