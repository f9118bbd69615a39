"""Hyperliquid's answers to calls with a fault: few are in its own form.

Source: "Error responses" in Hyperliquid's documentation
"""

from __future__ import annotations

from typing import Any

from app.sandbox.common.answers import Row, RowFaults, no_json, page
from app.sandbox.faults import FaultKind
from app.sandbox.rest import Answer, FaultAnswers


def _error(text: str) -> Answer:
    return Answer(payload={"status": "err", "response": text})


def _rows(answer: Answer) -> list[Row] | None:
    """The rows of a list, or the one order that an answer is about; None if the answer is neither."""
    if isinstance(answer.payload, list):
        return answer.payload if answer.payload and all(isinstance(each, dict) for each in answer.payload) else None
    if isinstance(answer.payload, dict) and answer.payload.get("status") == "order":
        return [answer.payload["order"]]
    return None


def _put(answer: Answer, rows: list[Row]) -> Any:
    if isinstance(answer.payload, list):
        return rows
    return answer.payload if rows else {"status": "unknownOid"}


def _time_of(row: Row) -> int:
    return int(row.get("time") or row.get("timestamp") or row.get("order", {}).get("timestamp") or 0)


_ROWS = RowFaults(
    found=_rows,
    put=_put,
    time_of=_time_of,
    odd={"coin": "BTC", "oid": 4711, "tid": 4711, "side": "?", "sz": "?", "origSz": "?", "timestamp": 1, "time": 1},
)

FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: page(500, "500 Internal Server Error"),
        FaultKind.ACCEPT_503: lambda answer: page(503, "503 Service Unavailable"),
        FaultKind.ACCEPT_504: lambda answer: page(504, "504 Gateway Time-out"),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error("Internal error: the node is catching up"),
        FaultKind.GARBLE_TEXT: no_json,
        FaultKind.GARBLE_TYPE: lambda answer: Answer(payload=[], headers=answer.headers),
        FaultKind.GARBLE_ERROR: lambda answer: _error("Internal error"),
        FaultKind.ODD_ROWS: _ROWS.odd_rows,
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: page(403, "403 Forbidden"),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _error("Too many cumulative requests sent (1 > 0)."),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error("Internal error: the node is catching up"),
        FaultKind.REFUSE_502: lambda now, seconds: page(502, "502 Bad Gateway"),
        FaultKind.REFUSE_429: lambda now, seconds: page(429, "429 Too Many Requests"),
        FaultKind.REFUSE_418: lambda now, seconds: page(403, "403 Forbidden"),
    },
    without_younger=_ROWS.without_younger,
)
