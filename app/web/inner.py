"""The innermost layer: ``async`` handlers are called on the event loop, the others in Flask behind the bridge.

It takes the place of Connexion's Flask application and keeps its registration: every plain handler is a Flask view under
Connexion's own rules. An ``async`` handler has no view at all, so that it can't end up on another loop by accident.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import connexion
import flask
import werkzeug.exceptions
from connexion.apps.flask import FlaskApi, FlaskASGIApp, FlaskOperation
from connexion.middleware.abstract import ROUTING_CONTEXT
from connexion.operations import AbstractOperation
from starlette.types import Receive, Scope, Send

from app.domain.errors import UnknownPath
from app.handlers.streaming import LongList, StreamAnswer
from app.web.bridge import FlaskBridge
from app.web.contract.body import decode
from app.web.messages import ARGUMENTS, ENDED, encode, encode_long, pack, streaming
from app.web.streaming import for_ever, send_stream


class WireJsonifier:
    """The same encoder in the shape that Connexion's own code expects of its ``jsonifier``."""

    def dumps(self, data: Any, **_options: Any) -> str:
        """``data`` as JSON text."""
        return encode(data).decode("utf-8")

    def loads(self, data: str | bytes) -> Any:
        """The document in ``data``. Raises ``UnreadableBody``."""
        return decode(data.encode("utf-8") if isinstance(data, str) else data)


class PreparedFlaskOperation(FlaskOperation):  # type: ignore[misc]  # Connexion has no types
    """A Flask view that calls its handler with the arguments that were read before the hop."""

    def __call__(self, *args: Any, **kwargs: Any) -> flask.Response:
        """Call the handler; by Connexion's own chain where Connexion has read the request."""
        arguments = flask.request.environ.get(ARGUMENTS)
        if arguments is None:
            chained: flask.Response = super().__call__(*args, **kwargs)
            return chained
        answer = pack(self._fn(**arguments))
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
        return flask.Response(answer.body, answer.status, headers)


class PreparedFlaskApi(FlaskApi):  # type: ignore[misc]  # Connexion has no types
    """Registers plain handlers with Flask and keeps ``async`` ones in ``native``, by operation id."""

    def __init__(self, *args: Any, native: dict[str, Callable[..., Any]], **kwargs: Any) -> None:
        self._native = native
        super().__init__(*args, **kwargs)

    def add_operation(self, path: str, method: str) -> None:
        """Register one operation of the contract."""
        operation = self.specification.operation_cls.from_spec(
            self.specification, path=path, method=method, resolver=self.resolver, uri_parser_class=self.uri_parser_class
        )
        if inspect.iscoroutinefunction(operation.function):
            self._native[operation.operation_id] = operation.function
        else:
            super().add_operation(path, method)

    def make_operation(self, operation: AbstractOperation) -> PreparedFlaskOperation:
        """The view of one operation."""
        return PreparedFlaskOperation(operation.function, self.jsonifier, operation.operation_id, self.pythonic_params)


class InnerApp(FlaskASGIApp):  # type: ignore[misc]  # Connexion has no types
    """Connexion's application with native handlers and the bridge."""

    def __init__(self, import_name: str, *, max_body: int) -> None:
        super().__init__(import_name, {})
        self._native: dict[str, Callable[..., Any]] = {}
        self.bridge = FlaskBridge(self.app.wsgi_app, max_body)
        self.asgi_app = self.bridge

    def add_api(self, specification: Any, *, name: str | None = None, **kwargs: Any) -> PreparedFlaskApi:
        """Register a contract."""
        api = PreparedFlaskApi(specification, native=self._native, **kwargs)
        self.app.register_blueprint(api.blueprint, **({} if name is None else {"name": name}))
        return api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the handler that the routing found. Raises ``UnknownPath`` if it found none."""
        operation_id = scope["extensions"][ROUTING_CONTEXT]["operation_id"]
        handler = self._native.get(operation_id)
        if handler is not None:
            result = await handler(**scope[ARGUMENTS])
            if isinstance(result, StreamAnswer):
                await _send_stream(result, scope, receive, send)
                return
            answer = pack(await encode_long(result) if isinstance(result, LongList) else result)
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body})
        elif operation_id is not None:
            await self.bridge(scope, receive, send)
        else:
            raise UnknownPath


async def _send_stream(answer: StreamAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a stream; of HEAD only what it would begin with, since a caller that expects no body would not end it."""
    if scope["method"] == "HEAD":
        headers = [(b"content-type", answer.content_type.encode("latin-1"))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    with streaming(scope):
        await send_stream(answer, receive, send, scope.get(ENDED, for_ever))


class GatewayApp(connexion.FlaskApp):  # type: ignore[misc]  # Connexion has no types
    """``connexion.FlaskApp`` around ``InnerApp``, with its layers built at once instead of on the first request."""

    def __init__(self, import_name: str, *, max_body: int, **kwargs: Any) -> None:
        super().__init__(import_name, **kwargs)
        inner = InnerApp(import_name, max_body=max_body)
        inner.app.register_error_handler(werkzeug.exceptions.HTTPException, self._http_exception)
        self._middleware_app = self.middleware.app = inner
        self.app = inner.app
        self.bridge = inner.bridge

    def build(self) -> None:
        """Prepare every layer and operation now. Raises what is wrong with contract or handlers."""
        self.middleware.app, self.middleware.middleware_stack = self.middleware._build_middleware_stack()
