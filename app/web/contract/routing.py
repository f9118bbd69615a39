"""From method and path to operation: exact paths by one dictionary look-up, templated paths by their segments.

The table is filled from Connexion's own operation objects when the contract is loaded. As OpenAPI has it, an exact path wins over a
templated one, also for methods that it lacks; among templates, static segments win. Templates that the table has no form for leave
the whole routing of unmatched paths to Connexion's router. Nothing here reads headers or bodies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from connexion.middleware.abstract import ROUTING_CONTEXT
from connexion.middleware.routing import RoutingAPI, RoutingMiddleware
from connexion.operations import AbstractOperation
from starlette.types import Receive, Scope, Send

from app.domain.errors import MethodNotAllowed, UnknownPath
from app.domain.suggestions import normal
from app.web.messages import encode, path_of

_TEMPLATE = re.compile(r"\{([^{}]+)\}")
_VERSION = re.compile(r"v[0-9]{1,2}", re.ASCII)
#: Nineteen digits are a 64-bit integer; anything longer names nothing.
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def _any_text(text: str) -> bool:
    return bool(text)


def _is_integer(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None


#: Which segments a path parameter of each type may match; the value itself is converted and checked with the other parameters.
_MATCHES: dict[str, Callable[[str], bool]] = {"string": _any_text, "integer": _is_integer}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An operation at the end of a path, with what the rest of the stack wants to find in the scope."""

    context: Mapping[str, Any]
    names: tuple[str, ...] = ()
    matches: tuple[Callable[[str], bool], ...] = ()


@dataclass(slots=True, kw_only=True)
class _Node:
    """One segment of the templated paths: what may follow it, and the route that ends here."""

    static: dict[str, _Node] = field(default_factory=dict)
    template: _Node | None = None
    route: Route | None = None


class RouteTable:
    """All operations by method and path. Filled at start-up, read-only afterwards."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._paths: set[str] = set()
        self._trees: dict[str, _Node] = {}

    def add(self, method: str, path: str, types: Mapping[str, str], context: Mapping[str, Any]) -> bool:
        """Add an operation; False if its template is of a form that only Connexion's router knows."""
        segments = path.split("/")
        names = [_TEMPLATE.fullmatch(segment) for segment in segments]
        if any(name is None and "{" in segment for name, segment in zip(names, segments, strict=True)):
            return False
        parameters = tuple(name.group(1) for name in names if name is not None)
        if any(types.get(parameter) not in _MATCHES for parameter in parameters):
            return False
        matches = tuple(_MATCHES[types[parameter]] for parameter in parameters)
        route = Route(context=context, names=parameters, matches=matches)
        # A server that answers GET answers HEAD (RFC 9110, 9.1).
        for verb in (method, "HEAD") if method == "GET" else (method,):
            self._insert(verb, path, segments, route)
        return True

    def _insert(self, method: str, path: str, segments: list[str], route: Route) -> None:
        if not route.names:
            self._exact.setdefault(method, {})[path] = route
            self._paths.add(path)
            return
        node = self._trees.setdefault(method, _Node())
        for segment in segments:
            if "{" in segment:
                node.template = node.template or _Node()
                node = node.template
            else:
                node = node.static.setdefault(segment, _Node())
        node.route = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request, with the texts of its path parameters; None if there is none."""
        exact = self._exact.get(method)
        if exact is not None:
            route = exact.get(path)
            if route is not None:
                return route, {}
        tree = self._trees.get(method)
        if tree is None or path in self._paths:
            return None
        return _walk(tree, path.split("/"), 0, [])

    def near(self, path: str) -> str | None:
        """A path without parameters that ``path`` nearly is, whatever version or prefix it was given."""
        words = {normal(known): known for known in self._paths}
        tail = path.lower().strip("/").split("/")
        while tail and (tail[0] == "api" or _VERSION.fullmatch(tail[0])):
            tail.pop(0)
        word = normal("".join(tail))
        near = words.get(word) or words.get(word + "s") or words.get(word.removesuffix("s"))
        return near if near != "/" else None

    def methods(self, path: str) -> list[str]:
        """The methods that ``path`` has."""
        return [method for method in self._exact.keys() | self._trees.keys() if self.find(method, path) is not None]


def _walk(node: _Node, segments: list[str], depth: int, values: list[str]) -> tuple[Route, dict[str, str]] | None:
    """Depth first, the static branch before the templated one; as deep as the deepest template, whatever the request's path."""
    if depth == len(segments):
        route = node.route
        if route is None or not all(match(value) for match, value in zip(route.matches, values, strict=True)):
            return None
        return route, dict(zip(route.names, values, strict=True))
    segment = segments[depth]
    child = node.static.get(segment)
    if child is not None:
        found = _walk(child, segments, depth + 1, values)
        if found is not None:
            return found
    if node.template is None:
        return None
    return _walk(node.template, segments, depth + 1, [*values, segment])


