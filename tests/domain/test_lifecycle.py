"""The lifecycle against the table that it was designed by, cell by cell."""

from __future__ import annotations

import pytest

from app.domain.enums import EventKind, OrderState, OrderStatus
from app.domain.lifecycle import ACTIVE, FINAL, FIRST_STATE, NOTES, TRANSITIONS, UNSETTLED, next_state, wire_status

# The design's table as text: a row is a state, a column an event, a cell the next state, and "-" an anomaly.
# With a star, only an operator's word leads there; after the exchange's own it is an anomaly.
TABLE = """
state   |accepted|rejected|partially_filled|filled|canceled|expired |unconfirmed|never_arrived|vanished|reappeared|amended |retried
pending |open    |rejected|open            |filled|canceled|expired |unknown    |-            |-       |-         |open    |-
unknown |open    |rejected|open            |filled|canceled|expired |unknown    |rejected     |canceled|-         |open    |-
open    |open    |rejected|open            |filled|canceled|expired |unknown    |-            |-       |-         |open    |-
filled  |filled  |-       |filled          |filled|filled  |filled  |-          |-            |-       |open*     |filled  |-
canceled|canceled|-       |canceled        |filled|canceled|canceled|-          |-            |-       |open      |canceled|-
rejected|-       |rejected|open            |filled|-       |-       |-          |-            |-       |open      |-       |pending
expired |expired |-       |expired         |filled|expired |expired |-          |-            |-       |open*     |expired |-
"""

HEAD, *ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
CELLS = [(row[0], event, cell) for row in ROWS for event, cell in zip(HEAD[1:], row[1:], strict=True)]


@pytest.mark.parametrize(("state", "event", "expected"), CELLS)
def test_cell(state: str, event: str, expected: str) -> None:
    """Each cell of the table leads where the design says; a missing one is an anomaly."""
    for is_resolved in (False, True):
        found = next_state(OrderState(state), EventKind(event), is_resolved=is_resolved)
        is_anomaly = expected == "-" or (expected.endswith("*") and not is_resolved)
        assert found == (None if is_anomaly else OrderState(expected.rstrip("*")))


def test_table_covers_everything() -> None:
    """The cells above and the notes and beginnings are all states times all events."""
    states = {OrderState(state) for state, _, _ in CELLS}
    events = {EventKind(event) for _, event, _ in CELLS}
    assert states == set(OrderState) == set(TRANSITIONS)
    assert events | NOTES | set(FIRST_STATE) == set(EventKind)
    assert not events & NOTES
    assert not events & set(FIRST_STATE)


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("note", sorted(NOTES))
def test_note_changes_no_state(state: OrderState, note: EventKind) -> None:
    """Asking for a cancel, and what comes of asking, are recorded in any state and move none."""
    assert next_state(state, note) is state


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("event", sorted(FIRST_STATE))
def test_life_begins_once(state: OrderState, event: EventKind) -> None:
    """An order that lives can't be intended or adopted again."""
    assert next_state(state, event) is None


def test_beginnings() -> None:
    """An order about to be sent is pending; one found at the exchange is open."""
    assert dict(FIRST_STATE) == {EventKind.INTENDED: OrderState.PENDING, EventKind.ADOPTED: OrderState.OPEN}


def test_fill_is_never_refused() -> None:
    """Every state takes a partial and a full fill."""
    for state in OrderState:
        assert next_state(state, EventKind.PARTIALLY_FILLED) is not None
        assert next_state(state, EventKind.FILLED) is OrderState.FILLED


def test_groups_of_states() -> None:
    """Final and active states part the states between them; the unsettled ones are active."""
    assert {"filled", "canceled", "rejected", "expired"} == FINAL
    assert {"pending", "unknown", "open"} == ACTIVE
    assert {"pending", "unknown"} == UNSETTLED


def test_tables_cannot_be_changed() -> None:
    """The machine is read-only at run time."""
    with pytest.raises(TypeError):
        TRANSITIONS[OrderState.OPEN] = {}  # type: ignore[index]
    with pytest.raises(TypeError):
        FIRST_STATE[EventKind.ACCEPTED] = OrderState.OPEN  # type: ignore[index]


@pytest.mark.parametrize(
    ("state", "partly_filled", "cancel_requested", "expected"),
    [
        ("pending", False, False, "SUBMITTED"),
        ("pending", False, True, "SUBMITTED"),
        ("unknown", False, False, "SUBMITTED"),
        ("unknown", True, False, "SUBMITTED"),
        ("unknown", True, True, "SUBMITTED"),
        ("open", False, False, "OPEN"),
        ("open", True, False, "PARTIALLY_FILLED"),
        ("open", False, True, "PENDING_CANCEL"),
        ("open", True, True, "PENDING_CANCEL"),
        ("filled", True, False, "FILLED"),
        ("filled", True, True, "FILLED"),
        ("canceled", False, True, "CANCELLED"),
        ("canceled", True, True, "CANCELLED"),
        ("canceled", False, False, "CANCELLED"),
        ("expired", False, False, "CANCELLED"),
        ("expired", True, False, "CANCELLED"),
        ("rejected", False, False, "FAILED"),
        ("rejected", False, True, "FAILED"),
    ],
)
def test_wire_status(state: str, partly_filled: bool, cancel_requested: bool, expected: str) -> None:
    """The words that callers know; doubt is never shown as a failure."""
    found = wire_status(OrderState(state), partly_filled=partly_filled, cancel_requested=cancel_requested)
    assert found is OrderStatus(expected)


def test_every_wire_status_is_reachable() -> None:
    """No status word of the contract is dead."""
    flags = (False, True)
    reached = {
        wire_status(state, partly_filled=filled, cancel_requested=cancel)
        for state in OrderState
        for filled in flags
        for cancel in flags
    }
    assert reached == set(OrderStatus)
