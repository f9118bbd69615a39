"""Problem documents (RFC 9457): how an exception becomes an answer.

One function for every layer, so that no error has two shapes. A document quotes only what the exception offers for the caller; of
an unexpected exception it says nothing at all. It must not log: the edge does that, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from connexion.exceptions import BadRequestProblem
from starlette.exceptions import HTTPException

from app.domain.errors import (
    BodyTooLarge,
    InvalidClientOrderId,
    InvalidCursor,
    LimitExceeded,
    MethodNotAllowed,
    OrdergateError,
    OrderRefused,
    SchemaViolation,
    UnsupportedContentEncoding,
    UpgradeRequired,
)
from app.web.contract.faults import client_order_id_fault
from app.web.messages import Answer, encode

Headers = list[tuple[bytes, bytes]]

_MEDIA_TYPE = (b"content-type", b"application/problem+json")
_CHALLENGE = (b"www-authenticate", b'Basic realm="ordergate"')
_SECOND = timedelta(seconds=1)


def problem_for(error: Exception, request_id: str, path: str) -> Answer:
    """The answer to a request for ``path`` that ended with ``error``."""
    if isinstance(error, InvalidClientOrderId):
        error = SchemaViolation([client_order_id_fault(error)])
    if isinstance(error, OrdergateError):
        return _from_tree(error, request_id, path)
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _from_framework(error, request_id)
    return _problem(
        500, "Internal error", "The server failed on this request; its log has the reason", "internal", request_id
    )


def is_answer(error: Exception) -> bool:
    """Whether ``error`` says something to the caller; everything else is a fault of ours."""
    if isinstance(error, HTTPException):
        return error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, OrdergateError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR


def _from_tree(error: OrdergateError, request_id: str, path: str) -> Answer:
    return _problem(
        error.status,
        error.title,
        _detail_of(error, path),
        error.code,
        request_id,
        retryable=error.retryable,
        more=_members_of(error),
        headers=_headers_for(error),
    )


def _members_of(error: OrdergateError) -> dict[str, Any]:
    """What the document says beside the members that all have."""
    members: dict[str, Any] = {"order_id": error.order_id, "hint": error.hint}
    if isinstance(error, MethodNotAllowed):
        members["allowed"] = error.allowed
    if isinstance(error, OrderRefused):
        members["exchange_code"] = error.exchange_code
    if isinstance(error, LimitExceeded):
        members["violations"] = error.breaches
    return {name: value for name, value in members.items() if value is not None}


def _detail_of(error: OrdergateError, path: str) -> Any:
    if isinstance(error, SchemaViolation):
        return error.faults
    if isinstance(error, InvalidCursor):
        # Each path has pages of its own, whose cursors the others do not take.
        return f"Invalid cursor '{error.cursor}': pass back the next_cursor of a previous {path} page"
    return error.detail


def _headers_for(error: OrdergateError) -> Headers:
    headers: Headers = []
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.append(_CHALLENGE)
    if error.retry_after is not None:
        seconds = max(0, -(-error.retry_after // _SECOND))
        headers.append((b"retry-after", str(seconds).encode("ascii")))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode("ascii")))
    if isinstance(error, UpgradeRequired):
        headers += [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]
    if isinstance(error, UnsupportedContentEncoding):
        headers.append((b"accept-encoding", b"identity"))
    if isinstance(error, BodyTooLarge):
        # The rest of the body is still on its way; a kept connection would have to swallow it.
        headers.append((b"connection", b"close"))
    return headers


def _from_framework(error: HTTPException, request_id: str) -> Answer:
    """What Connexion, Flask or Starlette raised by themselves, on the paths that are left to them."""
    status = error.status_code
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    # Connexion's refusals of a value quote the value, which may be a secret.
    detail = "The request breaks the schema" if isinstance(error, BadRequestProblem) else str(error.detail or phrase)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (error.headers or {}).items()
    ]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append(_CHALLENGE)
    return _problem(status, phrase, detail, phrase.lower().replace(" ", "_"), request_id, headers=headers)


def _problem(
    status: int,
    title: str,
    detail: Any,
    code: str,
    request_id: str,
    *,
    retryable: bool = False,
    more: Mapping[str, Any] | None = None,
    headers: Headers | None = None,
) -> Answer:
    document = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        "request_id": request_id,
        **(more or {}),
    }
    body = encode(document)
    length = (b"content-length", str(len(body)).encode("ascii"))
    return Answer(status=status, headers=[_MEDIA_TYPE, length, *(headers or [])], body=body)
