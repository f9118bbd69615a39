"""One transaction of the perpetual exchange's store: that of every exchange, with positions, settings and funding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Table, select

from app.domain.enums import PositionMode
from app.paper import rows
from app.paper.orders import PaperFill, PaperOrder
from app.paper.perpetual import rows as perpetual_rows
from app.paper.perpetual.orders import PaperFunding
from app.paper.perpetual.state import PerpetualChanges, PerpetualState
from app.paper.perpetual.tables import PerpetualTables
from app.paper.state import Changes, State
from app.paper.transaction import Transaction, narrowed


class PerpetualTransaction(Transaction):
    """Reads and writes inside the lock."""

    _tables: PerpetualTables

    def load(self, state: State, known_version: int) -> None:
        super().load(state, known_version)
        assert isinstance(state, PerpetualState)
        state.restore_perpetual(
            positions=map(perpetual_rows.position_of, self._newer(self._tables.positions, known_version)),
            leverages=(
                (row.account, row.trading_pair, row.leverage)
                for row in self._newer(self._tables.leverages, known_version)
            ),
            modes=((row.account, PositionMode(row.mode)) for row in self._newer(self._tables.modes, known_version)),
        )

    def fundings(
        self, account: str, *, trading_pair: str | None, since: datetime | None, until: datetime | None, limit: int
    ) -> tuple[PaperFunding, ...]:
        """The account's funding payments from ``since`` to ``until``, oldest first."""
        table = self._tables.fundings.c
        query = select(self._tables.fundings).where(table.account == account)
        query = narrowed(query, table, trading_pair, table.paid_at, since, until)
        found = self._connection.execute(query.order_by(table.paid_at, table.funding_id).limit(limit))
        return tuple(map(perpetual_rows.funding_of, found))

    def _order_of(self, row: Any) -> PaperOrder:
        return perpetual_rows.order_of(row)

    def _fill_of(self, row: Any) -> PaperFill:
        return perpetual_rows.fill_of(row)

    def _newer(self, table: Table, known_version: int) -> list[Row[Any]]:
        query: Select[Any] = select(table).where(table.c.version > known_version)
        return list(self._connection.execute(query))

    def _save_records(self, changes: Changes) -> None:
        super()._save_records(changes)
        assert isinstance(changes, PerpetualChanges)
        version = {"version": self.version}
        self._put(self._tables.positions, [rows.record_row(each) | version for each in changes.positions.values()])
        self._put(
            self._tables.leverages,
            [
                {"account": account, "trading_pair": trading_pair, "leverage": leverage} | version
                for (account, trading_pair), leverage in changes.leverages.items()
            ],
        )
        self._put(
            self._tables.modes,
            [{"account": account, "mode": mode} | version for account, mode in changes.modes.items()],
        )
        if changes.fundings:
            self._connection.execute(
                self._tables.fundings.insert(), [rows.record_row(each) for each in changes.fundings]
            )

    def _put(self, table: Table, values: list[Mapping[str, Any]]) -> None:
        """Insert rows, or overwrite those of the same key."""
        if not values:
            return
        statement = self._insert(table)
        new = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=new), values
        )
