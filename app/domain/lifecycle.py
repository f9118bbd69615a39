"""The life of an order: the only place that says which event may lead where.

Theory of operation. An order is a name (``order_id``), the terms that were asked, and what we *know* about it. What we know
is one of seven states, and it changes only when an event is applied. The machine is a dictionary, state -> event -> next
state. A missing cell is not a crash and not a guess: it is an anomaly, which the journal records and alarms about without
changing the state.

Four principles shape the table:

* *Doubt is a state.* ``unknown`` means that the order was sent and its outcome is not known. Only evidence from
  the exchange leaves it, or an operator's word, which is recorded as such.
* *A fill is never refused.* Whatever we believed, a fill reported by the exchange is applied: a rejected order lives again by
  it, and a canceled or expired one may be full after all.
* *Final states are left only as tabled.* ``canceled``, ``rejected`` and ``expired`` yield to a later fill, and every final state to
  ``reappeared``: it was a conclusion of ours, or an operator's word, and the exchange shows otherwise. What the exchange itself had
  said is final; ``observation`` makes no such event of it. A ``rejected`` order that surely was not placed is ``retried`` where its
  caller repeats the request, and once by the gateway after a refused timestamp: it is about to be sent again.
* *Terms change at the exchange only.* ``amended`` records that they did, in whatever state we hear of it; it ends no order and
  revives none.

Partly filled is a number (``filled_amount``) and cancel-requested a timestamp (``cancel_requested_at``); neither is a state.
The words that existing API callers know (``OrderStatus``) are derived at the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.domain.enums import EventKind, OrderState, OrderStatus

#: Events that start an order's life. An intended order is about to be sent; an adopted one was found at the exchange.
FIRST_STATE: Mapping[EventKind, OrderState] = MappingProxyType(
    {EventKind.INTENDED: OrderState.PENDING, EventKind.ADOPTED: OrderState.OPEN}
)

#: Events that are notes about an order: they are recorded in any state and change none.
NOTES = frozenset(
    {
        EventKind.CANCEL_REQUESTED,
        EventKind.CANCEL_REFUSED,
        EventKind.CANCEL_UNCONFIRMED,
        EventKind.STUCK,
        EventKind.ANOMALY,
    }
)

_FROM_ACTIVE = {
    EventKind.ACCEPTED: OrderState.OPEN,
    EventKind.REJECTED: OrderState.REJECTED,
    EventKind.PARTIALLY_FILLED: OrderState.OPEN,
    EventKind.FILLED: OrderState.FILLED,
    EventKind.CANCELED: OrderState.CANCELED,
    EventKind.EXPIRED: OrderState.EXPIRED,
    EventKind.UNCONFIRMED: OrderState.UNKNOWN,
    EventKind.AMENDED: OrderState.OPEN,
}

TRANSITIONS: Mapping[OrderState, Mapping[EventKind, OrderState]] = MappingProxyType(
    {
        OrderState.PENDING: _FROM_ACTIVE,
        OrderState.UNKNOWN: {
            **_FROM_ACTIVE,
            EventKind.NEVER_ARRIVED: OrderState.REJECTED,
            EventKind.VANISHED: OrderState.CANCELED,
        },
        OrderState.OPEN: _FROM_ACTIVE,
        OrderState.FILLED: {
            EventKind.ACCEPTED: OrderState.FILLED,
            EventKind.PARTIALLY_FILLED: OrderState.FILLED,
            EventKind.FILLED: OrderState.FILLED,
            EventKind.CANCELED: OrderState.FILLED,
            EventKind.EXPIRED: OrderState.FILLED,
            EventKind.AMENDED: OrderState.FILLED,
            EventKind.REAPPEARED: OrderState.OPEN,
        },
        OrderState.CANCELED: {
            EventKind.ACCEPTED: OrderState.CANCELED,
            EventKind.PARTIALLY_FILLED: OrderState.CANCELED,
            EventKind.FILLED: OrderState.FILLED,
            EventKind.CANCELED: OrderState.CANCELED,
            EventKind.EXPIRED: OrderState.CANCELED,
            EventKind.AMENDED: OrderState.CANCELED,
            EventKind.REAPPEARED: OrderState.OPEN,
        },
        OrderState.REJECTED: {
            EventKind.REJECTED: OrderState.REJECTED,
            EventKind.RETRIED: OrderState.PENDING,
            EventKind.PARTIALLY_FILLED: OrderState.OPEN,
            EventKind.FILLED: OrderState.FILLED,
            EventKind.REAPPEARED: OrderState.OPEN,
        },
        OrderState.EXPIRED: {
            EventKind.ACCEPTED: OrderState.EXPIRED,
            EventKind.PARTIALLY_FILLED: OrderState.EXPIRED,
            EventKind.FILLED: OrderState.FILLED,
            EventKind.CANCELED: OrderState.EXPIRED,
            EventKind.EXPIRED: OrderState.EXPIRED,
            EventKind.AMENDED: OrderState.EXPIRED,
            EventKind.REAPPEARED: OrderState.OPEN,
        },
    }
)

#: States in which the exchange owes us nothing more.
FINAL = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED})

#: States in which we do not know whether the exchange has the order; recovery asks about them.
UNSETTLED = frozenset({OrderState.PENDING, OrderState.UNKNOWN})

#: States in which the order may be on the exchange's book.
ACTIVE = frozenset(OrderState) - FINAL

#: Final states that are no conclusion of ours: only an order that an operator has ended in one of them can reappear.
_SAID = frozenset({OrderState.FILLED, OrderState.EXPIRED})


def next_state(state: OrderState, event: EventKind, *, is_resolved: bool = False) -> OrderState | None:
    """The state after ``event``, None where it is impossible (an anomaly). ``is_resolved``: the state is an operator's word."""
    if event in NOTES:
        return state
    if event is EventKind.REAPPEARED and state in _SAID and not is_resolved:
        return None
    return TRANSITIONS[state].get(event)


def wire_status(state: OrderState, *, partly_filled: bool, cancel_requested: bool) -> OrderStatus:
    """The status word of the wire contract. Doubt is shown to old callers as SUBMITTED, never as FAILED."""
    match state:
        case OrderState.PENDING | OrderState.UNKNOWN:
            return OrderStatus.SUBMITTED
        case OrderState.FILLED:
            return OrderStatus.FILLED
        case OrderState.CANCELED | OrderState.EXPIRED:
            return OrderStatus.CANCELLED
        case OrderState.REJECTED:
            return OrderStatus.FAILED
        case OrderState.OPEN:
            if cancel_requested:
                return OrderStatus.PENDING_CANCEL
            return OrderStatus.PARTIALLY_FILLED if partly_filled else OrderStatus.OPEN
