"""Bybit's answers to calls with a fault. Most of its errors come under status 200 and say no more than their code."""

from __future__ import annotations

from typing import Any

from app.sandbox.bybit.failures import enveloped
from app.sandbox.common.answers import RowFaults, no_json, page
from app.sandbox.common.errors import ApiError
from app.sandbox.faults import FaultKind
from app.sandbox.rest import Answer, FaultAnswers

#: Codes by which the exchange says that it does not know.
_INTERNAL = ApiError(10016, "Internal System Error.")
_TIMEOUT = ApiError(10000, "Server Timeout")
_BUSY = ApiError(170007, "Timeout waiting for response from backend server.")
_SPOT_INTERNAL = ApiError(170001, "Internal error.")

#: A refusal that depends on nothing that was sent.
_NOT_NOW = ApiError(170217, "Only LIMIT-MAKER order is supported for the current symbol.")

_FORBIDDEN = ApiError(403, "access too frequent.", status=403)


def _error(error: ApiError, now_ms: int = 0) -> Answer:
    body = enveloped({}, now_ms, code=error.code, message=error.message)
    return Answer(status=error.status, payload=body, headers=error.headers)


def _too_many(now_ms: int, seconds: float) -> Answer:
    headers = {
        "X-Bapi-Limit": "10",
        "X-Bapi-Limit-Status": "0",
        "X-Bapi-Limit-Reset-Timestamp": str(now_ms + int(seconds * 1_000)),
    }
    return _error(ApiError(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers), now_ms)


def _other_type(answer: Answer) -> Answer:
    """A list for the object that was expected."""
    return Answer(payload=[], headers=answer.headers)


def _rows(answer: Answer) -> list[dict[str, Any]] | None:
    """The rows of a list, None if the answer has none."""
    rows: list[dict[str, Any]] | None = answer.payload.get("result", {}).get("list")
    return rows


_ROWS = RowFaults(
    found=_rows,
    put=lambda answer, rows: {**answer.payload, "result": {**answer.payload["result"], "list": rows}},
    time_of=lambda row: int(row.get("execTime") or row.get("createdTime") or 0),
    odd={"symbol": "BTCUSDT", "orderId": "4711", "orderLinkId": "foreign", "orderStatus": "Limbo", "execId": "odd"},
)

FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: page(500, "500 Internal Server Error"),
        FaultKind.ACCEPT_503: lambda answer: _error(_INTERNAL),
        FaultKind.ACCEPT_504: lambda answer: _error(_TIMEOUT),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error(_BUSY),
        FaultKind.GARBLE_TEXT: no_json,
        FaultKind.GARBLE_TYPE: _other_type,
        FaultKind.GARBLE_ERROR: lambda answer: _error(_SPOT_INTERNAL),
        FaultKind.ODD_ROWS: _ROWS.odd_rows,
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: _error(_FORBIDDEN, now),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _error(_NOT_NOW, now),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error(_BUSY, now),
        FaultKind.REFUSE_502: lambda now, seconds: page(502, "502 Bad Gateway"),
        FaultKind.REFUSE_429: _too_many,
        FaultKind.REFUSE_418: lambda now, seconds: page(403, "403 Forbidden: access too frequent"),
    },
    without_younger=_ROWS.without_younger,
)
