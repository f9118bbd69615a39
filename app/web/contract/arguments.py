"""From a request to the checked keyword arguments of a handler: parameters, body, and the layer that reads both.

Everything is compiled once at start-up. Path, query and headers: integers become int, booleans bool, decimals exact ``Decimal``; a
plain ``number`` (a waiting time, never money) becomes a float, as Connexion gives it.

The layer subclasses Connexion's validation middleware and replaces only the operations. One that the prepared path has no form for
(``Unsupported``, such as styles beyond the defaults) keeps Connexion's own validation, with the limit of the body's size before it,
unless its handler is ``async``: such a handler can't be served from there, and the server refuses to start.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import inflection
from connexion.middleware.request_validation import (
    RequestValidationAPI,
    RequestValidationMiddleware,
    RequestValidationOperation,
)
from connexion.operations import AbstractOperation
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import SchemaViolation
from app.web.contract.body import BodyReader, limited, refuse_declared_excess, require_unpacked
from app.web.contract.faults import Fault, fault, is_secret, missing, type_fault, unit_of
from app.web.contract.names import BodyNames, HeaderNames, Names
from app.web.contract.schema import CompiledSchema, Unsupported, decimal_node, flat
from app.web.contract.vocabulary import NOT_DONE
from app.web.errors import StartupRefused
from app.web.messages import ARGUMENTS, IGNORED, headers_of

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
#: What counts as null for a parameter that may be null; Connexion's own words.
_NULLS = ("null", "None")

#: The keyword under which a handler takes the body.
_BODY = "body"

_STYLES = {"path": "simple", "query": "form", "header": "simple"}


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:  # a duration or the like: decimals have their own node, and keep their text
    if not _NUMBER.fullmatch(text) or math.isinf(number := float(text)):
        raise ValueError(text)
    return number


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
    unit: str
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
        except ValueError as error:
            faults.append(type_fault(self.type, location, None if self.secret else error.args[0], self.unit))
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

    def __init__(
        self,
        definitions: Iterable[Mapping[str, Any]],
        accepted: Callable[[str], bool],
        body: Names | None = None,
        *,
        takes_others: bool = True,
    ) -> None:
        compiled = [compile_parameter(definition) for definition in definitions]
        # What the path names can't be another one: a filter of that name would be believed to have an effect.
        path = Names("path", (each.name for each in compiled if each.place == "path"), with_synonyms=False)
        query = {each.name for each in compiled if each.place == "query"}
        self.query_names = Names(
            "query",
            query,
            elsewhere=[path] if body is None else [body, path],
            is_list="limit" in query,
            takes_others=takes_others,
        )
        self._header_names = HeaderNames((each.name for each in compiled if each.place == "header"), body)
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

    def read(
        self, path: Mapping[str, Any], query: bytes, headers: Mapping[bytes, bytes], ignored: list[str]
    ) -> dict[str, Any]:
        """The keyword arguments; unknown names are added to ``ignored``. Raises ``SchemaViolation`` with every fault of every
        parameter.
        """
        arguments = dict(self._defaults)
        faults: list[Fault] = []
        for parameter in self._path:
            # Connexion's own router knows the name only with underscores.
            text = path.get(parameter.name, path.get(parameter.name.replace("-", "_")))
            arguments[parameter.key] = parameter.read([str(text)], faults)
        if query or self._required_query:
            self._read_query(query, arguments, faults, ignored)
        self._header_names.sort_out(headers, faults, ignored)
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

    def _read_query(self, query: bytes, arguments: dict[str, Any], faults: list[Fault], ignored: list[str]) -> None:
        given: dict[str, list[str]] = {}
        for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            given.setdefault(name, []).append(text)
        for name, texts in given.items():
            parameter = self._query.get(name)
            if parameter is not None:
                arguments[parameter.key] = parameter.read(texts, faults)
            elif name not in self.query_names.known:
                self.query_names.judge(name, texts[-1], ("query",), faults, ignored)
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
        unit=unit_of(item),
        cast=str if is_decimal else _CASTS[item_type],
        is_array=is_array,
        explode=definition.get("explode", place == "query"),
        schema=compiled,
        has_default="default" in schema,
        default=compiled.check(default, (place, name)) if "default" in schema else None,
    )


class ArgumentReader:
    """The arguments of one operation's handler. Raises ``StartupRefused`` if handler and contract do not fit together."""

    def __init__(self, operation: AbstractOperation, limit: int) -> None:
        accepted, needed, takes_all = _signature(operation.function)
        names = _body_names(operation)
        self._parameters = ParameterReader(
            operation.parameters,
            lambda key: takes_all or key in accepted,
            None if names is None else names.names,
            takes_others=operation._operation.get("x-other-parameters") != "refused",
        )
        self._body = BodyReader(operation.request_body, limit, names) if operation.request_body else None
        offered = self._parameters.keys | ({_BODY} if self._body else set())
        for name in sorted(needed - offered):
            raise StartupRefused(f"handler '{operation.operation_id}' needs '{name}', which the contract does not have")
        must_take = self._parameters.path_keys | ({_BODY} if self._body else set())
        for name in sorted(must_take - accepted if not takes_all else ()):
            raise StartupRefused(f"handler '{operation.operation_id}' does not take '{name}', which the contract has")

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """The keyword arguments; the parameters are checked before the body is read."""
        headers = headers_of(scope)
        ignored: list[str] = []
        query = scope.get("query_string", b"")
        arguments = self._parameters.read(scope.get("path_params", {}), query, headers, ignored)
        if self._body is not None:
            arguments[_BODY] = await self._body.read(headers, receive, ignored)
        elif headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            ignored.append(_BODY)
        if ignored:
            scope[IGNORED] = ignored
        return arguments


