"""Values to rows and back, by plain functions: the one place that knows which column holds what.

Rows are tuples in the order of the table's columns. Functions that read take rows from SQLAlchemy, whose types are converted
already; ``decoder`` makes the same of a driver's raw row.

An event's payload is JSON text. It holds the whole event, so that the journal alone tells the story; an order's first event also
holds the order as it began, under ``order``. Numbers are strings without exponents, absent fields are left out. Fields that a later
version adds are ignored on reading, so that an older one can still read the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import Column

from app.domain.caller import Actor
from app.domain.decimals import plain
from app.domain.enums import Liquidity, OrderState, OrderStatus, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import Balance, BalanceReport
from app.domain.safety.events import SafetyEvent, SafetyKind
from app.journal.records import JournalEntry, Trade
from app.storage.tables import FILLS, ORDERS
from app.storage.types import Codec, Money, UtcTime

Row = Sequence[Any]

#: The kind of the entries that are about balances; those about orders are an ``EventKind``.
BALANCES_KIND = "balances"

#: The kinds of those about halts and limits.
SAFETY_KINDS = frozenset(SafetyKind)

#: What an event may change, with the row's id before them: the columns of one update.
CHANGEABLE: tuple[Column[Any], ...] = (
    ORDERS.c.id,
    ORDERS.c.amount,
    ORDERS.c.price,
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
    ORDERS.c.exchange_client_order_id,
    ORDERS.c.amended_at,
    ORDERS.c.retried_at,
    ORDERS.c.held_until,
)

#: What a trade is read from: its fill and what names its order.
TRADE_COLUMNS: tuple[Column[Any], ...] = (*FILLS.c, ORDERS.c.order_id, ORDERS.c.trade_type)


_STRUCTS: tuple[type[msgspec.Struct], ...] = (OrderEvent, Order, Fill, Actor)
_DATACLASSES: tuple[Any, ...] = (BalanceReport, Balance)

#: The fields of each kind of value, and whether one that is None may be left out because reading it back gives None.
_FIELDS: dict[type[Any], tuple[tuple[str, bool], ...]] = {
    **{kind: tuple((each.name, each.default is None) for each in structs.fields(kind)) for kind in _STRUCTS},
    **{kind: tuple((each.name, each.default is None) for each in fields(kind)) for kind in _DATACLASSES},
}
_ENCODER = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(OrderEvent)
_BALANCES = msgspec.json.Decoder(BalanceReport)
_SAFETY = msgspec.json.Decoder(SafetyEvent)
_FEES = msgspec.json.Decoder(dict[str, Decimal | None])


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
        order.exchange_client_order_id,
        time(order.amended_at),
        codec.text(order.exchange_account),
        time(order.retried_at),
        time(order.held_until),
        order.key_id,
        money(order.reserved_price),
    )


def change_row(number: int, order: Order, codec: Codec) -> Row:
    """What events may have changed of ``order``, as the columns ``CHANGEABLE``."""
    money, time = codec.money, codec.time
    return (
        number,
        money(order.amount),
        money(order.price),
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
        order.exchange_client_order_id,
        time(order.amended_at),
        time(order.retried_at),
        time(order.held_until),
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
        exchange_client_order_id=row[26],
        amended_at=row[27],
        exchange_account=row[28],
        retried_at=row[29],
        held_until=row[30],
        key_id=row[31],
        reserved_price=row[32],
    )


def event_row(entry: JournalEntry, number: int | None, codec: Codec, *, start: Order | None = None) -> Row:
    """``entry`` as a row of ``events``; ``number`` is the row id of its order, ``start`` the order as it began, given with its
    first event only.
    """
    return (
        entry.seq,
        codec.time(entry.at),
        _kind(entry),
        entry.account_name,
        entry.connector_name,
        entry.trading_pair,
        entry.order_id,
        number,
        None if entry.state is None else entry.state.value,
        None if entry.status is None else entry.status.value,
        codec.money(entry.filled_amount),
        _payload(entry, start),
    )


def _kind(entry: JournalEntry) -> str:
    event = entry.event or entry.safety
    return BALANCES_KIND if event is None else event.kind.value


def _payload(entry: JournalEntry, start: Order | None) -> str:
    if entry.event is not None:
        return encode_event(entry.event, start)
    if entry.safety is not None:
        return _ENCODER.encode(entry.safety).decode()
    assert entry.balances is not None
    return encode_balances(entry.balances)


def entry_of(row: Row) -> JournalEntry:
    """The entry in a row of ``events``."""
    is_balances, is_safety = row[2] == BALANCES_KIND, row[2] in SAFETY_KINDS
    return JournalEntry(
        seq=row[0],
        at=row[1],
        account_name=row[3],
        connector_name=row[4],
        trading_pair=row[5],
        order_id=row[6],
        event=None if is_balances or is_safety else decode_event(row[11]),
        balances=decode_balances(row[11]) if is_balances else None,
        safety=decode_safety(row[11]) if is_safety else None,
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


# -- payloads ----------------------------------------------------------------------------------------------------------


def encode_event(event: OrderEvent, start: Order | None = None) -> str:
    """``event`` as text; ``start`` is the order as it began, given with its first event only."""
    document = _document(event)
    if start is not None:
        document["order"] = _document(start)
    return _ENCODER.encode(document).decode()


def decode_event(text: str) -> OrderEvent:
    """The event in ``text``."""
    return _EVENT.decode(text)


class _First(msgspec.Struct):
    """The part of a first event's payload that holds the order as it began."""

    order: Order


_FIRST = msgspec.json.Decoder(_First)


def decode_start(text: str) -> Order:
    """The order as it began, in the text of its first event."""
    return _FIRST.decode(text).order


def encode_balances(report: BalanceReport) -> str:
    """Changed balances as text."""
    return _ENCODER.encode(_document(report)).decode()


def decode_balances(text: str) -> BalanceReport:
    """The changed balances in ``text``."""
    return _BALANCES.decode(text)


def decode_safety(text: str) -> SafetyEvent:
    """The change of halts or limits in ``text``."""
    return _SAFETY.decode(text)


def encode_fees(fees: Mapping[str, Decimal | None]) -> str:
    """Fees by currency as text."""
    return _ENCODER.encode(_numbers(fees)).decode() if fees else "{}"


def decode_fees(text: str) -> dict[str, Decimal | None]:
    """Fees by currency."""
    return {} if text == "{}" else _FEES.decode(text)


def _document(value: Any) -> dict[str, Any]:
    document = {}
    for name, may_be_absent in _FIELDS[type(value)]:
        field = getattr(value, name)
        if field is not None or not may_be_absent:
            to_plain = _PLAIN.get(type(field))
            document[name] = field if to_plain is None else to_plain(field)
    return document


def _documents(values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [_document(value) for value in values]


def _numbers(numbers: Mapping[str, Decimal | None]) -> dict[str, str | None]:
    return {name: None if number is None else plain(number) for name, number in numbers.items()}


#: What the JSON encoder must not do in its own way. A look-up by type, since this runs for each field of each event.
_PLAIN: dict[type[Any], Callable[[Any], Any]] = {
    Decimal: plain,
    dict: _numbers,
    MappingProxyType: _numbers,
    tuple: _documents,
    Fill: _document,
    Actor: _document,
}
