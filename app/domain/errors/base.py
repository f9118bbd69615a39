"""The root of the error tree, and what every error carries."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class OrdergateError(Exception):
    """The root. ``detail`` is a sentence for the caller and never holds a secret. ``hint`` says what to do where the text of
    ``detail`` is one that callers of hummingbot-api read. ``violations`` are all errors of which this is the first, where several
    checks speak against the same thing.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    retryable: bool = False

    def __init__(
        self,
        detail: str,
        *,
        order_id: str | None = None,
        retry_after: timedelta | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.order_id = order_id
        self.retry_after = retry_after
        self.hint = hint
        self.violations: tuple[OrdergateError, ...] = ()