class PreparedValidationOperation:
    """Reads one operation's arguments and passes them on in the scope."""

    def __init__(self, next_app: ASGIApp, reader: ArgumentReader) -> None:
        self._next = next_app
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ARGUMENTS] = await self._reader.read(scope, receive)
        await self._next(scope, receive, send)


class LimitedValidationOperation(RequestValidationOperation):  # type: ignore[misc]  # Connexion has no types
    """Connexion's own validation of one operation, which may not read more than ``limit`` bytes."""

    def __init__(self, *args: Any, limit: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate, and pass the request on with its body to be read again."""
        require_unpacked(headers_of(scope))
        refuse_declared_excess(headers_of(scope), self._limit)
        await super().__call__(scope, limited(receive, self._limit), send)


class PreparedValidationAPI(RequestValidationAPI):  # type: ignore[misc]  # Connexion has no types
    """The validation of one contract."""

    def __init__(self, *args: Any, max_body: int, **kwargs: Any) -> None:
        self._max_body = max_body
        super().__init__(*args, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> PreparedValidationOperation | LimitedValidationOperation:
        """The prepared reader; Connexion's validation where there is no prepared form. Raises ``StartupRefused``."""
        try:
            reader = ArgumentReader(operation, self._max_body)
        except Unsupported as reason:
            if inspect.iscoroutinefunction(operation.function):
                raise StartupRefused(
                    f"'{operation.operation_id}' can't be served on the event loop: {reason}"
                ) from reason
            return LimitedValidationOperation(
                self.next_app,
                operation=operation,
                strict_validation=self.strict_validation,
                validator_map=self.validator_map,
                limit=self._max_body,
            )
        return PreparedValidationOperation(self.next_app, reader)


class PreparedValidation(RequestValidationMiddleware):  # type: ignore[misc]  # Connexion has no types
    """The validation layer."""

    api_cls = PreparedValidationAPI

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        super().__init__(app)
        self._max_body = max_body

    def add_api(self, specification: Any, **kwargs: Any) -> Any:
        """Prepare every operation of a contract."""
        return super().add_api(specification, max_body=self._max_body, **kwargs)


def _body_names(operation: AbstractOperation) -> BodyNames | None:
    """The names of the operation's JSON body, which know those that belong in its query string."""
    definition = (operation.request_body or {}).get("content", {}).get("application/json", {}).get("schema")
    if definition is None:
        return None
    query = Names("query", (each["name"] for each in operation.parameters if each["in"] == "query"))
    return BodyNames(definition, not_done=NOT_DONE.get(operation.operation_id), elsewhere=[query])


def _signature(function: Callable[..., Any]) -> tuple[set[str], set[str], bool]:
    """The keywords that ``function`` takes, those that it can't do without, and whether it takes any."""
    parameters = inspect.signature(function).parameters.values()
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return {each.name for each in named}, {each.name for each in named if each.default is each.empty}, takes_all
