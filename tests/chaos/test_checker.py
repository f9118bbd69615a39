"""The checker: a true history passes, and each clause finds the violation that is planted for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from app.domain.enums import EventKind, OrderState
from app.domain.events import OrderEvent
from app.journal.records import JournalEntry
from tests.chaos.checker import CLAUSES, Evidence, check
from tests.chaos.journal_view import view_of
from tests.chaos.operations import Operation
from tests.clock import START, FakeClock
from tests.services.world import key, market, request, running_world, until

BODY = {
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": "0.01",
    "price": "40000",
}


@pytest.fixture
async def true_history(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> Evidence:
    """A true history: an open order, a filled one, a canceled one whose answer was lost, a refused one."""
    async with running_world(sqlite_url, tmp_path, clock) as world:
        await world.orders.place(request(client_order_id="open", idempotency_key="open"))
        await world.orders.place(market(client_order_id="filled"))
        world.faults.plan("submit", "reset")
        await world.orders.place(request(client_order_id="canceled", price=Decimal(39_999)))
        await until(lambda: world.order("canceled").state is OrderState.OPEN, clock)
        await world.orders.cancel(key("canceled"))
        world.faults.plan("submit", "down")
        await world.orders.place(request(client_order_id="never", price=Decimal(39_998)))
        await until(lambda: world.order("never").state is OrderState.REJECTED, clock)
        operations = (
            Operation(
                client="c",
                verb="place",
                key="open",
                body=BODY,
                outcome="ok",
                status=201,
                order_id="open",
                state="open",
            ),
            Operation(
                client="c", verb="place", key="never", body={**BODY, "price": "39998"}, outcome="fail", status=400
            ),
            Operation(client="c", verb="read", outcome="ok", status=200, order_id="filled", state="filled"),
        )
        return Evidence(operations=operations, journal=view_of(world.journal), truth=world.truth().orders())


def with_order(evidence: Evidence, order_id: str, **changes: object) -> Evidence:
    """The journal's row of an order, changed, and its fold with it."""
    orders = tuple(
        structs.replace(order, **changes) if order.order_id == order_id else order  # type: ignore[arg-type]
        for order in evidence.journal.orders
    )
    replayed = {order.key: order for order in orders}
    return replace(evidence, journal=replace(evidence.journal, orders=orders, replayed=replayed))


def with_truth(evidence: Evidence, order_id: str, **changes: object) -> Evidence:
    """The exchange's order, changed."""
    truth = tuple(
        replace(order, **changes) if order.order_id == order_id else order  # type: ignore[arg-type]
        for order in evidence.truth
    )
    return replace(evidence, truth=truth)


def with_entry(evidence: Evidence, **changes: object) -> Evidence:
    """One more entry in the journal, about the filled order."""
    last = evidence.journal.entries[-1]
    entry = JournalEntry(
        **{  # type: ignore[arg-type]
            "seq": last.seq + 1,
            "at": last.at,
            "account_name": last.account_name,
            "connector_name": last.connector_name,
            "order_id": "filled",
            "state": OrderState.FILLED,
            "event": OrderEvent(kind=EventKind.FILLED, at=last.at, source="recovery", evidence="the exchange answered"),
            **changes,
        }
    )
    entries = (*evidence.journal.entries, entry)
    return replace(evidence, journal=replace(evidence.journal, entries=entries, head=entry.seq))


def with_answer(evidence: Evidence, **changes: object) -> Evidence:
    """One more answer to the client."""
    operation = replace(evidence.operations[0], **changes)  # type: ignore[arg-type]
    return replace(evidence, operations=(*evidence.operations, operation))


def without_journal(evidence: Evidence, order_id: str) -> Evidence:
    orders = tuple(order for order in evidence.journal.orders if order.order_id != order_id)
    return replace(evidence, journal=replace(evidence.journal, orders=orders))


def twice_at_the_exchange(evidence: Evidence) -> Evidence:
    first = next(order for order in evidence.truth if order.order_id == "open")
    return replace(evidence, truth=(*evidence.truth, replace(first, exchange_order_id="999")))


def fill_lost(evidence: Evidence) -> Evidence:
    fills = {name: () if name.order_id == "filled" else found for name, found in evidence.journal.fills.items()}
    return replace(evidence, journal=replace(evidence.journal, fills=fills))


def entry_lost(evidence: Evidence) -> Evidence:
    entries = evidence.journal.entries
    return replace(evidence, journal=replace(evidence.journal, entries=entries[:3] + entries[4:]))


