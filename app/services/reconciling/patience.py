"""How long an exchange must deny an order before that is proof."""

from __future__ import annotations

from datetime import timedelta

from app.connectors.capabilities import Capabilities
from app.domain.order import OVERLOADED, Order

#: An order that was seen is missed for this many times the grace, which is ten minutes at Binance: query services have denied live
#: orders for minutes, and an order that the exchange has once shown does not end without the exchange knowing of it.
_SEEN = 20
#: The longest patience, with orders that lived that long.
_LONGEST = timedelta(days=1)


def patience_with(order: Order, can: Capabilities) -> timedelta | None:
    """The time since the order's last event after which "no such order" is proof; None if the exchange can't prove it.

    The connector's ``absence_grace`` for an order that can only have been late on its way, and its ``overload_grace`` after the
    exchange's answer that it is overloaded. For an order that was seen, or whose id the exchange has called taken, it is far
    longer, and as long as the order had lived by its last event: the longer it lived, the stranger its absence.
    """
    grace = can.absence_grace
    if grace is None:
        return None
    if order.may_be_late:
        return can.overload_grace or grace if order.error_code == OVERLOADED else grace
    return max(_SEEN * grace, min(order.updated_at - order.created_at, _LONGEST))
