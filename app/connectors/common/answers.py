"""What can come back from an exchange instead of a good answer: an error answer, or no answer.

Both are plain exceptions outside the domain's error tree, so one that nobody classified escapes and counts as unknown. ``judging``
decides what an error answer proves.
"""

from __future__ import annotations

from collections.abc import Mapping

#: An error text longer than this is a web page, not a message.
_MESSAGE_LENGTH = 300


class ErrorAnswer(Exception):
    """An answer that is not a success, with its status, headers (names in lower case) and raw body.

    ``code`` and ``message`` are the exchange's own, as its connector found them in the body. Without a message of the exchange
    ``message`` is the start of the body, such as a proxy's page, and ``is_api_message`` is False.
    """

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        code: int | str | None = None,
        message: str | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.code = code
        self.is_api_message = message is not None
        text = body[: 4 * _MESSAGE_LENGTH].decode("utf-8", errors="replace") if message is None else message
        self.message = text.strip()[:_MESSAGE_LENGTH]
        super().__init__(f"status {status}, code {code}: {self.message}")


class NoAnswer(Exception):
    """The call had a connection, so the request may have been written, and no complete answer came back."""

    def __init__(self, detail: str, *, timed_out: bool) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class Unreadable(Exception):
    """A good answer or event that lacks what it should say; never turned into a report."""
