"""Binance's answers to calls with a fault.

The texts of the 503s are those that Binance documents: on futures two of them prove that nothing was accepted. The third proves
nothing, nor does -1008, after which orders have been executed.
"""

from __future__ import annotations

from typing import Any

from app.sandbox.binance.failures import ApiError, no_such_order, service_unavailable
from app.sandbox.binance.limits import banned, too_heavy
from app.sandbox.faults import FaultKind
from app.sandbox.rest import Answer, FaultAnswers

_HTML_500 = "<html><body><h1>500 Internal Server Error</h1></body></html>"
_HTML_502 = "<html><body><h1>502 Bad Gateway</h1></body></html>"

_UNKNOWN = ApiError(-1000, "Unknown error, please check your request or try again later.", status=503)
_TIMEOUT = ApiError(
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    status=504,
)
_INTERNAL = ApiError(-1001, "Internal error; unable to process your request. Please try again.", status=503)
_OVERLOADED = ApiError(
    -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", status=503
)


def _error(error: ApiError, seconds: float | None = None) -> Answer:
    headers = error.headers if seconds is None else {"Retry-After": str(max(1, int(seconds)))}
    return Answer(status=error.status, payload=error.body(), headers=headers)


def _other_type(answer: Answer) -> Answer:
    """JSON of another shape: a list for an object, an object for a list."""
    return Answer(payload={} if isinstance(answer.payload, list) else [], headers=answer.headers)


def _odd_rows(answer: Answer) -> Answer:
    """A row of another program's order, with a word that nobody knows, before the others; an object as it is."""
    if not isinstance(answer.payload, list):
        return answer
    odd = {"symbol": "BTCUSDT", "orderId": 4_711_000_000, "clientOrderId": "foreign", "status": "LIMBO", "id": "odd"}
    return Answer(payload=[odd, *answer.payload], headers=answer.headers)


def _error_under_200(answer: Answer) -> Answer:
    return Answer(payload={"code": -2011, "msg": "Unknown order sent."}, headers=answer.headers)


def _without_younger(answer: Answer, youngest: int) -> Answer:
    payload = answer.payload
    if isinstance(payload, list):
        return Answer(status=answer.status, payload=[row for row in payload if _time_of(row) <= youngest])
    if answer.status == 200 and _time_of(payload) > youngest:
        return _error(no_such_order())
    return answer


def _time_of(row: Any) -> int:
    """A row's time; 0 if it has none."""
    at = row.get("time", 0) if isinstance(row, dict) else 0
    return at if isinstance(at, int) else 0


FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: Answer(status=500, html=_HTML_500),
        FaultKind.ACCEPT_503: lambda answer: _error(_UNKNOWN),
        FaultKind.ACCEPT_504: lambda answer: _error(_TIMEOUT),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error(_OVERLOADED),
        FaultKind.GARBLE_TYPE: _other_type,
        FaultKind.GARBLE_ERROR: _error_under_200,
        FaultKind.ODD_ROWS: _odd_rows,
        FaultKind.GARBLE_TEXT: lambda answer: Answer(html="<!-- garbled -->", headers=answer.headers),
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: _error(service_unavailable()),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _error(_INTERNAL),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error(_OVERLOADED),
        FaultKind.REFUSE_502: lambda now, seconds: Answer(status=502, html=_HTML_502),
        FaultKind.REFUSE_429: lambda now, seconds: _error(too_heavy(6_000, now), seconds),
        FaultKind.REFUSE_418: lambda now, seconds: _error(banned(now + int(seconds * 1_000), now), seconds),
    },
    without_younger=_without_younger,
)
