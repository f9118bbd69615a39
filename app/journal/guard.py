"""What decides, inside the journal's transaction, whether something that a caller asks for may be written.

A guard is a list of checks. Each is given a ``View`` of the transaction and returns what speaks against it, as errors for the
caller. It runs on the writer's thread, while no other process can write; so what a check reads (users, keys, halts, limits) can't
change between its answer and the commit, and what another process changed before is seen. It must not wait, and may run again
after a rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.caller import Actor
from app.domain.errors import OrdergateError
from app.domain.events import OrderEvent
from app.domain.order import Order
from app.journal.batch import Batch
from app.journal.rows import Row
from app.journal.statements import Statement


@dataclass(frozen=True, slots=True)
class View:
    """What a check sees: ``event`` is about to be recorded about ``order``, which is new (with its first event) or as it stands.

    ``batch`` has what earlier units of the same transaction have decided. A check reads it and changes nothing.
    """

    batch: Batch
    order: Order
    event: OrderEvent

    @property
    def seq(self) -> int:
        """The number that the event gets in the journal."""
        return self.batch.head + 1

    def find(self, statement: Statement, key: Row = ()) -> Sequence[Row]:
        """What ``statement`` finds for ``key`` in a table of users, keys, halts or limits; no query where nothing has changed."""
        return self.batch.safety(statement, key)


#: Returns everything that speaks against what is about to be written.
Check = Callable[[View], Sequence[OrdergateError]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``checks`` for something that ``actor`` causes."""

    actor: Actor | None = None
    checks: tuple[Check, ...] = ()

    def check(self, batch: Batch, order: Order, event: OrderEvent) -> None:
        """Raise the first of what speaks against ``event``; its ``violations`` are all of them."""
        if not self.checks:
            return
        view = View(batch, order, event)
        found = [violation for check in self.checks for violation in check(view)]
        if found:
            found[0].violations = tuple(found)
            raise found[0]


#: For what no caller causes: answers of the exchange, and what is concluded from them.
UNGUARDED = Guard()
