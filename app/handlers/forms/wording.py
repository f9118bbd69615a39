"""Texts that the contract fixes for one operation, where the services raise an error without knowing who asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.errors import InvalidCursor, OrdergateError


@contextmanager
def worded(kind: type[OrdergateError], detail: str) -> Iterator[None]:
    """Give an error of ``kind`` that is raised within the text ``detail``."""
    try:
        yield
    except kind as error:
        error.detail = detail
        raise


@contextmanager
def page_at(path: str, cursor: str | None) -> Iterator[None]:
    """Name the page at ``path`` in the refusal of ``cursor``."""
    with worded(InvalidCursor, f"Invalid cursor '{cursor}': pass back the next_cursor of a previous {path} page"):
        yield
