"""An error answer of whichever protocol."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An error answer: the exchange's code, its text, and the status under which it comes."""

    def __init__(
        self, code: int | str, message: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
