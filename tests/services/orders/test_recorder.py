"""The recorder: what is written when, and what is left unwritten because something else came first."""

from __future__ import annotations

from decimal import Decimal

import pytest
import structlog

from app.domain.enums import EventKind, OrderState
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import OrderReport
from app.services.orders.preparing import intended
from tests.clock import START
from tests.services.world import World, request


async def begun(world: World) -> Order:
    asked = request(client_order_id="o1")
    order = intended(asked, order_id="o1", at=START, terms=asked.terms())
    return (await world.recorder.begin(order, EventKind.INTENDED, "caller")).order


def report(state: str = "open", filled: str = "0", fills: tuple[Fill, ...] = ()) -> OrderReport:
    return OrderReport(
        order_id="o1",
        exchange_order_id="7",
        trading_pair="BTC-USDT",
        state=state,  # type: ignore[arg-type]
        filled_amount=Decimal(filled),
        fills=fills,
    )


def fill(name: str, amount: str) -> Fill:
    return Fill(
        exchange_fill_id=name,
        price=Decimal(1),
        amount=Decimal(amount),
        fee=Decimal(0),
        fee_currency=None,
        filled_at=START,
    )


async def test_an_order_begins_once(each_world: World) -> None:
    """The second beginning gets the first order back and leaves no line in the log."""
    order = await begun(each_world)
    with structlog.testing.capture_logs() as lines:
        again = await each_world.recorder.begin(order, EventKind.INTENDED, "caller")
    assert (again.is_new, again.order) == (False, order)
    assert lines == []


async def test_a_report_is_recorded_once(each_world: World) -> None:
    """The same report twice leaves the journal as it was after the first."""
    order = await begun(each_world)
    full = report("filled", "0.01", (fill("f1", "0.004"), fill("f2", "0.006")))
    first = await each_world.recorder.observe(order.key, full, "stream", "said so")
    head = each_world.journal.head()
    second = await each_world.recorder.observe(order.key, full, "answer", "said so")

    assert first.order == second.order
    assert first.order.state is OrderState.FILLED
    assert each_world.journal.head() == head


async def test_missing_fills_hold_the_final_state_back(world: World) -> None:
    """The exchange counts what it did not list: the fills that came are taken, the end is not."""
    order = await begun(world)
    observed = await world.recorder.observe(
        order.key, report("canceled", "0.01", (fill("f1", "0.004"),)), "stream", "said so"
    )
    assert observed.missing_fills
    assert (observed.order.state, observed.order.filled_amount) == (OrderState.OPEN, Decimal("0.004"))


async def test_doubt_never_touches_a_final_order(world: World) -> None:
    """A late "unconfirmed" changes nothing of what is known for sure."""
    order = await begun(world)
    await world.recorder.observe(order.key, report("canceled"), "stream", "said so")
    noted = await world.recorder.note(order.key, EventKind.UNCONFIRMED, "recovery")
    assert noted.state is OrderState.CANCELED
    assert world.kinds("o1")[-1] == "canceled"


async def test_a_note_on_a_pending_attempt(world: World) -> None:
    """Once the exchange has shown the order it is not written, and the order comes back as it is."""
    order = await begun(world)
    shown = (await world.recorder.observe(order.key, report("open"), "stream", "said so")).order
    noted = await world.recorder.note(order.key, EventKind.UNCONFIRMED, "answer", pending_as=order)
    assert noted == shown
    assert world.kinds("o1") == ["intended", "accepted"]


async def test_a_note_on_an_order_as_it_was_seen(world: World) -> None:
    """It is written if nothing has happened since, and not otherwise."""
    order = await begun(world)
    doubted = await world.recorder.note(order.key, EventKind.UNCONFIRMED, "recovery", as_seen=order)
    assert doubted.state is OrderState.UNKNOWN
    noted = await world.recorder.note(order.key, EventKind.NEVER_ARRIVED, "recovery", as_seen=order)
    assert noted == doubted


@pytest.mark.parametrize(("kind", "level"), [(EventKind.ANOMALY, "error"), (EventKind.CANCEL_REQUESTED, "info")])
async def test_each_event_leaves_one_line(world: World, kind: EventKind, level: str) -> None:
    """With the order's id, and as an error where an operator should look."""
    order = await begun(world)
    with structlog.testing.capture_logs() as lines:
        await world.recorder.note(order.key, kind, "recovery")
    assert [(line["log_level"], line["order_id"]) for line in lines] == [(level, "o1")]
