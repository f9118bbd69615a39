"""Descriptions of values that break the schema: items of the form ``{type, loc, msg, input}`` that existing callers know.

A fault quotes a value as it was sent if it is short, and none at all where the schema marks a secret; messages are our own
sentences, since a validator's own quote the value. ``x-rule`` in the contract is the sentence for a pattern, ``x-unit`` a
number's unit. Nothing here decides whether a value is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import jsonschema_rs
import msgspec

from app.domain.errors import InvalidClientOrderId
from app.domain.suggestions import did_you_mean, normal
from app.web.contract.vocabulary import VALUES_NOT_DONE

Fault = dict[str, Any]
Location = tuple[str | int, ...]

#: Long enough to recognise one's own value, too short to fill a log.
_LONGEST_INPUT = 100

_TYPES = {
    "string": ("string_type", "Input should be a valid string"),
    "integer": ("int_type", "Input should be a valid integer"),
    "number": ("float_type", "Input should be a valid number"),
    "boolean": ("bool_type", "Input should be a valid boolean"),
    "array": ("list_type", "Input should be a valid list"),
    "object": ("object_type", "Input should be a JSON object"),
}

#: By the validator's name of the broken keyword: our type, and a sentence in which ``{}`` is the bound.
_BOUNDS = {
    "Minimum": ("greater_than_equal", "Input should be greater than or equal to {}"),
    "ExclusiveMinimum": ("greater_than", "Input should be greater than {}"),
    "Maximum": ("less_than_equal", "Input should be less than or equal to {}"),
    "ExclusiveMaximum": ("less_than", "Input should be less than {}"),
    "MultipleOf": ("multiple_of", "Input should be a multiple of {}"),
    "MinLength": ("string_too_short", "String should have at least {} characters"),
    "MaxLength": ("string_too_long", "String should have at most {} characters"),
    "Pattern": ("string_pattern_mismatch", "String should match pattern '{}'"),
    "Format": ("format", "Input should be a valid {}"),
    "MinItems": ("too_short", "List should have at least {} items"),
    "MaxItems": ("too_long", "List should have at most {} items"),
    "MinProperties": ("too_short", "The object should have at least {} members"),
    "MaxProperties": ("too_long", "The object should have at most {} members"),
}

_PLAIN = {
    "UniqueItems": ("unique_items", "List items should be unique"),
    "AnyOf": ("union_error", "Input should match one of the allowed forms"),
    "OneOfNotValid": ("union_error", "Input should match one of the allowed forms"),
    "OneOfMultipleValid": (
        "union_error",
        "Input should match exactly one of the allowed forms",
    ),
    "FalseSchema": ("extra_forbidden", "There is no such field here: leave it out"),
    "AdditionalProperties": ("extra_forbidden", "There is no such field here: leave it out"),
}

_ANY = ("value_error", "Input is not valid")

#: RFC 3339, with seconds and the offset from UTC.
_FORM_OF_MOMENTS = ", such as 2026-12-01T00:00:00Z"


def fault(kind: str, location: Location, message: str, value: Any = None) -> Fault:
    """One fault. ``value`` must not be a secret; a list or an object is quoted if it is short."""
    return {"type": kind, "loc": list(location), "msg": message, "input": _quotable(value)}


def missing(location: Location) -> Fault:
    """The fault of a required value that is not there."""
    return fault("missing", location, "Field required")


def type_fault(expected: str, location: Location, value: Any, unit: str = "") -> Fault:
    """The fault of a value that is not of the JSON type ``expected``. ``unit`` is what ``unit_of`` says of it."""
    kind, message = _TYPES.get(expected, _ANY)
    return fault(kind, location, message + unit, value)


def bound_fault(keyword: str, bound: Any, location: Location, value: Any, unit: str = "") -> Fault:
    """The fault of a number beyond a bound; ``keyword`` is ``Minimum``, ``ExclusiveMinimum`` and so on."""
    kind, message = _BOUNDS[keyword]
    return fault(kind, location, message.format(bound) + unit, value)


def client_order_id_fault(error: InvalidClientOrderId) -> Fault:
    """The fault of a client order id that the connector of the order does not take."""
    message = f"String should match pattern '{error.pattern}' on {error.connector_name}"
    return {
        **fault("string_pattern_mismatch", ("body", "client_order_id"), message),
        "input": error.client_order_id,
        "ctx": {"pattern": error.pattern},
    }


def from_validator(
    error: jsonschema_rs.ValidationError, location: Location, schema: Mapping[str, Any], document: Any
) -> Fault:
    """The fault that the validator found in ``document``, which is at ``location``, under ``schema``."""
    path = tuple(error.instance_path)
    where = (*location, *path)
    keyword = type(error.kind).__name__
    facts = error.kind.as_dict()
    if keyword == "Required":
        return missing((*where, str(facts["property"])))
    value = None if is_secret(schema, path) else _as_sent(document, path, error.instance)
    node = _node_at(schema, path)
    if keyword == "Type":
        types = [name for name in facts["types"] if name != "null"]
        # What stands in the place of a container may be a part of it, secrets included.
        quoted = None if {"object", "array"} & set(types) and _holds_secret(node) else value
        return type_fault(types[0] if len(types) == 1 else "", where, quoted, unit_of(node))
    if keyword == "Enum":
        options = [f"'{option}'" for option in facts["options"] if option is not None]
        meant = _meant(path, error.instance, facts["options"])
        return fault("literal_error", where, f"Input should be {_either(options)}{'.' * bool(meant)}{meant}", value)
    if keyword == "Pattern" and "x-rule" in node:
        return fault("string_pattern_mismatch", where, node["x-rule"], value)
    if keyword in _BOUNDS:
        bound = next(iter(facts.values()))
        return bound_fault(keyword, bound, where, value, unit_of(node))
    kind, message = _PLAIN.get(keyword, _ANY)
    return fault(kind, where, message, value)


def is_said_by_length(error: jsonschema_rs.ValidationError, schema: Mapping[str, Any]) -> bool:
    """Whether ``error`` is a pattern that an empty text breaks, where the least length has a fault of its own that says more."""
    if error.instance != "" or type(error.kind).__name__ != "Pattern":
        return False
    return bool(_node_at(schema, tuple(error.instance_path)).get("minLength", 0) > 0)


def _meant(path: Location, value: Any, options: Sequence[Any]) -> str:
    """What to do instead of a word that is none of ``options``, as a sentence behind a space; nothing where that is not plain."""
    if not isinstance(value, str):
        return ""
    word = normal(value)
    advice = VALUES_NOT_DONE.get(str(path[-1]) if path else "", {}).get(word)
    if advice is None or any(word == normal(str(option)) for option in options):
        return did_you_mean(value, map(str, options))
    return f" '{value[:_LONGEST_INPUT]}': {advice}"


def unit_of(schema: Mapping[str, Any]) -> str:
    """The unit of a number or the form of a moment, as a part of a sentence about it; nothing where the contract names none."""
    if schema.get("format") == "date-time":
        return _FORM_OF_MOMENTS
    return f", in {schema['x-unit']}" if "x-unit" in schema else ""


def is_secret(schema: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    """Whether the value at ``path`` may be a secret: marked as one on the way there, or at a place the schema does not know."""
    node: Any = schema
    for step in path:
        if not isinstance(node, Mapping) or _is_marked(node):
            return True
        node = node.get("items") if isinstance(step, int) else _property(node, step)
    return not isinstance(node, Mapping) or _is_marked(node)


def _node_at(schema: Mapping[str, Any], path: Sequence[str | int]) -> Mapping[str, Any]:
    """The schema of the value at ``path``, with what its ``allOf`` says; empty at a place that the schema does not know."""
    node: Any = schema
    for step in path:
        node = node.get("items") if isinstance(step, int) else _property(node, step)
        if not isinstance(node, Mapping):
            return {}
    merged: dict[str, Any] = {}
    for part in _parts(node):
        merged.update(part)
    return {**merged, **node}


def _holds_secret(node: Mapping[str, Any]) -> bool:
    """Whether a secret may stand anywhere below ``node``: one is marked, or it takes what the contract does not name."""
    if _is_marked(node):
        return True
    deeper = [*node.get("properties", {}).values(), *_parts(node)]
    deeper += [each for each in (node.get("items"), node.get("additionalProperties")) if isinstance(each, Mapping)]
    return any(map(_holds_secret, deeper))


def _property(node: Mapping[str, Any], name: str) -> Any:
    known = node.get("properties", {}).get(name)
    if known is not None:
        return known
    for part in _parts(node):
        found = _property(part, name)
        if found is not None:
            return found
    return node.get("additionalProperties")


def _is_marked(node: Mapping[str, Any]) -> bool:
    return (
        node.get("format") == "password"
        or bool(node.get("writeOnly"))
        or any(_is_marked(part) for part in _parts(node))
    )


def _parts(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The schemas that one is put together from. The first of a choice comes last, for it is the one that others make nullable."""
    return [part for keyword in ("allOf", "anyOf", "oneOf") for part in reversed(node.get(keyword, ()))]


def _quotable(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_INPUT]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_LONGEST_INPUT:
        return None
    if isinstance(value, (dict, list)):
        return value if _is_short(value) else None
    return value if isinstance(value, (bool, int, Decimal)) else None


def _as_sent(document: Any, path: Sequence[str | int], instance: Any) -> Any:
    """The value at ``path`` of ``document``, of which ``instance`` is the validator's copy: there a fraction is a binary float."""
    if type(instance) is not float:
        return instance
    for step in path:
        document = document[step]
    if type(document) is float:  # a parameter that is a duration or the like
        return int(document) if document.is_integer() else Decimal(str(document))
    return document


def _is_short(value: Any) -> bool:
    try:
        return len(msgspec.json.encode(value)) <= _LONGEST_INPUT
    except (RecursionError, OverflowError, ValueError):
        return False


def _either(options: Sequence[str]) -> str:
    if len(options) < 2:
        return "".join(options)
    return f"{', '.join(options[:-1])} or {options[-1]}"
