"""The answers of an exchange that misbehaves: in place of the right one, or instead of carrying the request out.

Only the words; ``http`` decides when. The texts of the 503s are those that Binance documents: two of them prove that nothing was
accepted, the third proves nothing.
"""

from __future__ import annotations

from typing import Any

from app.sandbox.endpoint import Answer
from app.sandbox.failures import ApiError, no_such_order, service_unavailable
from app.sandbox.limits import banned, too_heavy

_HTML_500 = "<html><body><h1>500 Internal Server Error</h1></body></html>"
_HTML_502 = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def plain_500(answer: Answer) -> Answer:
    """A 500 without a word of the API."""
    return Answer(status=500, html=_HTML_500)


def unknown_503(answer: Answer) -> Answer:
    """The 503 that proves nothing."""
    return _error(ApiError(-1000, "Unknown error, please check your request or try again later.", status=503))


def timeout_504(answer: Answer) -> Answer:
    """The engine did not answer in time."""
    text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return _error(ApiError(-1007, text, status=504))


def other_type(answer: Answer) -> Answer:
    """JSON of another shape: a list for an object, an object for a list."""
    return Answer(payload={} if isinstance(answer.payload, list) else [], headers=answer.headers)


def error_under_200(answer: Answer) -> Answer:
    """An error body under a status that promises success."""
    return Answer(payload={"code": -2011, "msg": "Unknown order sent."}, headers=answer.headers)


def no_json(answer: Answer) -> Answer:
    """Text under status 200."""
    return Answer(html="<!-- garbled -->", headers=answer.headers)


def unavailable(now: int, seconds: float) -> Answer:  # float: seconds, never money
    return _error(service_unavailable())


def internal_error(now: int, seconds: float) -> Answer:  # float: seconds, never money
    return _error(ApiError(-1001, "Internal error; unable to process your request. Please try again.", status=503))


def overloaded(now: int, seconds: float) -> Answer:  # float: seconds, never money
    text = "Server is currently overloaded with other requests. Please try again in a few minutes."
    return _error(ApiError(-1008, text, status=503))


def bad_gateway(now: int, seconds: float) -> Answer:  # float: seconds, never money
    """A 502 of the front: nothing was accepted, and nobody can know."""
    return Answer(status=502, html=_HTML_502)


def too_many(now: int, seconds: float) -> Answer:  # float: seconds, never money
    """A 429 that asks for a pause of ``seconds``."""
    return _error(too_heavy(6_000, now), seconds)


def ban(now: int, seconds: float) -> Answer:  # float: seconds, never money
    """A 418 until ``seconds`` from now."""
    return _error(banned(now + int(seconds * 1_000), now), seconds)


def without_younger(answer: Answer, youngest: int) -> Answer:
    """``answer`` as if what is younger than ``youngest``, in milliseconds since 1970, were not there yet."""
    payload = answer.payload
    if isinstance(payload, list):
        return Answer(status=answer.status, payload=[row for row in payload if _age_of(row) <= youngest])
    if answer.status == 200 and _age_of(payload) > youngest:
        return _error(no_such_order())
    return answer


def _age_of(row: Any) -> int:
    """When a row came about; 0 if it does not say."""
    at = row.get("time", 0) if isinstance(row, dict) else 0
    return at if isinstance(at, int) else 0


def _error(error: ApiError, seconds: float | None = None) -> Answer:  # float: seconds, never money
    headers = error.headers if seconds is None else {"Retry-After": str(max(1, int(seconds)))}
    return Answer(status=error.status, payload=error.body(), headers=headers)
