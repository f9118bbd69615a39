"""The approvals that one transaction reads, asks for and decides."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.order import Order
from app.domain.safety.approvals import Approval
from app.journal import statements
from app.journal.rows import Row, decoder
from app.journal.safety_rows import approval_of, approval_row
from app.journal.store import Store
from app.storage.tables import APPROVALS


class BatchApprovals:
    """The approvals as units before have left them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Those that are asked for or decided here, by number.
        self._changed: dict[int, Approval] = {}

    def get(self, number: int) -> Approval | None:
        """The approval of that number."""
        found = self._find(statements.FIND_APPROVAL, (number,))
        return found[0] if found else self._changed.get(number)

    def of(self, order: Order) -> list[Approval]:
        """The approvals that hold the idempotency key or the id of ``order``, the newest last."""
        account, key = (order.account_name, order.connector_name), order.idempotency_key
        by_key = [] if key is None else self._find(statements.FIND_APPROVAL_BY_KEY, (*account, key))
        by_id = self._find(statements.FIND_APPROVALS_OF_ORDER, (*account, order.order_id))
        here = [
            each
            for each in self._changed.values()
            if (each.account_name, each.connector_name) == account
            and (order.order_id == each.order_id or (key is not None and each.idempotency_key == key))
        ]
        found = {each.number: each for each in (*by_key, *by_id, *here)}
        return [found[number] for number in sorted(found)]

    def awaiting(self) -> list[Approval]:
        """All approvals that are not decided."""
        found = {each.number: each for each in self._find(statements.FIND_AWAITING, ())}
        return [each for each in {**found, **self._changed}.values() if each.is_awaiting]

    def put(self, approval: Approval) -> Approval:
        """An approval that is as it is from now on."""
        self._changed[approval.number] = approval
        return approval

    def rows(self) -> list[tuple[statements.Statement, Sequence[Row]]]:
        """What is written of them."""
        if not self._changed:
            return []
        codec = self._store.codec
        return [
            (statements.DELETE_APPROVALS, [(number,) for number in self._changed]),
            (statements.INSERT_APPROVALS, [approval_row(each, codec) for each in self._changed.values()]),
        ]

    def _find(self, statement: statements.Statement, key: Row) -> list[Approval]:
        decode = decoder(APPROVALS.c, self._store.codec)
        found = [approval_of(decode(row)) for row in self._store.find(statement, [key])]
        return [self._changed.get(each.number, each) for each in found]