def event_of(kind: EventKind, evidence: str | None = "the exchange answered", source: str = "recovery") -> OrderEvent:
    return OrderEvent(kind=kind, at=START, source=source, evidence=evidence)  # type: ignore[arg-type]


PLANTED: list[tuple[str, Callable[[Evidence], Evidence]]] = [
    ("answered_orders_are_in_the_journal", lambda e: with_answer(e, key="x", order_id="lost")),
    ("orders_at_the_exchange_are_in_the_journal", lambda e: without_journal(e, "open")),
    (
        "intents_come_first",
        lambda e: with_truth(e, "open", created_at=e.journal.orders[0].created_at - timedelta(days=1)),
    ),
    (
        "intents_come_first",
        lambda e: with_entry(e, order_id="new", state=OrderState.OPEN, event=event_of(EventKind.ADOPTED)),
    ),
    ("one_key_makes_one_order", twice_at_the_exchange),
    ("one_key_makes_one_order", lambda e: with_answer(e, order_id="filled", state="filled")),
    ("one_key_makes_one_order", lambda e: with_order(e, "filled", idempotency_key="open")),
    (
        "one_key_makes_one_order",
        lambda e: replace(
            e, truth=(*e.truth, replace(next(o for o in e.truth if o.order_id == "open"), order_id="other"))
        ),
    ),
    ("refused_orders_are_not_at_the_exchange", lambda e: with_answer(e, key="y", outcome="fail", order_id=None)),
    ("other_keys_are_not_stored", lambda e: with_answer(e, verb="store", order_id="open", state=None)),
    ("final_states_have_evidence", lambda e: with_entry(e, event=event_of(EventKind.FILLED, evidence=None))),
    ("final_states_have_evidence", lambda e: with_entry(e, event=event_of(EventKind.FILLED, source="caller"))),
    ("final_states_are_not_taken_back", lambda e: with_entry(e, state=OrderState.OPEN)),
    (
        "final_states_are_not_taken_back",
        lambda e: with_entry(e, state=OrderState.PENDING, event=event_of(EventKind.RETRIED)),
    ),
    (
        "final_states_are_not_taken_back",
        lambda e: with_answer(e, verb="read", key=None, order_id="open", state="filled"),
    ),
    ("nothing_is_in_doubt", lambda e: with_order(e, "open", state=OrderState.UNKNOWN)),
    ("nothing_is_in_doubt", lambda e: with_order(e, "open", state=OrderState.PENDING)),
    ("states_equal_the_exchange", lambda e: with_truth(e, "open", state="canceled")),
    ("states_equal_the_exchange", lambda e: with_truth(e, "filled", filled_amount=Decimal(9))),
    ("states_equal_the_exchange", lambda e: with_order(e, "never", state=OrderState.CANCELED)),
    ("terms_equal_the_exchange", lambda e: with_truth(e, "open", amount=Decimal(9))),
    ("terms_equal_the_exchange", lambda e: with_truth(e, "open", price=Decimal(9))),
    ("fills_equal_the_exchange", fill_lost),
    ("fills_equal_the_exchange", lambda e: with_truth(e, "filled", fills=())),
    (
        "fills_equal_the_exchange",
        lambda e: with_truth(
            e,
            "filled",
            fills=tuple(replace(fill, fee=fill.fee + 1) for o in e.truth if o.order_id == "filled" for fill in o.fills),
        ),
    ),
    ("the_sequence_has_no_gaps", entry_lost),
    (
        "orders_equal_their_replayed_events",
        lambda e: replace(e, journal=replace(e.journal, replayed=dict.fromkeys(e.journal.replayed))),
    ),
    ("orders_equal_their_replayed_events", fill_lost),
    ("nothing_was_impossible", lambda e: with_entry(e, event=event_of(EventKind.ANOMALY))),
]


def test_every_clause_has_a_planted_violation() -> None:
    """Each clause has found something."""
    assert {name for name, _ in PLANTED} == {clause.__name__ for clause in CLAUSES}


async def test_a_true_history_passes(true_history: Evidence) -> None:
    """There are no violations."""
    assert check(true_history) == ()


@pytest.mark.parametrize(("clause", "plant"), PLANTED, ids=[f"{n}-{name}" for n, (name, _) in enumerate(PLANTED)])
async def test_a_planted_violation_is_found(
    true_history: Evidence, clause: str, plant: Callable[[Evidence], Evidence]
) -> None:
    """The violated clause is named."""
    assert clause in {violation.clause for violation in check(plant(true_history))}
