"""An OpenAPI schema, compiled once at start-up into what a request needs: convert, fill in defaults, check, describe the faults.

The compiled form has two halves. Converters walk to the places where the contract has decimals or defaults and nowhere else; a
JSON Schema (draft 4, the dialect of OpenAPI 3.0) that jsonschema-rs holds in compiled form checks all the rest. Nothing is
resolved, built or inspected while a request waits. What can't be compiled raises ``Unsupported`` at start-up.

Money is a node of ``format: decimal``. Connexion and JSON Schema know only binary floats and leave text to patterns; such a node is
compiled into a check that converts a JSON number or a text to an exact ``Decimal`` and enforces the node's bounds on it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import jsonschema_rs

from app.domain.decimals import EXACT, MAX_PLACES, ZERO, bounded, parse_decimal, plain
from app.domain.errors import SchemaViolation, UnreadableBody
from app.web.contract.faults import Fault, Location, bound_fault, fault, from_validator, is_said_by_length, type_fault

Convert = Callable[[Any, Location, list[Fault]], Any]

#: Enough to correct a request, few enough that a long bad list does not make a long answer.
_MOST_FAULTS = 50

#: What databases and callers' own integers hold. Applied where the contract gives no bound of its own.
_INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}

_COPIED = [
    "type",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
]
_COMBINED = ("allOf", "anyOf", "oneOf")
_ANNOTATIONS = {
    "default",
    "nullable",
    "description",
    "title",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "components",
}


_UNIONS = ("anyOf", "oneOf")

#: With at most this many places, a lower bound of one unit in the last place says no more than "above zero".
_SMALLEST = Decimal(1).scaleb(-MAX_PLACES)


class Unsupported(Exception):
    """The contract uses something that the prepared path has no form for."""


class CompiledSchema:
    """A schema ready for use. Safe to share between requests."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        lowered, self._convert = _compile(schema)
        self._validator = jsonschema_rs.Draft4Validator(lowered, validate_formats=True, ignore_unknown_formats=True)

    def check(self, value: Any, location: Location, faults: list[Fault] | None = None) -> Any:
        """``value`` with decimals exact and defaults filled in (containers are changed in place).

        Raises ``SchemaViolation`` with every fault, each placed under ``location``, after the ``faults`` that were found before.
        """
        faults = [] if faults is None else faults
        if self._convert is not None:
            value = self._convert(value, location, faults)
        try:
            if not self._validator.is_valid(value):
                errors = islice(self._validator.iter_errors(value), _MOST_FAULTS)
                faults += [
                    from_validator(error, location, self._schema, value)
                    for error in errors
                    if not is_said_by_length(error, self._schema)
                ]
        except ValueError as error:
            # The validator's own limit of depth, for values that did not come through our decoder.
            raise UnreadableBody("The body is nested too deeply") from error
        if faults:
            raise SchemaViolation(faults[:_MOST_FAULTS])
        return value


