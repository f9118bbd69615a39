"""The promise, clause by clause: each function compares the clients' answers, the journal and the exchange, and yields every
violation.

Offline: it needs no running process.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from app.domain.enums import EventKind, OrderState
from app.domain.lifecycle import FINAL, UNSETTLED
from app.domain.order import RETRYABLE, Order
from tests.chaos.journal_view import JournalView
from tests.chaos.operations import Operation, Terms
from tests.chaos.truth import TrueOrder

Name = tuple[str, str, str]

#: The journal's state of an order by the exchange's.
_SAME = {
    "open": OrderState.OPEN,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
}
_FINAL_WORDS = {str(state) for state in FINAL}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The records of the clients, the journal and the exchange."""

    operations: tuple[Operation, ...]
    journal: JournalView
    truth: tuple[TrueOrder, ...]

    @cached_property
    def journal_orders(self) -> dict[Name, Order]:
        return {_name(order): order for order in self.journal.orders}

    @cached_property
    def true_orders(self) -> dict[Name, list[TrueOrder]]:
        found: dict[Name, list[TrueOrder]] = defaultdict(list)
        for order in self.truth:
            found[self.named(order)].append(order)
        return found

    @cached_property
    def _wire_names(self) -> dict[Name, Name]:
        """The journal's name of each order that the exchange knows by an id of its own form."""
        return {
            (order.account_name, order.connector_name, order.exchange_client_order_id): _name(order)
            for order in self.journal.orders
            if order.exchange_client_order_id is not None
        }

    def named(self, order: TrueOrder) -> Name:
        """The journal's name of an order of the exchange; its own if the journal has none."""
        return order.name if order.name in self.journal_orders else self._wire_names.get(order.name, order.name)

    @cached_property
    def true_terms(self) -> Counter[Terms]:
        return Counter(
            (each.account_name, each.trading_pair, each.trade_type, each.order_type, each.amount, each.price)
            for each in self.truth
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A clause and where it is broken."""

    clause: str
    text: str


def answered_orders_are_in_the_journal(evidence: Evidence) -> Iterator[str]:
    """Every order that was answered with 2xx is in the journal."""
    for operation in evidence.operations:
        if operation.outcome == "ok" and operation.order_id is not None:
            name = (operation.account_name, operation.connector_name, operation.order_id)
            if name not in evidence.journal_orders:
                yield f"{operation.client} was answered {operation.status} for {name}"


def orders_at_the_exchange_are_in_the_journal(evidence: Evidence) -> Iterator[str]:
    """Every order at the exchange is in the journal."""
    for order in evidence.truth:
        if evidence.named(order) not in evidence.journal_orders:
            yield f"the exchange has {order.name}"


def intents_come_first(evidence: Evidence) -> Iterator[str]:
    """No order was sent before its intent was recorded: none was adopted, and none is older than its intent."""
    begun = {
        (entry.account_name, entry.connector_name, entry.order_id): entry
        for entry in reversed(evidence.journal.entries)
        if entry.event is not None
    }
    for name, entry in begun.items():
        assert entry.event is not None
        if entry.event.kind is not EventKind.INTENDED:
            yield f"{name} begins with {entry.event.kind}"
            continue
        for order in evidence.true_orders.get(name, ()):
            if order.created_at < entry.at:
                yield f"{name} was at the exchange {entry.at - order.created_at} before its intent"


def one_key_makes_one_order(evidence: Evidence) -> Iterator[str]:
    """However often a call is repeated, there is one order, in the answers, in the journal and at the exchange."""
    answers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    terms: set[Terms] = set()
    for operation in evidence.operations:
        if operation.verb == "place" and operation.key is not None:
            terms.add(operation.terms)
            if operation.order_id is not None:
                answers[operation.account_name, operation.connector_name, operation.key].add(operation.order_id)
    for name, ids in answers.items():
        if len(ids) > 1:
            yield f"the key {name} was answered with {sorted(ids)}"
    keys = Counter(
        (order.account_name, order.connector_name, order.idempotency_key)
        for order in evidence.journal.orders
        if order.idempotency_key is not None
    )
    yield from (f"the journal has {count} orders under the key {key}" for key, count in keys.items() if count > 1)
    for name, orders in evidence.true_orders.items():
        if len(orders) > 1:
            yield f"the exchange has {len(orders)} orders of the name {name}"
    for wanted in terms:
        if evidence.true_terms[wanted] > 1:
            yield f"the exchange has {evidence.true_terms[wanted]} orders of the terms {wanted}"


def refused_orders_are_not_at_the_exchange(evidence: Evidence) -> Iterator[str]:
    """An order whose last answer was a refusal does not exist. A later call with the same key may have placed it."""
    last = {(each.client, each.key): each for each in evidence.operations if each.verb == "place"}
    for operation in last.values():
        if operation.outcome == "fail" and evidence.true_terms[operation.terms]:
            yield f"{operation.client} was refused ({operation.status}) an order that exists: {operation.terms}"


def other_keys_are_not_stored(evidence: Evidence) -> Iterator[str]:
    """While orders are active, credentials that open another account at the exchange are not taken."""
    for operation in evidence.operations:
        if operation.verb == "store" and operation.outcome == "ok":
            yield f"{operation.client} stored the credentials of another account while {operation.order_id} was active"


def final_states_have_evidence(evidence: Evidence) -> Iterator[str]:
    """No final state was recorded without evidence from the exchange."""
    for entry in evidence.journal.entries:
        event = entry.event
        if event is None or entry.state not in FINAL or event.kind in _NOTES:
            continue
        if not event.evidence or event.source == "caller":
            yield f"{entry.order_id} became {entry.state} at {entry.seq} by {event.source} without evidence"


def final_states_are_not_taken_back(evidence: Evidence) -> Iterator[str]:
    """A state that was recorded, or shown to a client, as final stayed so, except that a refusal which passes may be retried."""
    last: dict[object, OrderState] = {}
    reasons: dict[object, str | None] = {}
    retried: set[object] = set()
    for entry in evidence.journal.entries:
        if entry.order_id is None or entry.state is None:
            continue
        name = (entry.account_name, entry.connector_name, entry.order_id)
        before = last.get(name)
        if entry.event is not None and entry.event.kind is EventKind.RETRIED and reasons.get(name) in RETRYABLE:
            retried.add(name)
        elif before in FINAL and entry.state is not before:
            yield f"{name} went from {before} to {entry.state} at {entry.seq}"
        last[name] = entry.state
        reasons[name] = None if entry.event is None else entry.event.reason_code
    for operation in evidence.operations:
        if operation.order_id is None or operation.state not in _FINAL_WORDS:
            continue
        name = (operation.account_name, operation.connector_name, operation.order_id)
        if operation.state == OrderState.REJECTED and name in retried:
            continue
        order = evidence.journal_orders.get(name)
        if order is not None and str(order.state) != operation.state:
            yield f"{operation.client} was shown {operation.state} for {operation.order_id}, which is {order.state}"


def nothing_is_in_doubt(evidence: Evidence) -> Iterator[str]:
    """After the exchange could be reached again, every order is settled."""
    for order in evidence.journal.orders:
        if order.state in UNSETTLED:
            yield f"{_name(order)} is {order.state}"


def states_equal_the_exchange(evidence: Evidence) -> Iterator[str]:
    """Each order's state, and what is filled of it, is the exchange's; what the exchange does not have is rejected."""
    for order in evidence.journal.orders:
        true = evidence.true_orders.get(_name(order), [])
        if not true:
            if order.state not in UNSETTLED and order.state is not OrderState.REJECTED:
                yield f"{_name(order)} is {order.state}, and the exchange has no such order"
        elif order.state not in UNSETTLED and order.state is not _SAME[true[-1].state]:
            yield f"{_name(order)} is {order.state}, and at the exchange {true[-1].state}"
        elif order.filled_amount != true[-1].filled_amount:
            yield f"{_name(order)} has {order.filled_amount} filled, and at the exchange {true[-1].filled_amount}"


def terms_equal_the_exchange(evidence: Evidence) -> Iterator[str]:
    """The amount and price of each limit order are those that the exchange has, also where they were amended there."""
    for order in evidence.journal.orders:
        true = evidence.true_orders.get(_name(order), [])
        if not true or order.price is None or order.state in UNSETTLED:
            continue
        if (order.amount, order.price) != (true[-1].amount, true[-1].price):
            yield f"{_name(order)} is {order.amount} at {order.price}, and at the exchange {true[-1].amount} at {true[-1].price}"


def fills_equal_the_exchange(evidence: Evidence) -> Iterator[str]:
    """Each order's fills are the exchange's: the same ids, prices, amounts and fees, each once."""
    for order in evidence.journal.orders:
        ours = sorted(
            (each.fill.exchange_fill_id, each.fill.price, each.fill.amount, each.fill.fee, each.fill.fee_currency or "")
            for each in evidence.journal.fills[order.key]
        )
        theirs = sorted(
            (fill.fill_id, fill.price, fill.amount, fill.fee, fill.fee_currency or "")
            for true in evidence.true_orders.get(_name(order), ())
            for fill in true.fills
        )
        if ours != theirs:
            yield f"{_name(order)} has the fills {ours}, and at the exchange {theirs}"


def the_sequence_has_no_gaps(evidence: Evidence) -> Iterator[str]:
    """The entries are numbered from one to the head, each number once."""
    numbers = [entry.seq for entry in evidence.journal.entries]
    if numbers != list(range(1, evidence.journal.head + 1)):
        missing = sorted(set(range(1, evidence.journal.head + 1)) - set(numbers))
        yield f"of {evidence.journal.head} numbers these are missing: {missing[:10]}"


def orders_equal_their_replayed_events(evidence: Evidence) -> Iterator[str]:
    """The stored order equals its replayed events, and its totals are those of its fills."""
    for order in evidence.journal.orders:
        if evidence.journal.replayed[order.key] != order:
            yield f"{_name(order)} is stored as {order}, and replayed as {evidence.journal.replayed[order.key]}"
        filled = sum(each.fill.amount for each in evidence.journal.fills[order.key])
        if filled != order.filled_amount:
            yield f"{_name(order)} has {order.filled_amount} filled, and fills of {filled}"


def nothing_was_impossible(evidence: Evidence) -> Iterator[str]:
    """The lifecycle had a cell for everything that happened."""
    for entry in evidence.journal.entries:
        if entry.event is not None and entry.event.kind is EventKind.ANOMALY:
            yield f"{entry.order_id} at {entry.seq}: {entry.event.evidence}"


CLAUSES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    answered_orders_are_in_the_journal,
    orders_at_the_exchange_are_in_the_journal,
    intents_come_first,
    one_key_makes_one_order,
    refused_orders_are_not_at_the_exchange,
    other_keys_are_not_stored,
    final_states_have_evidence,
    final_states_are_not_taken_back,
    nothing_is_in_doubt,
    states_equal_the_exchange,
    terms_equal_the_exchange,
    fills_equal_the_exchange,
    the_sequence_has_no_gaps,
    orders_equal_their_replayed_events,
    nothing_was_impossible,
)

#: The clauses that may be broken for a while: they hold once everything has settled.
EVENTUAL = (nothing_is_in_doubt, states_equal_the_exchange, terms_equal_the_exchange, fills_equal_the_exchange)


def check(
    evidence: Evidence, clauses: tuple[Callable[[Evidence], Iterator[str]], ...] = CLAUSES
) -> tuple[Violation, ...]:
    """Every violation of every clause."""
    return tuple(Violation(clause=clause.__name__, text=text) for clause in clauses for text in clause(evidence))


def _name(order: Order) -> Name:
    return (order.account_name, order.connector_name, order.order_id)


_NOTES = frozenset(
    {EventKind.CANCEL_REQUESTED, EventKind.CANCEL_REFUSED, EventKind.CANCEL_UNCONFIRMED, EventKind.ANOMALY}
)
