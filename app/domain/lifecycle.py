"""The life of an order: the only place that says which event may lead where.

Theory of operation. An order is a name (``order_id``), the terms that were asked, and what we *know* about it. What we know
is one of seven states, and it changes only when an event is applied. The machine is a dictionary, state -> event -> next
state. A missing cell is not a crash and not a guess: it is an anomaly, which the journal records and alarms about without
changing the state.

Three principles shape the table:

* *Doubt is a state.* ``unknown`` means that the order was sent and nobody has told us what became of it. Only evidence from
  the exchange leaves it.
* *A fill is never refused.* Whatever we believed, a fill reported by the exchange is applied: it moves a presumed-dead
  order back to life.
* *Final states are left only as tabled.* ``canceled``, ``rejected`` and ``expired`` yield to a later fill and to
  ``reappeared`` (we had concluded that the order was gone, and the exchange shows it open); ``filled`` yields to nothing.

Partly filled is a number (``filled_amount``) and cancel-requested a timestamp (``cancel_requested_at``); neither is a state.
The words that existing API callers know (``OrderStatus``) are derived at the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.domain.enums import EventKind, OrderState, OrderStatus

S = OrderState
E = EventKind

#: Events that start an order's life. An intended order is about to be sent; an adopted one was found at the exchange.
FIRST: Mapping[EventKind, OrderState] = MappingProxyType({E.INTENDED: S.PENDING, E.ADOPTED: S.OPEN})

#: Events that are notes about an order: they are recorded in any state and change none.
NOTES = frozenset({E.CANCEL_REQUESTED, E.CANCEL_REFUSED, E.CANCEL_UNCONFIRMED, E.ANOMALY})

_ALIVE = {
    E.ACCEPTED: S.OPEN,
    E.REJECTED: S.REJECTED,
    E.PARTIALLY_FILLED: S.OPEN,
    E.FILLED: S.FILLED,
    E.CANCELED: S.CANCELED,
    E.EXPIRED: S.EXPIRED,
    E.UNCONFIRMED: S.UNKNOWN,
}

TRANSITIONS: Mapping[OrderState, Mapping[EventKind, OrderState]] = MappingProxyType(
    {
        S.PENDING: _ALIVE,
        S.UNKNOWN: {**_ALIVE, E.NEVER_ARRIVED: S.REJECTED, E.VANISHED: S.CANCELED},
        S.OPEN: _ALIVE,
        S.FILLED: {
            E.ACCEPTED: S.FILLED,
            E.PARTIALLY_FILLED: S.FILLED,
            E.FILLED: S.FILLED,
            E.CANCELED: S.FILLED,
            E.EXPIRED: S.FILLED,
        },
        S.CANCELED: {
            E.ACCEPTED: S.CANCELED,
            E.PARTIALLY_FILLED: S.CANCELED,
            E.FILLED: S.FILLED,
            E.CANCELED: S.CANCELED,
            E.EXPIRED: S.CANCELED,
            E.REAPPEARED: S.OPEN,
        },
        S.REJECTED: {
            E.REJECTED: S.REJECTED,
            E.PARTIALLY_FILLED: S.OPEN,
            E.FILLED: S.FILLED,
            E.REAPPEARED: S.OPEN,
        },
        S.EXPIRED: {
            E.ACCEPTED: S.EXPIRED,
            E.PARTIALLY_FILLED: S.EXPIRED,
            E.FILLED: S.FILLED,
            E.CANCELED: S.EXPIRED,
            E.EXPIRED: S.EXPIRED,
        },
    }
)

#: States in which the exchange owes us nothing more.
FINAL = frozenset({S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED})

#: States in which we do not know whether the exchange has the order; recovery asks about them.
UNSETTLED = frozenset({S.PENDING, S.UNKNOWN})

#: States in which the order may be on the exchange's book.
ACTIVE = frozenset(S) - FINAL


def next_status(state: OrderState, event: EventKind) -> OrderState | None:
    """The state after ``event``, or None where the table has no such cell (an anomaly)."""
    if event in NOTES:
        return state
    return TRANSITIONS[state].get(event)


def wire_status(state: OrderState, *, partly_filled: bool, cancel_requested: bool) -> OrderStatus:
    """The status word of the wire contract. Doubt is shown to old callers as SUBMITTED, never as FAILED."""
    match state:
        case S.PENDING | S.UNKNOWN:
            return OrderStatus.SUBMITTED
        case S.FILLED:
            return OrderStatus.FILLED
        case S.CANCELED | S.EXPIRED:
            return OrderStatus.CANCELLED
        case S.REJECTED:
            return OrderStatus.FAILED
        case S.OPEN:
            if cancel_requested:
                return OrderStatus.PENDING_CANCEL
            return OrderStatus.PARTIALLY_FILLED if partly_filled else OrderStatus.OPEN
