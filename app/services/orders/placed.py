"""What placing an order results in, for its caller."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from app.domain.order import Order
from app.domain.safety.approvals import Approval


class Placed(Struct, frozen=True, kw_only=True):
    """The order that a request made, or that an earlier one with the same key had made (``replayed``). Its state tells whether the
    exchange has accepted it, or whether that is unknown; a refusal is raised instead.
    """

    order: Order
    #: What waits in place of the order, which is not placed then.
    approval: Approval | None = None
    replayed: bool = False
    #: Seconds by step: validate, journal, exchange.
    laps: Mapping[str, float] = field(default_factory=dict)
