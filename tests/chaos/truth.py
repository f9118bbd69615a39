"""The exchange's own records: the truth that the journal must become equal to.

The checker reads it by ``Truth``. ``PaperTruth`` reads the paper exchange's store and ``SandboxTruth`` the sandbox's, by the
operator's routes: past the connector and past every fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import create_engine, inspect, select

from app.paper import rows
from app.paper.orders import PaperFill
from app.paper.tables import SPOT


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFill:
    """One execution as the exchange has it."""

    fill_id: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueOrder:
    """One order as the exchange has it; ``order_id`` is the client's id, ``state`` is open, filled, canceled or expired."""

    account_name: str
    connector_name: str
    order_id: str
    exchange_order_id: str
    trading_pair: str
    trade_type: str
    order_type: str
    amount: Decimal | None
    price: Decimal | None
    state: str
    filled_amount: Decimal
    created_at: datetime
    fills: tuple[TrueFill, ...] = ()

    @property
    def name(self) -> tuple[str, str, str]:
        """The order's key in the journal."""
        return (self.account_name, self.connector_name, self.order_id)


class Truth(Protocol):
    """An exchange whose records can be read."""

    def orders(self) -> tuple[TrueOrder, ...]:
        """Every order that it ever had, with its fills."""


class PaperTruth:
    """The paper exchange's store."""

    def __init__(self, url: str) -> None:
        self._url = url

    def orders(self) -> tuple[TrueOrder, ...]:
        engine = create_engine(self._url)
        try:
            if not inspect(engine).has_table(SPOT.orders.name):
                return ()
            with engine.connect() as connection:
                orders = [rows.order_of(row) for row in connection.execute(select(SPOT.orders))]
                fills = [rows.fill_of(row) for row in connection.execute(select(SPOT.fills))]
        finally:
            engine.dispose()
        by_order: dict[int, list[PaperFill]] = defaultdict(list)
        for fill in fills:
            by_order[fill.exchange_order_id].append(fill)
        return tuple(
            TrueOrder(
                account_name=order.account,
                connector_name="paper",
                order_id=order.client_order_id,
                exchange_order_id=str(order.exchange_order_id),
                trading_pair=order.trading_pair,
                trade_type=str(order.trade_type),
                order_type=str(order.order_type),
                amount=order.amount,
                price=order.price,
                state=str(order.state),
                filled_amount=order.filled_amount,
                created_at=order.created_at,
                fills=tuple(_true_fill(fill) for fill in by_order[order.exchange_order_id]),
            )
            for order in orders
        )


def _true_fill(fill: PaperFill) -> TrueFill:
    return TrueFill(
        fill_id=str(fill.fill_id),
        price=fill.price,
        amount=fill.amount,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
    )


class SandboxTruth:
    """The sandbox's ``market``, spot or futures; ``fetch`` returns the answer of ``GET /sandbox/truth``.

    The sandbox's one account is the gateway's master account.
    """

    def __init__(self, fetch: Callable[[], Mapping[str, Any]], connector_name: str, market: str) -> None:
        self._fetch = fetch
        self._connector_name = connector_name
        self._market = market

    def orders(self) -> tuple[TrueOrder, ...]:
        whole = self._fetch()
        market = whole["futures"] if self._market == "futures" else whole
        rows = [row for account in market["accounts"] for row in account["orders"]]
        return tuple(self._order(row) for row in rows)

    def _order(self, row: Mapping[str, Any]) -> TrueOrder:
        return TrueOrder(
            account_name="master_account",
            connector_name=self._connector_name,
            order_id=row["order_id"],
            exchange_order_id=row["exchange_order_id"],
            trading_pair=row["trading_pair"],
            trade_type=row["trade_type"],
            order_type=row["order_type"],
            amount=_number(row["amount"]),
            price=_number(row["price"]),
            state=row["state"],
            filled_amount=Decimal(row["filled_amount"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            fills=tuple(
                TrueFill(
                    fill_id=fill["exchange_fill_id"],
                    price=Decimal(fill["price"]),
                    amount=Decimal(fill["amount"]),
                    fee=Decimal(fill["fee"]),
                    fee_currency=fill["fee_currency"],
                )
                for fill in row["fills"]
            ),
        )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
