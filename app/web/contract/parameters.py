"""The parameters of an operation (path, query, headers), compiled once: text in, typed and checked keyword arguments out.

Integers become int, booleans bool, decimals exact ``Decimal``; a plain ``number`` (a waiting time, never money) becomes a float, as
Connexion gives it. Styles beyond the defaults raise ``Unsupported`` at start-up. The body is not this module's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import inflection

from app.domain.errors import SchemaViolation
from app.web.contract.faults import Fault, fault, is_secret, missing, type_fault
from app.web.contract.schema import CompiledSchema, Unsupported, decimal_node, flat

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
#: What counts as null for a parameter that may be null; Connexion's own words.
_NULLS = ("null", "None")

_STYLES = {"path": "simple", "query": "form", "header": "simple"}


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:  # a duration or the like: decimals have their own node, and keep their text
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError(text)
    return value


_CASTS: dict[str, Callable[[str], Any]] = {"string": str, "integer": _integer, "number": _number, "boolean": _boolean}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, ready to read. ``key`` is the handler's keyword for it."""

    name: str
    place: str
    key: str
    required: bool
    nullable: bool
    secret: bool
    type: str
    cast: Callable[[str], Any]
    is_array: bool
    explode: bool
    schema: CompiledSchema
    has_default: bool
    default: Any

    def read(self, texts: list[str], faults: list[Fault]) -> Any:
        """The value of the parameter that was given as ``texts``, one for each time it was repeated."""
        location = (self.place, self.name)
        if self.nullable and texts[-1].strip() in _NULLS:
            return None
        if any("\x00" in text for text in texts):
            faults.append(fault("string_type", location, "String should not hold a NUL character"))
            return None
        try:
            value = self._cast_all(texts) if self.is_array else self.cast(texts[-1])
        except ValueError:
            faults.append(type_fault(self.type, location, None if self.secret else texts[-1]))
            return None
        try:
            return self.schema.check(value, location)
        except SchemaViolation as violation:
            faults.extend(map(dict, violation.faults))
            return None

    def _cast_all(self, texts: list[str]) -> list[Any]:
        """A list is repeated or separated by commas, or both; without ``explode`` the last repetition counts."""
        joined = ",".join(texts) if self.explode else texts[-1]
        return [self.cast(part) for part in joined.split(",")]


class ParameterReader:
    """All parameters of one operation that its handler takes."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]], accepted: Callable[[str], bool]) -> None:
        compiled = [compile_parameter(definition) for definition in definitions]
        self._all = [parameter for parameter in compiled if parameter.required or accepted(parameter.key)]
        self._path = [parameter for parameter in self._all if parameter.place == "path"]
        self._query = {parameter.name: parameter for parameter in self._all if parameter.place == "query"}
        self._headers = [(each.name.lower().encode("ascii"), each) for each in self._all if each.place == "header"]
        self._defaults = {parameter.key: parameter.default for parameter in self._all if parameter.has_default}
        self._required_query = [parameter for parameter in self._query.values() if parameter.required]
        self._drop = frozenset(parameter.key for parameter in self._all if not accepted(parameter.key))

    @property
    def path_keys(self) -> frozenset[str]:
        """The keywords that a handler must take, because they name what it works on."""
        return frozenset(parameter.key for parameter in self._path)

    @property
    def keys(self) -> frozenset[str]:
        """All keywords that can be passed."""
        return frozenset(parameter.key for parameter in self._all)

    def read(self, path: Mapping[str, Any], query: bytes, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
        """The keyword arguments. Raises ``SchemaViolation`` with every fault of every parameter."""
        arguments = dict(self._defaults)
        faults: list[Fault] = []
        for parameter in self._path:
            # Connexion's own router knows the name only with underscores.
            text = path.get(parameter.name, path.get(parameter.name.replace("-", "_")))
            arguments[parameter.key] = parameter.read([str(text)], faults)
        if self._query:
            self._read_query(query, arguments, faults)
        for name, parameter in self._headers:
            given = headers.get(name)
            if given is not None:
                arguments[parameter.key] = parameter.read([given.decode("latin-1")], faults)
            elif parameter.required:
                faults.append(missing((parameter.place, parameter.name)))
        if faults:
            raise SchemaViolation(faults)
        for key in self._drop:
            arguments.pop(key, None)
        return arguments

    def _read_query(self, query: bytes, arguments: dict[str, Any], faults: list[Fault]) -> None:
        given: dict[str, list[str]] = {}
        if query:
            for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
                if name in self._query:
                    given.setdefault(name, []).append(text)
        for name, texts in given.items():
            parameter = self._query[name]
            arguments[parameter.key] = parameter.read(texts, faults)
        for parameter in self._required_query:
            if parameter.name not in given:
                faults.append(missing((parameter.place, parameter.name)))


def keyword_for(name: str, place: str) -> str:
    """The handler's keyword for a parameter: snake case for headers, the name itself (made a legal word) for the rest."""
    word = inflection.underscore(name) if place == "header" else name
    return re.sub(r"\W", "_", word, flags=re.ASCII)


def compile_parameter(definition: Mapping[str, Any]) -> Parameter:
    """The parameter that ``definition`` describes. Raises ``Unsupported`` for forms that only Connexion's own code reads."""
    place, name = definition["in"], definition["name"]
    schema = flat(definition.get("schema", {}))
    style = _STYLES.get(place)
    if style is None or definition.get("style", style) != style or "content" in definition:
        raise Unsupported(f"the style of parameter '{name}'")
    is_array = schema.get("type") == "array"
    item = flat(schema.get("items", {})) if is_array else schema
    is_decimal = decimal_node(item) is not None
    item_type = "number" if is_decimal else str(item.get("type"))
    if item_type not in _CASTS or (is_array and place == "path"):
        raise Unsupported(f"the type of parameter '{name}'")
    compiled = CompiledSchema(schema)
    default = schema.get("default")
    if item_type == "number" and not is_decimal and isinstance(default, int):
        default = float(default)  # a duration or the like, of one type whether it was given or not
    return Parameter(
        name=name,
        place=place,
        key=keyword_for(name, place),
        required=definition.get("required", False),
        nullable=schema.get("nullable", False),
        secret=is_secret(schema, ()),
        type=item_type,
        cast=str if is_decimal else _CASTS[item_type],
        is_array=is_array,
        explode=definition.get("explode", place == "query"),
        schema=compiled,
        has_default="default" in schema,
        default=compiled.check(default, (place, name)) if "default" in schema else None,
    )
