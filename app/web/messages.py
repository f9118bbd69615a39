"""A request and an answer as the layers of the edge hand them on.

The ASGI scope of a request holds what a layer learned of it, under the keys below. Handlers never see the scope, and no other
package may read these keys. An ``Answer`` is what a handler returned, as a status, headers and bytes of the one JSON encoder:
decimals become exact JSON numbers without an exponent, datetimes ISO 8601. Statuses and headers are the handler's; nothing here
decides or rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Protocol, cast

import msgspec
from starlette.types import Scope

from app.concurrency.slices import in_slices
from app.domain.acting import Acting
from app.domain.caller import Actor, Caller
from app.domain.decimals import plain
from app.handlers.streaming import LongList

#: The request's headers as a dictionary, lower-case names; of a repeated header the first counts.
HEADERS = "ordergate.headers"
#: The id under which the request is logged and answered.
REQUEST_ID = "ordergate.request_id"
#: The checked keyword arguments of the handler. Absent where Connexion's own code reads the request.
ARGUMENTS = "ordergate.arguments"
#: The names that the request gave and the operation does not have. Absent where there are none.
IGNORED = "ordergate.ignored"
#: Who has signed in; None for a stranger. It is read where a handler is called only, so that a copy which a service's task takes
#: along means nothing.
CALLING: ContextVar[Acting | None] = ContextVar("ordergate.calling", default=None)
#: A function that returns when who has sent the request may not do any more what it may now; absent where that never happens.
ENDED = "ordergate.ended"
#: The ``Connection`` that the request came on. Absent under a server that is not ours.
CONNECTION = "ordergate.connection"

_OK = 200
_ENCRYPTED = ("https", "wss")
_JSON = (b"content-type", b"application/json")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def headers_of(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of the request, made once for each request."""
    headers = scope.get(HEADERS)
    if headers is None:
        headers = scope[HEADERS] = dict(reversed(list(scope["headers"])))
    return cast(Mapping[bytes, bytes], headers)


class Connection(Protocol):
    """What the layers tell the connection that a request came on (``app.web.server``)."""

    #: The user who has signed in on it last, None for a stranger.
    username: str | None

    def signed_in(self, username: str) -> None:
        """A request on it had the right credentials."""

    def answered(self, status: int) -> None:
        """A request on it is answered."""

    def begin_stream(self) -> None:
        """It is used for a stream. Raises ``TooManyStreams``."""

    def end_stream(self) -> None:
        """The stream has ended."""


def sign_in(scope: Scope, caller: Caller) -> Acting:
    """Note who has sent the request."""
    client = scope.get("client")
    actor = Actor(
        name=caller.name,
        key_id=caller.key_id,
        address=None if client is None else str(client[0]),
        request_id=scope.get(REQUEST_ID),
    )
    acting = Acting(caller, actor, is_encrypted=scope.get("scheme") in _ENCRYPTED)
    CALLING.set(acting)
    connection: Connection | None = scope.get(CONNECTION)
    if connection is not None and connection.username != caller.name:
        connection.signed_in(caller.name)
    return acting


def note_answer(scope: Scope, status: int) -> None:
    """Note how the request is answered."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection is not None:
        connection.answered(status)


@contextmanager
def streaming(scope: Scope) -> Iterator[None]:
    """While the request is answered by a stream. Raises ``TooManyStreams`` if its user has too many of them."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        yield
        return
    connection.begin_stream()
    try:
        yield
    finally:
        connection.end_stream()


def path_of(scope: Scope) -> str:
    """The path below the place at which a proxy or server mounted us."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root else path


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def pack(result: Any) -> Answer:
    """The answer in ``result``: an object, ``(object, status)`` or ``(object, status, headers)``.

    Raises ``TypeError`` for None, which callers can't read as JSON, and for what JSON has no form for.
    """
    status = _OK
    extra: Mapping[str, str] = {}
    if isinstance(result, tuple):
        if len(result) == 3:
            result, status, extra = result
        elif len(result) == 2:
            result, status = result
        else:
            raise TypeError(f"a handler returned a tuple of {len(result)} parts")
    if result is None:
        raise TypeError("a handler returned no object")
    body = encode(result)
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    for name, value in extra.items():
        headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return Answer(status=int(status), headers=headers, body=body)


def encode(value: Any) -> bytes:
    """``value`` as JSON. Raises ``TypeError`` for types that JSON has no form for, ``ValueError`` for NaN and infinities."""
    encoded = _ENCODER.encode(value)
    # So an exponent or a non-number shows in the text of a Decimal. Text in strings may hold the same; it then only costs time.
    if b"E-" in encoded or b"E+" in encoded or b"NaN" in encoded or b"Infinity" in encoded:
        return _ENCODER.encode(_written_out(msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)))
    return encoded


async def encode_long(rows: LongList) -> msgspec.Raw:
    """``rows`` as JSON, in slices. Raises what ``encode`` raises."""

    def part(items: Sequence[Any]) -> bytes:
        return encode([rows.row(item) for item in items])[1:-1]

    return msgspec.Raw(b"[" + b",".join(await in_slices(rows.items, part)) + b"]")


def _written_out(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written_out(item) for item in value]
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("an answer holds a number that is not finite")
        return msgspec.Raw(plain(value).encode("ascii"))
    return value
