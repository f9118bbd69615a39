"""The layer that reads and checks requests: from an ASGI scope to the checked keyword arguments of a handler.

It subclasses Connexion's validation middleware and replaces only the operations, by readers that are compiled once at start-up from
Connexion's own operation objects. An operation that the prepared path has no form for (``Unsupported``) keeps Connexion's own
validation, with the limit of the body's size before it, unless its handler is ``async``: such a handler can't be served from there,
and the server refuses to start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from connexion.middleware.request_validation import (
    RequestValidationAPI,
    RequestValidationMiddleware,
    RequestValidationOperation,
)
from connexion.operations import AbstractOperation
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.contract.body import BodyReader, limited, refuse_declared_excess
from app.web.contract.parameters import ParameterReader
from app.web.contract.schema import Unsupported
from app.web.errors import StartupRefused
from app.web.scope import ARGUMENTS, headers_of

_BODY = "body"


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


def _signature(function: Callable[..., Any]) -> tuple[set[str], set[str], bool]:
    """The keywords that ``function`` takes, those that it can't do without, and whether it takes any."""
    parameters = inspect.signature(function).parameters.values()
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return {each.name for each in named}, {each.name for each in named if each.default is each.empty}, takes_all