class PreparedRoutingAPI(RoutingAPI):  # type: ignore[misc]  # Connexion has no types
    """Connexion's routing of one contract, which also fills the table."""

    def __init__(self, *args: Any, table: RouteTable, **kwargs: Any) -> None:
        self._table = table
        self.is_complete = True
        super().__init__(*args, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> Any:
        """Connexion's own routing operation; beside it the operation's entry in the table."""
        context = {"api_base_path": self.base_path, "operation_id": operation.operation_id}
        path = self.base_path + operation.path
        if not self._table.add(operation.method.upper(), path, operation.get_path_parameter_types(), context):
            self.is_complete = False
        return super().make_operation(operation)


class PreparedRouting(RoutingMiddleware):  # type: ignore[misc]  # Connexion has no types
    """The routing layer. Raises ``UnknownPath`` and ``MethodNotAllowed``."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.table = RouteTable()
        #: Other spellings of exact paths: linters and generators want no slash at the end, some callers have always written one.
        self._also_at: dict[str, str] = {}
        self.is_complete = True

    def add_api(self, specification: Any, base_path: str | None = None, arguments: Any = None, **kwargs: Any) -> None:
        """Load a contract into the table, and into Connexion's router for what the table can't hold."""
        api = PreparedRoutingAPI(
            specification, base_path=base_path, arguments=arguments, next_app=self.app, table=self.table, **kwargs
        )
        self.is_complete = self.is_complete and api.is_complete
        self.router.mount(api.base_path, app=api.router)
        for path, item in specification["paths"].items():
            if "x-also-at" in item:
                self._also_at[api.base_path + item["x-also-at"]] = api.base_path + path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the operation and pass the request on to the next layer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = path_of(scope)
        if path in self._also_at:
            scope["path"] = scope["path"].removesuffix(path) + self._also_at[path]
            path = self._also_at[path]
        found = self.table.find(scope["method"], path)
        if found is not None:
            route, scope["path_params"] = found
            scope.setdefault("extensions", {})[ROUTING_CONTEXT] = route.context
            await self.app(scope, receive, send)
        elif not self.is_complete:
            await super().__call__(scope, receive, send)
        elif self.table.methods(path):
            raise MethodNotAllowed(self.table.methods(path), scope["method"], path)
        elif self.table.methods(_other_end(path)):
            await _redirect(_other_end(path), scope, send)
        else:
            near = self.table.near(path)
            raise UnknownPath() if near is None else UnknownPath(f"Did you mean {near}? GET /docs shows every path")


def _other_end(path: str) -> str:
    """``path`` without the slash at its end, or with one."""
    return path.removesuffix("/") if path.endswith("/") else path + "/"


async def _redirect(path: str, scope: Scope, send: Send) -> None:
    """Send the caller to ``path`` with the same method and body, as callers of hummingbot-api expect where a slash is too much."""
    query = scope.get("query_string", b"")
    # Relative to the path that was asked for: no header of the caller's gets into it, and a prefix that a proxy took away stays.
    name = quote(path.rstrip("/").rpartition("/")[2])
    relative = f"{name}/" if path.endswith("/") else f"../{name}"
    location = relative.encode("ascii") + (b"?" + query if query else b"")
    body = encode({"detail": f"The path is {path}: send the same request there", "code": "moved"})
    length = str(len(body)).encode("ascii")
    headers = [(b"location", location), (b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": body})
