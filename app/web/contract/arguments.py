"""One operation's request, read: from an ASGI scope to the checked keyword arguments of its handler.

Compiled once at start-up from Connexion's own operation object. What the prepared path has no form for raises ``Unsupported`` and
is left to Connexion's own code. Nothing here calls a handler or knows how it answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from connexion.operations import AbstractOperation
from starlette.types import Receive, Scope

from app.domain.errors import UnreadableBody
from app.web.contract.body import read_body, refuse_declared_excess, require_json
from app.web.contract.decoding import decode
from app.web.contract.parameters import ParameterReader
from app.web.contract.schema import CompiledSchema, Unsupported
from app.web.errors import StartupRefused
from app.web.scope import headers_of

_BODY = "body"


class BodyReader:
    """The JSON body of one operation."""

    def __init__(self, request_body: Mapping[str, Any], limit: int) -> None:
        content = request_body.get("content", {})
        if list(content) != ["application/json"]:
            raise Unsupported("a body of another type than application/json")
        definition = content["application/json"].get("schema", {})
        self._required = request_body.get("required", False)
        self._absent = definition.get("default", {})
        self._schema = CompiledSchema({key: value for key, value in definition.items() if key != "components"})
        self._limit = limit

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> Any:
        """The checked document. Raises ``UnsupportedMediaType``, ``BodyTooLarge``, ``UnreadableBody`` or ``SchemaViolation``."""
        require_json(headers)
        refuse_declared_excess(headers, self._limit)
        data = await read_body(receive, self._limit)
        if data:
            document = decode(data)
        elif self._required:
            raise UnreadableBody("The body is empty")
        else:
            # A fresh copy: filling in defaults changes it.
            document = dict(self._absent)
        return self._schema.check(document, (_BODY,))


class ArgumentReader:
    """The arguments of one operation's handler. Raises ``StartupRefused`` if handler and contract do not fit together."""

    def __init__(self, operation: AbstractOperation, limit: int) -> None:
        accepted, needed, takes_all = _signature(operation.function)
        self._parameters = ParameterReader(operation.parameters, lambda key: takes_all or key in accepted)
        self._body = BodyReader(operation.request_body, limit) if operation.request_body else None
        offered = self._parameters.keys | ({_BODY} if self._body else set())
        for name in sorted(needed - offered):
            raise StartupRefused(f"handler '{operation.operation_id}' needs '{name}', which the contract does not have")
        must_take = self._parameters.path_keys | ({_BODY} if self._body else set())
        for name in sorted(must_take - accepted if not takes_all else ()):
            raise StartupRefused(f"handler '{operation.operation_id}' does not take '{name}', which the contract has")

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """The keyword arguments; the parameters are checked before the body is read."""
        headers = headers_of(scope)
        arguments = self._parameters.read(scope.get("path_params", {}), scope.get("query_string", b""), headers)
        if self._body is not None:
            arguments[_BODY] = await self._body.read(headers, receive)
        return arguments


def _signature(function: Callable[..., Any]) -> tuple[set[str], set[str], bool]:
    """The keywords that ``function`` takes, those that it can't do without, and whether it takes any."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return {p.name for p in named}, {p.name for p in named if p.default is p.empty}, takes_all
