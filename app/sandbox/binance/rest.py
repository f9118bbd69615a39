"""Binance's endpoints over REST: a request becomes a message, which passes the gate."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import unquote

from aiohttp import web

from app.sandbox import rest
from app.sandbox.binance.endpoint import Endpoint, Message
from app.sandbox.binance.failures import ApiError, unsupported
from app.sandbox.binance.gate import Gate
from app.sandbox.binance.parameters import split
from app.sandbox.rest import Answer


def rest_endpoints(endpoints: Iterable[Endpoint], gate: Gate) -> list[rest.Endpoint]:
    """``endpoints`` as the REST server takes them."""
    return [_rest_endpoint(each, gate) for each in endpoints]


def not_served(request: web.Request, allowed: Iterable[str]) -> web.Response:
    """The answer to a request that no endpoint serves; ``allowed`` are the methods of its path."""
    methods = sorted(allowed)
    what = f"{request.method} {request.path}" + (f", only {', '.join(methods)}" if methods else "")
    error = unsupported(what, status=405 if methods else 404)
    headers = {"Allow": ", ".join(methods)} if methods else {}
    return rest.response(Answer(status=error.status, payload=error.body(), headers=headers))


def _rest_endpoint(endpoint: Endpoint, gate: Gate) -> rest.Endpoint:
    async def read(request: web.Request) -> rest.CarryOut | Answer:
        message = await _message(request)
        if isinstance(message, ApiError):
            return gate.refused(message, _address(request))
        return partial(gate.answer, endpoint, message)

    return rest.Endpoint(method=endpoint.method, path=endpoint.path, route=endpoint.route, read=read)


async def _message(request: web.Request) -> Message | ApiError:
    """The message of a request. Of a parameter in both query and body, the query's value counts."""
    query = request.raw_path.partition("?")[2]
    try:
        body = (await request.read()).decode("ascii")
    except UnicodeDecodeError:
        return ApiError(-1100, "Illegal characters found in a parameter.")
    unsigned_query, in_query = _unsigned(query)
    unsigned_body, in_body = _unsigned(body)
    pairs = split(unsigned_query)
    names = {name for name, _ in pairs}
    pairs += [(name, value) for name, value in split(unsigned_body) if name not in names]
    return Message(
        address=_address(request),
        pairs=pairs,
        api_key=request.headers.get("X-MBX-APIKEY"),
        signed=(unsigned_query + unsigned_body).encode(),
        signature=in_query or in_body,
    )


def _unsigned(raw: str) -> tuple[str, str | None]:
    """``raw`` without its signature, byte for byte, and the signature. A plus in base64 may be unescaped."""
    pieces = raw.split("&")
    unsigned = [piece for piece in pieces if not piece.startswith("signature=")]
    found = [piece.partition("=")[2] for piece in pieces if piece.startswith("signature=")]
    return "&".join(unsigned), unquote(found[-1]) if found else None


def _address(request: web.Request) -> str:
    return request.remote or "unknown"