def flat(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema`` as one node where OpenAPI 3.0 needs two: an ``allOf`` of one part adds a default to a reference, and an ``anyOf``
    of a part and null lets it be null.
    """
    parts = schema.get("allOf", ())
    if len(parts) == 1 and set(schema) - {"allOf"} <= _ANNOTATIONS:
        return {**flat(parts[0]), **_without(schema, "allOf")}
    parts = [part for part in schema.get("anyOf", ()) if not _is_null(part)]
    if len(parts) == 1 and len(schema["anyOf"]) == 2 and set(schema) - {"anyOf"} <= _ANNOTATIONS:
        return {**flat(parts[0]), **_without(schema, "anyOf"), "nullable": True}
    return schema


def _without(schema: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != keyword}


def _is_null(part: Mapping[str, Any]) -> bool:
    """Whether null is all that ``part`` allows."""
    return bool(part.get("nullable")) and part.get("enum") == [None]


def _compile(schema: Mapping[str, Any]) -> tuple[dict[str, Any], Convert | None]:
    """The draft 4 schema for everything but decimals, and the converter for decimals and defaults if there are any."""
    schema = flat(schema)
    decimal = decimal_node(schema)
    if decimal is not None:
        return {}, decimal.convert
    lowered = {key: schema[key] for key in _COPIED if key in schema}
    if schema.get("type") == "integer":
        lowered = {**_INT64, **lowered}
    if "not" in schema:
        lowered["not"] = _compile(schema["not"])[0]
    converts = [_object(schema, lowered), _array(schema, lowered), *_combined(schema, lowered)]
    return _nullable(schema, lowered), _in_turn([convert for convert in converts if convert is not None])


def _nullable(schema: Mapping[str, Any], lowered: dict[str, Any]) -> dict[str, Any]:
    if not schema.get("nullable"):
        return lowered
    if "type" not in lowered or any(name in lowered for name in _COMBINED):
        return {"anyOf": [lowered, {"type": "null"}]}
    with_null = {**lowered, "type": [lowered["type"], "null"]}
    if "enum" in lowered and None not in lowered["enum"]:
        with_null["enum"] = [*lowered["enum"], None]
    return with_null


def _object(schema: Mapping[str, Any], lowered: dict[str, Any]) -> Convert | None:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    converts: list[tuple[str, Convert]] = []
    defaults: list[tuple[str, Any]] = []
    if properties:
        lowered["properties"] = {}
    for name, node in properties.items():
        lowered["properties"][name], convert = _compile(node)
        if convert is not None:
            converts.append((name, convert))
        if "default" in flat(node):
            defaults.append((name, flat(node)["default"]))
    if rest is False:
        lowered["additionalProperties"] = False
    rest_convert = None
    if isinstance(rest, Mapping):
        lowered["additionalProperties"], rest_convert = _compile(rest)
    if not converts and not defaults and rest_convert is None:
        return None
    return _object_convert(converts, defaults, rest_convert, frozenset(properties))


def _object_convert(
    converts: list[tuple[str, Convert]], defaults: list[tuple[str, Any]], rest: Convert | None, known: frozenset[str]
) -> Convert:
    def convert_object(value: Any, location: Location, faults: list[Fault]) -> Any:
        if type(value) is not dict:
            return value
        for name, default in defaults:
            if name not in value:
                value[name] = copy.deepcopy(default) if isinstance(default, (dict, list)) else default
        for name, convert in converts:
            if name in value:
                value[name] = convert(value[name], (*location, name), faults)
        if rest is not None:
            for name in value.keys() - known:
                value[name] = rest(value[name], (*location, name), faults)
        return value

    return convert_object


def _array(schema: Mapping[str, Any], lowered: dict[str, Any]) -> Convert | None:
    if "items" not in schema:
        return None
    lowered["items"], convert = _compile(schema["items"])
    if convert is None:
        return None
    item = convert

    def convert_array(value: Any, location: Location, faults: list[Fault]) -> Any:
        if type(value) is not list:
            return value
        return [item(element, (*location, index), faults) for index, element in enumerate(value)]

    return convert_array


def _combined(schema: Mapping[str, Any], lowered: dict[str, Any]) -> list[Convert | None]:
    converts: list[Convert | None] = []
    for keyword in _COMBINED:
        if keyword not in schema:
            continue
        compiled = [_compile(branch) for branch in schema[keyword]]
        lowered[keyword] = [branch for branch, _ in compiled]
        found = [convert for _, convert in compiled if convert is not None]
        # Of a union only the branch that matches may convert and fill in, which is known only afterwards.
        if found and keyword != "allOf":
            raise Unsupported(f"decimals or defaults inside {keyword}")
        converts += found
    return converts


def _in_turn(converts: list[Convert]) -> Convert | None:
    if len(converts) < 2:
        return converts[0] if converts else None

    def convert_in_turn(value: Any, location: Location, faults: list[Fault]) -> Any:
        for convert in converts:
            value = convert(value, location, faults)
        return value

    return convert_in_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalNode:
    """One decimal of the contract: what it accepts and within which bounds. Quoting is off where the schema marks a secret."""

    nullable: bool
    minimum: Decimal | None
    exclusive_minimum: bool
    maximum: Decimal | None
    exclusive_maximum: bool
    multiple_of: Decimal | None

    def convert(self, value: Any, location: Location, faults: list[Fault]) -> Any:
        """``value`` as a ``Decimal`` (or None where that is allowed). A bad one is added to ``faults`` and stays as it is."""
        try:
            if type(value) is Decimal:
                number = bounded(value)
            elif type(value) is str:
                number = parse_decimal(value)
            elif type(value) is int:
                number = bounded(Decimal(value))
            else:
                if value is not None or not self.nullable:
                    faults.append(type_fault("number", location, value))
                return value
        except ValueError as error:
            faults.append(fault("decimal_parsing", location, f"Input {error}", value))
            return value
        broken = self._broken_bound(number)
        if broken is not None:
            faults.append(bound_fault(*broken, location, value))
            return value
        return number

    def _broken_bound(self, number: Decimal) -> tuple[str, str] | None:
        low, high, step = self.minimum, self.maximum, self.multiple_of
        if low is not None and (number < low or (self.exclusive_minimum and number == low)):
            return ("ExclusiveMinimum" if self.exclusive_minimum else "Minimum", plain(low))
        if high is not None and (number > high or (self.exclusive_maximum and number == high)):
            return ("ExclusiveMaximum" if self.exclusive_maximum else "Maximum", plain(high))
        if step is not None and EXACT.remainder(number, step) != ZERO:
            return "MultipleOf", plain(step)
        return None


def decimal_node(schema: Mapping[str, Any]) -> DecimalNode | None:
    """The check for ``schema`` if it is a decimal, alone or as a union of a number and a text; None for everything else."""
    branches = [dict(schema)]
    for union in _UNIONS:
        if union in schema:
            branches = [{**schema, **branch} for branch in schema[union]]
    if not branches or any(
        branch.get("format") != "decimal" or branch.get("type") not in ("number", "string") for branch in branches
    ):
        return None
    bounds: dict[str, Any] = {}
    for branch in branches:
        if branch["type"] == "number" or len(branches) == 1:
            bounds = branch
    return _from_bounds(bounds, nullable=any(branch.get("nullable", False) for branch in branches))


def _from_bounds(bounds: Mapping[str, Any], *, nullable: bool) -> DecimalNode:
    minimum = _exact(bounds.get("minimum"))
    above = bool(bounds.get("exclusiveMinimum", False))
    if minimum == _SMALLEST and not above:
        minimum, above = ZERO, True
    return DecimalNode(
        nullable=nullable,
        minimum=minimum,
        exclusive_minimum=above,
        maximum=_exact(bounds.get("maximum")),
        exclusive_maximum=bool(bounds.get("exclusiveMaximum", False)),
        multiple_of=_exact(bounds.get("multipleOf")),
    )


def _exact(bound: Any) -> Decimal | None:
    """The number as the contract's author wrote it; YAML has made a binary float of it, whose shortest text is what was written."""
    return None if bound is None else Decimal(str(bound))
