"""The tables of the perpetual exchange: those of every exchange, positions, leverages, position modes and funding payments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from app.paper.tables import Instant, Money, Tables


class PerpetualTables(Tables):
    """The tables of one perpetual exchange."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.positions = Table(
            f"{prefix}_positions",
            self.metadata,
            Column("account", String, primary_key=True),
            Column("trading_pair", String, primary_key=True),
            Column("side", String, primary_key=True),
            Column("amount", Money, nullable=False),
            Column("cost", Money, nullable=False),
            Column("margin", Money, nullable=False),
            Column("realized_pnl", Money, nullable=False),
            Column("updated_at", Instant, nullable=False),
            Column("version", BigInteger, nullable=False),
        )
        self.leverages = Table(
            f"{prefix}_leverages",
            self.metadata,
            Column("account", String, primary_key=True),
            Column("trading_pair", String, primary_key=True),
            Column("leverage", Integer, nullable=False),
            Column("version", BigInteger, nullable=False),
        )
        self.modes = Table(
            f"{prefix}_modes",
            self.metadata,
            Column("account", String, primary_key=True),
            Column("mode", String, nullable=False),
            Column("version", BigInteger, nullable=False),
        )
        self.fundings = Table(
            f"{prefix}_fundings",
            self.metadata,
            # The key makes a second funding of one position at one moment impossible.
            Column("account", String, primary_key=True),
            Column("funding_id", String, primary_key=True),
            Column("trading_pair", String, nullable=False),
            Column("side", String, nullable=False),
            Column("payment", Money, nullable=False),
            Column("rate", Money, nullable=False),
            Column("mark_price", Money, nullable=False),
            Column("amount", Money, nullable=False),
            Column("paid_at", Instant, nullable=False),
            Index(f"{prefix}_fundings_of_account", "account", "paid_at"),
        )

    def _order_columns(self) -> tuple[Column[Any], ...]:
        return (Column("position_side", String, nullable=False), Column("reduce_only", Boolean, nullable=False))

    def _fill_columns(self) -> tuple[Column[Any], ...]:
        return (
            Column("position_side", String, nullable=False),
            Column("realized_pnl", Money, nullable=False),
            Column("is_liquidation", Boolean, nullable=False),
        )


PERPETUAL = PerpetualTables("paper_perpetual")
