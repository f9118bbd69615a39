"""Rows to values and back, by plain functions: the one place that knows which column holds what.

Tuples stand in the order of the table's columns. Functions that read take rows from SQLAlchemy, whose types are converted
already; ``decoder`` makes the same of a driver's raw row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Column

from app.domain.enums import Liquidity, OrderState, OrderStatus, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import Balance
from app.journal.payloads import decode_balances, decode_event, decode_fees, encode_fees
from app.journal.records import JournalEntry, Trade
from app.storage.codec import Codec
from app.storage.tables import FILLS, ORDERS
from app.storage.types import Money, UtcTime

Row = Sequence[Any]

#: The kind of the entries that are about balances; all others are an ``EventKind``.
BALANCES_KIND = "balances"

#: What an event may change, with the row's id before them: the columns of one update.
CHANGEABLE: tuple[Column[Any], ...] = (
    ORDERS.c.id,
    ORDERS.c.amount,
    ORDERS.c.state,
    ORDERS.c.status,
    ORDERS.c.updated_at,
    ORDERS.c.exchange_order_id,
    ORDERS.c.filled_amount,
    ORDERS.c.filled_quote,
    ORDERS.c.fees,
    ORDERS.c.cancel_requested_at,
    ORDERS.c.error_code,
    ORDERS.c.error_message,
)

#: What a trade is read from: its fill and what names its order.
TRADE_COLUMNS: tuple[Column[Any], ...] = (*FILLS.c, ORDERS.c.order_id, ORDERS.c.trade_type)


def decoder(columns: Iterable[Column[Any]], codec: Codec) -> Callable[[Row], Row]:
    """A function that converts a driver's row of ``columns``."""
    reads: list[tuple[int, Callable[[Any], Any]]] = []
    for index, column in enumerate(columns):
        if isinstance(column.type, Money) and codec.is_text:
            reads.append((index, codec.read_money))
        elif isinstance(column.type, UtcTime):
            reads.append((index, codec.read_time))

    def decode(row: Row) -> Row:
        values = list(row)
        for index, read in reads:
            values[index] = read(values[index])
        return values

    return decode


def order_row(number: int, order: Order, codec: Codec) -> Row:
    """``order`` as a row of ``orders``."""
    money, time = codec.money, codec.time
    return (
        number,
        order.account_name,
        order.connector_name,
        order.order_id,
        order.trading_pair,
        order.trade_type.value,
        order.order_type.value,
        money(order.amount),
        money(order.price),
        money(order.quote_amount),
        order.position_action.value,
        None if order.time_in_force is None else order.time_in_force.value,
        order.reduce_only,
        order.idempotency_key,
        order.terms,
        time(order.created_at),
        order.state.value,
        order.status.value,
        time(order.updated_at),
        order.exchange_order_id,
        money(order.filled_amount),
        money(order.filled_quote),
        encode_fees(order.fees),
        time(order.cancel_requested_at),
        codec.text(order.error_code),
        codec.text(order.error_message),
    )


def change_row(number: int, order: Order, codec: Codec) -> Row:
    """What events may have changed of ``order``, as the columns ``CHANGEABLE``."""
    money, time = codec.money, codec.time
    return (
        number,
        money(order.amount),
        order.state.value,
        order.status.value,
        time(order.updated_at),
        order.exchange_order_id,
        money(order.filled_amount),
        money(order.filled_quote),
        encode_fees(order.fees),
        time(order.cancel_requested_at),
        codec.text(order.error_code),
        codec.text(order.error_message),
    )


def order_of(row: Row) -> Order:
    """The order in a row of ``orders``."""
    return Order(
        account_name=row[1],
        connector_name=row[2],
        order_id=row[3],
        trading_pair=row[4],
        trade_type=TradeType(row[5]),
        order_type=OrderType(row[6]),
        amount=row[7],
        price=row[8],
        quote_amount=row[9],
        position_action=PositionAction(row[10]),
        time_in_force=None if row[11] is None else TimeInForce(row[11]),
        reduce_only=bool(row[12]),
        idempotency_key=row[13],
        terms=row[14],
        created_at=row[15],
        state=OrderState(row[16]),
        updated_at=row[18],
        exchange_order_id=row[19],
        filled_amount=row[20],
        filled_quote=row[21],
        fees=decode_fees(row[22]),
        cancel_requested_at=row[23],
        error_code=row[24],
        error_message=row[25],
    )


def event_row(entry: JournalEntry, number: int | None, payload: str, codec: Codec) -> Row:
    """``entry`` as a row of ``events``; ``number`` is the row id of its order."""
    return (
        entry.seq,
        codec.time(entry.at),
        BALANCES_KIND if entry.event is None else entry.event.kind.value,
        entry.account_name,
        entry.connector_name,
        entry.trading_pair,
        entry.order_id,
        number,
        None if entry.state is None else entry.state.value,
        None if entry.status is None else entry.status.value,
        codec.money(entry.filled_amount),
        payload,
    )


def entry_of(row: Row) -> JournalEntry:
    """The entry in a row of ``events``."""
    is_balances = row[2] == BALANCES_KIND
    return JournalEntry(
        seq=row[0],
        at=row[1],
        account_name=row[3],
        connector_name=row[4],
        trading_pair=row[5],
        order_id=row[6],
        event=None if is_balances else decode_event(row[11]),
        balances=decode_balances(row[11]) if is_balances else None,
        state=None if row[8] is None else OrderState(row[8]),
        status=None if row[9] is None else OrderStatus(row[9]),
        filled_amount=row[10],
    )


def fill_row(seq: int, number: int, order: Order, fill: Fill, codec: Codec) -> Row:
    """``fill`` of ``order`` as a row of ``fills``; ``seq`` is its event's."""
    return (
        seq,
        number,
        order.account_name,
        order.connector_name,
        order.trading_pair,
        fill.exchange_fill_id,
        codec.money(fill.price),
        codec.money(fill.amount),
        codec.money(fill.fee),
        fill.fee_currency,
        codec.time(fill.filled_at),
        None if fill.liquidity is None else fill.liquidity.value,
    )


def trade_of(row: Row) -> Trade:
    """The trade in a row of ``TRADE_COLUMNS``."""
    fill = Fill(
        exchange_fill_id=row[5],
        price=row[6],
        amount=row[7],
        fee=row[8],
        fee_currency=row[9],
        filled_at=row[10],
        liquidity=None if row[11] is None else Liquidity(row[11]),
    )
    return Trade(
        order_id=row[12],
        account_name=row[2],
        connector_name=row[3],
        trading_pair=row[4],
        trade_type=TradeType(row[13]),
        fill=fill,
    )


def balance_row(account_name: str, connector_name: str, balance: Balance, codec: Codec) -> Row:
    """``balance`` as a row of ``balances``."""
    return (account_name, connector_name, balance.asset, codec.money(balance.total), codec.money(balance.available))
