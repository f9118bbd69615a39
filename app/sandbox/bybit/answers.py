"""Bybit's answers to calls with a fault. Most of its errors come under status 200 and say no more than their code."""

from __future__ import annotations

from typing import Any

from app.sandbox.bybit.failures import ApiError, enveloped
from app.sandbox.faults import FaultKind
from app.sandbox.rest import Answer, FaultAnswers

_HTML = "<html><body><h1>{}</h1></body></html>"

#: Codes by which the exchange says that it does not know.
_INTERNAL = ApiError(10016, "Internal System Error.")
_TIMEOUT = ApiError(10000, "Server Timeout")
_BUSY = ApiError(170007, "Timeout waiting for response from backend server.")
_SPOT_INTERNAL = ApiError(170001, "Internal error.")

#: A refusal that depends on nothing that was sent.
_NOT_NOW = ApiError(170217, "Only LIMIT-MAKER order is supported for the current symbol.")

_FORBIDDEN = ApiError(403, "access too frequent.", status=403)


def _page(status: int, title: str) -> Answer:
    return Answer(status=status, html=_HTML.format(title))


def _error(error: ApiError, now_ms: int = 0) -> Answer:
    body = enveloped({}, now_ms, code=error.code, message=error.message)
    return Answer(status=error.status, payload=body, headers=error.headers)


def _too_many(now_ms: int, seconds: float) -> Answer:  # float: seconds, never money
    headers = {
        "X-Bapi-Limit": "10",
        "X-Bapi-Limit-Status": "0",
        "X-Bapi-Limit-Reset-Timestamp": str(now_ms + int(seconds * 1_000)),
    }
    return _error(ApiError(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers), now_ms)


def _other_type(answer: Answer) -> Answer:
    """A list for the object that was expected."""
    return Answer(payload=[], headers=answer.headers)


def _odd_rows(answer: Answer) -> Answer:
    """A row of another program's order, with words that nobody knows, before the others."""
    rows = _rows(answer)
    if rows is None:
        return answer
    odd = {"symbol": "BTCUSDT", "orderId": "4711", "orderLinkId": "foreign", "orderStatus": "Limbo", "execId": "odd"}
    return _with_rows(answer, [odd, *rows])


def _without_younger(answer: Answer, youngest: int) -> Answer:
    rows = _rows(answer)
    return answer if rows is None else _with_rows(answer, [row for row in rows if _time_of(row) <= youngest])


def _rows(answer: Answer) -> list[dict[str, Any]] | None:
    """The rows of a list, None if the answer has none."""
    rows: list[dict[str, Any]] | None = answer.payload.get("result", {}).get("list")
    return rows


def _with_rows(answer: Answer, rows: list[dict[str, Any]]) -> Answer:
    payload = {**answer.payload, "result": {**answer.payload["result"], "list": rows}}
    return Answer(status=answer.status, payload=payload, headers=answer.headers)


def _time_of(row: dict[str, Any]) -> int:
    return int(row.get("execTime") or row.get("createdTime") or 0)


FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: _page(500, "500 Internal Server Error"),
        FaultKind.ACCEPT_503: lambda answer: _error(_INTERNAL),
        FaultKind.ACCEPT_504: lambda answer: _error(_TIMEOUT),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error(_BUSY),
        FaultKind.GARBLE_TEXT: lambda answer: Answer(html="not JSON"),
        FaultKind.GARBLE_TYPE: _other_type,
        FaultKind.GARBLE_ERROR: lambda answer: _error(_SPOT_INTERNAL),
        FaultKind.ODD_ROWS: _odd_rows,
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: _error(_FORBIDDEN, now),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _error(_NOT_NOW, now),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error(_BUSY, now),
        FaultKind.REFUSE_502: lambda now, seconds: _page(502, "502 Bad Gateway"),
        FaultKind.REFUSE_429: _too_many,
        FaultKind.REFUSE_418: lambda now, seconds: _page(403, "403 Forbidden: access too frequent"),
    },
    without_younger=_without_younger,
)
