"""Kraken's answers to calls with a fault. Its errors come under status 200, and those of its front end as numbers above 519.

Source: "Error Messages" in the "Spot REST" guides of Kraken's documentation
"""

from __future__ import annotations

from typing import Any

from app.sandbox.common.answers import Row, RowFaults, no_json, page
from app.sandbox.faults import FaultKind
from app.sandbox.kraken.failures import enveloped
from app.sandbox.rest import Answer, FaultAnswers

#: The keys under which lists hold rows by their ids.
_LISTS = ("open", "closed", "trades")


def _error(text: str) -> Answer:
    return Answer(payload=enveloped(None, text))


def _rows(answer: Answer) -> list[Row] | None:
    """The rows with their ids, None if the answer is no list."""
    result = answer.payload.get("result")
    for name in _LISTS:
        if isinstance(result, dict) and isinstance(result.get(name), dict):
            return [{"": identity, **row} for identity, row in result[name].items()]
    return None


def _put(answer: Answer, rows: list[Row]) -> Any:
    result = answer.payload["result"]
    name = next(each for each in _LISTS if each in result)
    shown = {row[""]: {key: value for key, value in row.items() if key} for row in rows}
    return {**answer.payload, "result": {**result, name: shown}}


_ROWS = RowFaults(
    found=_rows,
    put=_put,
    time_of=lambda row: int(1_000 * (row.get("opentm") or row.get("time") or 0)),
    odd={"": "OLIMBO-AAAAA-AAAAAA", "status": "limbo", "descr": {"pair": "XBTUSDT"}, "vol": "?", "ordertxid": "O"},
)

FAULT_ANSWERS = FaultAnswers(
    spoiled={
        FaultKind.ACCEPT_500: lambda answer: page(520, "520 Web server returned an unknown error"),
        FaultKind.ACCEPT_503: lambda answer: _error("EService:Unavailable"),
        FaultKind.ACCEPT_504: lambda answer: _error("EService:Timeout"),
        FaultKind.ACCEPT_OVERLOADED: lambda answer: _error("EService:Busy"),
        FaultKind.GARBLE_TEXT: no_json,
        FaultKind.GARBLE_TYPE: lambda answer: Answer(payload=[], headers=answer.headers),
        FaultKind.GARBLE_ERROR: lambda answer: _error("EGeneral:Internal error"),
        FaultKind.ODD_ROWS: _ROWS.odd_rows,
    },
    refusals={
        FaultKind.REFUSE_UNAVAILABLE: lambda now, seconds: _error("EService:Market in post_only mode"),
        FaultKind.REFUSE_INTERNAL: lambda now, seconds: _error("EOrder:Orders limit exceeded"),
        FaultKind.REFUSE_OVERLOADED: lambda now, seconds: _error("EService:Busy"),
        FaultKind.REFUSE_502: lambda now, seconds: page(502, "502 Bad Gateway"),
        FaultKind.REFUSE_429: lambda now, seconds: _error("EOrder:Rate limit exceeded"),
        FaultKind.REFUSE_418: lambda now, seconds: _error("EGeneral:Temporary lockout"),
    },
    without_younger=_ROWS.without_younger,
)
