"""What the running call of the library makes of requests and rows, also in tasks that the library begins for it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from typing import Any

from msgspec import Struct


class Requests(Struct):
    """How many requests have begun, what the last of them was answered, and how many rows that had."""

    begun: int = 0
    answer: Any = None
    rows: int = 0

    def take(self, answer: Any) -> None:
        """Note the answer to a request."""
        self.answer, self.rows = answer, len(answer) if isinstance(answer, list) else 0


#: The requests of the running call. The tasks that begin in it share the object.
REQUESTS: ContextVar[Requests | None] = ContextVar("requests", default=None)

#: The names of which a row must have one to be read; None for all rows.
ONLY: ContextVar[AbstractSet[str] | None] = ContextVar("only", default=None)


def noted(rows: Any) -> Any:
    """Those of ``rows`` that are to be read, after all of them were counted. To read one takes as long as a small request does."""
    requests, only = REQUESTS.get(), ONLY.get()
    if requests is not None:
        requests.rows = max(requests.rows, len(rows or ()))
    if only is None or not isinstance(rows, list):
        return rows
    return [row for row in rows if isinstance(row, dict) and _has_one(row, only)]


def _has_one(row: dict[str, Any], names: AbstractSet[str]) -> bool:
    return any(isinstance(each, str) and each in names for each in row.values())
