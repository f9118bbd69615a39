"""What can come back from Binance instead of a good answer: an error answer, or none at all.

Both are plain exceptions outside the domain's tree, so one that nobody classified escapes and counts as unknown. Nothing is
judged here; ``binance_outcomes`` does that. No SDK is imported, so the tables can be read without paying for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: An error text longer than this is a web page, not a message.
_MESSAGE_LENGTH = 300


class ErrorAnswer(Exception):
    """An answer that is not a success: its status, headers (names in lower case) and raw body are kept.

    ``code`` is Binance's own error code, None where the body holds none; ``message`` is its text, or the start of the body.
    """

    def __init__(self, *, status: int, headers: Mapping[str, str], body: bytes, payload: Any = None) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.code = _code(payload)
        self.message = _message(payload, body)
        #: Whether ``message`` was said by Binance's API and not by a proxy's page.
        self.is_api_message = isinstance(payload, dict) and isinstance(payload.get("msg"), str)
        super().__init__(f"status {status}, code {self.code}: {self.message}")


class NoAnswer(Exception):
    """A connection was there, the request may have been written, and no whole answer came back."""

    def __init__(self, detail: str, *, timed_out: bool) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class Unreadable(Exception):
    """A good answer or event that lacks what it should say; never turned into a report."""


def _code(payload: Any) -> int | None:
    code = payload.get("code") if isinstance(payload, dict) else None
    if isinstance(code, int) and not isinstance(code, bool):
        return code
    if isinstance(code, str) and code.lstrip("-").isascii() and code.lstrip("-").isdecimal():
        return int(code[:12])
    return None


def _message(payload: Any, body: bytes) -> str:
    text = payload.get("msg") if isinstance(payload, dict) else None
    if not isinstance(text, str):
        text = body[: 4 * _MESSAGE_LENGTH].decode("utf-8", errors="replace")
    return text.strip()[:_MESSAGE_LENGTH]
