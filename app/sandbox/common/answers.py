"""What faults do to answers, where protocols differ only in where an answer keeps its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.sandbox.rest import Answer

Row = dict[str, Any]


def page(status: int, title: str) -> Answer:
    """The page of a front end that answers instead of the API."""
    return Answer(status=status, html=f"<html><body><h1>{title}</h1></body></html>")


def no_json(answer: Answer) -> Answer:
    """An answer that is not JSON."""
    return Answer(html="not JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFaults:
    """``found`` are the rows of an answer, None if it has none; ``put`` gives an answer others.

    ``time_of`` is when a row's order or trade came about, in milliseconds, and ``odd`` a row with words that nobody knows.
    """

    found: Callable[[Answer], Sequence[Row] | None]
    put: Callable[[Answer, list[Row]], Any]
    time_of: Callable[[Row], int]
    odd: Row

    def odd_rows(self, answer: Answer) -> Answer:
        """A row of another program's order before the others."""
        rows = self.found(answer)
        return answer if rows is None else self._with(answer, [self.odd, *rows])

    def without_younger(self, answer: Answer, youngest: int) -> Answer:
        """The rows that are not younger than ``youngest``."""
        rows = self.found(answer)
        return answer if rows is None else self._with(answer, [row for row in rows if self.time_of(row) <= youngest])

    def _with(self, answer: Answer, rows: list[Row]) -> Answer:
        return Answer(status=answer.status, payload=self.put(answer, rows), headers=answer.headers)
