"""OKX's answers to calls with a fault. What it does not know it says under several statuses, 400 and 429 among them.

Source: "Error Code", "General Class" in OKX's documentation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.sandbox.common.answers import Row, RowFaults, no_json, page
from app.sandbox.common.errors import ApiError
from app.sandbox.faults import FaultKind
from app.sandbox.okx.failures import NO_SUCH_ORDER, enveloped
from app.sandbox.rest import Answer, FaultAnswers

_UNAVAILABLE = ApiError("50001", "Service temporarily unavailable. Please try again later.", status=503)
_TIMEOUT = ApiError(
    "50004",
    "API endpoint request timeout. (does not mean that the request was successful or failed, please check the request"
    " result).",
    status=400,
)
_BUSY = ApiError("50013", "Systems are busy. Please try again later.", status=429)
_SYSTEM = ApiError("50026", "System error. Try again later")

#: Refusals that depend on nothing that was sent.
_RATE = ApiError("50061", "You've reached the maximum order rate limit for this account.")
_TOO_MANY = ApiError("50011", "Too Many Requests", status=429)
_PENDING = ApiError("51174", "The number of pending orders reached the upper limit.")


def _error(error: ApiError) -> Answer:
    return Answer(status=error.status, payload=enveloped([], code=str(error.code), message=error.message))


def _in_row(error: ApiError) -> Answer:
    """An error of one order."""
    row = {"clOrdId": "", "ordId": "", "tag": "", "sCode": error.code, "sMsg": error.message}
    return Answer(payload=enveloped([row], code="1", message="All operations failed"))


def _rows(answer: Answer) -> Sequence[Row] | None:
    data = answer.payload.get("data")
    return data if data and isinstance(data[0], dict) else None


def _put(answer: Answer, rows: list[Row]) -> Any:
    """An answer about one order that must not be seen denies it."""
    if isinstance(answer.payload["data"], tuple) and not rows:
        return enveloped([], code=str(NO_SUCH_ORDER.code), message=NO_SUCH_ORDER.message)
    return {**answer.payload, "data": rows}


_ROWS = RowFaults(
    found=_rows,
    put=_put,
    time_of=lambda row: int(row.get("cTime") or row.get("ts") or 0),
    odd={"instType": "LIMBO", "instId": "BTC-USDT", "ordId": "4711", "clOrdId": "foreign", "state": "limbo", "sz": "?"},
)

FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: page(500, "500 Internal Server Error"),
        FaultKind.ACCEPT_503: lambda answer: _error(_UNAVAILABLE),
        FaultKind.ACCEPT_504: lambda answer: _error(_TIMEOUT),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error(_BUSY),
        FaultKind.GARBLE_TEXT: no_json,
        FaultKind.GARBLE_TYPE: lambda answer: Answer(payload=[], headers=answer.headers),
        FaultKind.GARBLE_ERROR: lambda answer: _in_row(_SYSTEM),
        FaultKind.ODD_ROWS: _ROWS.odd_rows,
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: _error(_RATE),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _in_row(_PENDING),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error(_BUSY),
        FaultKind.REFUSE_502: lambda now, seconds: page(502, "502 Bad Gateway"),
        FaultKind.REFUSE_429: lambda now, seconds: _error(_TOO_MANY),
        FaultKind.REFUSE_418: lambda now, seconds: page(403, "403 Forbidden"),
    },
    without_younger=_ROWS.without_younger,
)
