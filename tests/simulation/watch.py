"""The clauses that must hold at every moment, checked at the moments at which they could break.

When an order reaches the exchange, its intent must be durable, its name and terms must be new, and nobody may have been told that
it was refused. When a caller is told something, the journal must have it, and nothing final may be taken back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from app.domain.enums import OrderState
from app.domain.lifecycle import FINAL
from tests.chaos.checker import Violation
from tests.chaos.operations import Operation
from tests.simulation.bases import Base
from tests.simulation.market import Order

_FINAL_WORDS = {str(state) for state in FINAL}


class Watch:
    """Looks at the journal with a connection of its own. ``violations`` grows as they are found."""

    def __init__(self, base: Base, account_name: str, connector_name: str) -> None:
        self._look = base.look()
        self._account_name = account_name
        self._connector_name = connector_name
        self._names: set[tuple[str, str, str]] = set()
        self._terms: set[tuple[object, ...]] = set()
        self._refused: set[tuple[object, ...]] = set()
        self._shown: dict[tuple[str, str], str] = {}
        #: The halts that surely hold: by pair, the entry of the journal with which each began.
        self._halts: dict[str, list[int]] = defaultdict(list)
        #: How often callers have asked for the end of the halts of a pair.
        self.resumes: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def asked(self, operation: Operation) -> None:
        """A caller asks for an order, perhaps again after a refusal that passes."""
        self._refused.discard(_terms(operation))

    def halted(self, pair: str, seq: int | None) -> None:
        """A caller has halted a pair, or is about to let trading go on there, which ends every halt of the pair, also a later one
        where the call comes late.
        """
        if seq is None:
            self.resumes[pair] += 1
            self._halts.pop(pair, None)
        else:
            self._halts[pair].append(seq)

    def accepted(self, order: Order) -> None:
        """The exchange takes an order."""
        name = (self._account_name, order.symbol, order.client_id)
        terms = (
            self._account_name,
            order.symbol.removesuffix("USDT"),
            order.side,
            order.kind,
            order.amount,
            order.price,
        )
        if not self._has(self._account_name, order.placed_as):
            self._found("intents_come_first", f"{name} came to the exchange before its intent was durable")
        if name in self._names or terms in self._terms:
            self._found("one_key_makes_one_order", f"{name} or its terms {terms} came to the exchange twice")
        if terms in self._refused:
            self._found("refused_orders_are_not_at_the_exchange", f"{name} arrives after it was answered as refused")
        pair = f"{order.symbol.removesuffix('USDT')}-USDT"
        for began in self._halts.get(pair, ()):
            if self._number(order) > began and not self._was_resumed(pair, began):
                self._found("nothing_is_intended_while_halted", f"{name} was intended after the halt of entry {began}")
        self._names.add(name)
        self._terms.add(terms)

    def answered(self, operation: Operation) -> None:
        """A caller is told something."""
        if operation.verb == "place" and operation.outcome == "fail":
            self._refuse(operation)
        order_id = operation.order_id
        if operation.outcome != "ok" or order_id is None:
            return
        if operation.verb == "place" and not self._has(operation.account_name, order_id):
            self._found("answered_orders_are_in_the_journal", f"{operation.status} for {order_id}")
        # One caller's calls follow each other; answers to two callers may overtake each other.
        shown = (operation.client, order_id)
        before = self._shown.get(shown)
        if before in _FINAL_WORDS and operation.state != before:
            self._found("final_states_are_not_taken_back", f"{order_id} was shown {before}, then {operation.state}")
        if operation.state is not None:
            self._shown[shown] = operation.state

    def _refuse(self, operation: Operation) -> None:
        terms = _terms(operation)
        self._refused.add(terms)
        if terms in self._terms:
            self._found("refused_orders_are_not_at_the_exchange", f"{terms} was answered {operation.status} and exists")

    def _has(self, account_name: str, order_id: str) -> bool:
        query = "SELECT 1 FROM orders WHERE account_name = ? AND connector_name = ? AND order_id = ?"
        return bool(self._look.rows(query, (account_name, self._connector_name, order_id)))

    def _number(self, order: Order) -> int:
        """The entry of the journal with which an order begins."""
        query = "SELECT id FROM orders WHERE account_name = ? AND connector_name = ? AND order_id = ?"
        rows = self._look.rows(query, (self._account_name, self._connector_name, order.placed_as))
        return int(rows[0][0]) if rows else 0

    def _was_resumed(self, pair: str, after: int) -> bool:
        """Whether a resume has come since an entry of the journal, as that of a call that came late."""
        query = "SELECT 1 FROM events WHERE seq > ? AND kind = 'resumed' AND trading_pair = ?"
        return bool(self._look.rows(query, (after, pair)))

    def was_seen(self, order: Order) -> bool:
        """Whether the journal has had something of the exchange about an order."""
        query = "SELECT exchange_order_id IS NOT NULL FROM orders WHERE account_name = ? AND order_id = ?"
        rows = self._look.rows(query, (self._account_name, order.placed_as))
        return bool(rows and rows[0][0])

    def in_doubt(self) -> int:
        """How many orders are pending or unknown."""
        states = (str(OrderState.PENDING), str(OrderState.UNKNOWN))
        return int(self._look.rows("SELECT count(*) FROM orders WHERE state IN (?, ?)", states)[0][0])

    def states(self) -> dict[tuple[str, str], tuple[str, str]]:
        """State and filled amount of each order, by account and id."""
        query = "SELECT account_name, order_id, state, filled_amount FROM orders"
        return {(row[0], row[1]): (row[2], row[3]) for row in self._look.rows(query)}

    def close(self) -> None:
        self._look.close()

    def _found(self, clause: str, text: str) -> None:
        self.violations.append(Violation(clause=clause, text=text))


def _terms(operation: Operation) -> tuple[object, ...]:
    body = operation.body
    return (
        operation.account_name,
        body["trading_pair"].partition("-")[0],
        body["trade_type"],
        body["order_type"],
        Decimal(body["amount"]),
        Decimal(body.get("price", 0)),
    )
