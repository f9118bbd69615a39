"""A generated schema made ready for the order path: what marshmallow itself would give, at a fraction of its time.

The schema stays the definition. Each of its fields becomes one conversion, chosen at start-up; a field that has none is refused
there. A document that a conversion does not expect goes to marshmallow as a whole, whose answer or error counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow
from marshmallow.fields import Boolean, Enum, Field, Integer, List, Nested, String

from app.domain.decimals import plain
from app.handlers.forms.fields import DecimalNumber, DecimalText, UtcDateTime, utc_text

Convert = Callable[[Any], Any]

_ABSENT = object()


class _Unexpected(Exception):
    """A value of another type than the contract lets through."""


class PreparedLoad:
    """How a schema loads documents that have passed the contract. Raises ``TypeError`` where a field has no prepared form."""

    def __init__(self, schema: marshmallow.Schema) -> None:
        self._schema = schema
        _refuse_unprepared(schema)
        self._loads = [_loaded(name, each) for name, each in schema.load_fields.items()]

    def load(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document's fields as values of ours. Raises marshmallow's ``ValidationError``."""
        loaded = {}
        try:
            for key, name, convert, default, may_be_none in self._loads:
                value = document.get(key, _ABSENT)
                if value is _ABSENT:
                    if default is _ABSENT:
                        raise _Unexpected
                    if default is not marshmallow.missing:
                        loaded[name] = default
                elif value is None:
                    if not may_be_none:
                        raise _Unexpected
                    loaded[name] = None
                else:
                    loaded[name] = convert(value)
        except (_Unexpected, KeyError, TypeError):
            whole: dict[str, Any] = self._schema.load(document)
            return whole
        return loaded


class PreparedDump:
    """How a schema writes values of ours. Raises ``TypeError`` where a field has no prepared form."""

    def __init__(self, schema: marshmallow.Schema) -> None:
        _refuse_unprepared(schema)
        self._dumps = [(each.data_key or name, name, _dumping(each)) for name, each in schema.dump_fields.items()]

    def dump(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` as they travel; one that is not there is left out."""
        return {
            key: None if values[name] is None else convert(values[name])
            for key, name, convert in self._dumps
            if name in values
        }

    def dump_nested(self, value: Any) -> dict[str, Any]:
        """A value of a field: a mapping, or an object that has all that the schema names."""
        if isinstance(value, Mapping):
            return self.dump(value)
        return self.dump({name: getattr(value, name) for _, name, _ in self._dumps})


def _refuse_unprepared(schema: marshmallow.Schema) -> None:
    if any(schema._hooks.values()):
        raise TypeError(f"{type(schema).__name__} has hooks")
    for name, each in schema.fields.items():
        if (
            each.validators
            or each.attribute
            or callable(each.load_default)
            or each.dump_default is not marshmallow.missing
        ):
            raise TypeError(f"{type(schema).__name__}.{name} does more than convert")


def _loaded(name: str, field: Field[Any]) -> tuple[str, str, Convert, Any, bool]:
    default = _ABSENT if field.required else field.load_default
    return field.data_key or name, name, _loading(field), default, bool(field.allow_none)


def _loading(field: Field[Any]) -> Convert:
    if type(field) is String:
        return _text
    if type(field) is Boolean:
        return _truth
    if type(field) is Enum and field.by_value:
        return {member.value: member for member in field.enum}.__getitem__
    if type(field) in (DecimalNumber, DecimalText):
        return _as_it_is
    raise TypeError(f"a {type(field).__name__} has no prepared form")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _Unexpected
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _Unexpected
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _dumping(field: Field[Any]) -> Convert:
    """As the field serializes what is not None."""
    if type(field) is Nested:
        return PreparedDump(field.schema).dump_nested
    if type(field) is List:
        convert = _dumping(field.inner)
        return lambda values: [None if value is None else convert(value) for value in values]
    if type(field) is Enum and not field.by_value:
        raise TypeError("an Enum by name has no prepared form")
    try:
        return _DUMPING[type(field)]
    except KeyError:
        raise TypeError(f"a {type(field).__name__} has no prepared form") from None


_DUMPING: Mapping[type[Field[Any]], Convert] = {
    Boolean: bool,
    DecimalNumber: _as_it_is,
    DecimalText: plain,
    Enum: lambda member: member.value,
    Integer: int,
    String: str,
    UtcDateTime: utc_text,
}
