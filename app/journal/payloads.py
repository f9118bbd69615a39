"""Events as JSON text and back. Numbers are strings without exponents, absent fields are left out.

The payload holds the whole event, so that the journal alone tells the story; an order's first event also holds the order as it
began, under ``order``. Fields that a later version adds are ignored on reading, so that an older one can still read the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import structs

from app.domain.decimals import plain
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import Balance, BalanceReport

_STRUCTS: tuple[type[msgspec.Struct], ...] = (OrderEvent, Order, Fill)
_DATACLASSES: tuple[Any, ...] = (BalanceReport, Balance)

#: The fields of each kind of value, and whether one that is None may be left out because reading it back gives None.
_FIELDS: dict[type[Any], tuple[tuple[str, bool], ...]] = {
    **{kind: tuple((each.name, each.default is None) for each in structs.fields(kind)) for kind in _STRUCTS},
    **{kind: tuple((each.name, each.default is None) for each in fields(kind)) for kind in _DATACLASSES},
}
_ENCODER = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(OrderEvent)
_BALANCES = msgspec.json.Decoder(BalanceReport)
_FEES = msgspec.json.Decoder(dict[str, Decimal])


def encode_event(event: OrderEvent, start: Order | None = None) -> str:
    """``event`` as text; ``start`` is the order as it began, given with its first event only."""
    document = _document(event)
    if start is not None:
        document["order"] = _document(start)
    return _ENCODER.encode(document).decode()


def decode_event(text: str) -> OrderEvent:
    """The event in ``text``."""
    return _EVENT.decode(text)


def encode_balances(report: BalanceReport) -> str:
    """Changed balances as text."""
    return _ENCODER.encode(_document(report)).decode()


def decode_balances(text: str) -> BalanceReport:
    """The changed balances in ``text``."""
    return _BALANCES.decode(text)


def encode_fees(fees: Mapping[str, Decimal]) -> str:
    """Fees by currency as text."""
    return _ENCODER.encode(_numbers(fees)).decode() if fees else "{}"


def decode_fees(text: str) -> dict[str, Decimal]:
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


def _numbers(numbers: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: plain(number) for name, number in numbers.items()}


#: What the JSON encoder must not do in its own way. A look-up by type, since this runs for each field of each event.
_PLAIN: dict[type[Any], Callable[[Any], Any]] = {
    Decimal: plain,
    dict: _numbers,
    MappingProxyType: _numbers,
    tuple: _documents,
    Fill: _document,
}
