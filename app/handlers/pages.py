"""Pages: the request fields that every search shares, and the page object of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from app.storage.records import Page

T = TypeVar("T")


class Names(TypedDict):
    """The three lists of names by which every search can be narrowed."""

    account_names: tuple[str, ...]
    connector_names: tuple[str, ...]
    trading_pairs: tuple[str, ...]


def names(asked: Mapping[str, Any]) -> Names:
    """The lists of a request; null and an absent list do not narrow."""
    return Names(
        account_names=tuple(asked.get("account_names") or ()),
        connector_names=tuple(asked.get("connector_names") or ()),
        trading_pairs=tuple(asked.get("trading_pairs") or ()),
    )


def answer(page: Page[T], limit: int, row: Callable[[T], Any]) -> dict[str, Any]:
    """The page object: ``data`` and ``pagination``."""
    return {
        "data": [row(item) for item in page.items],
        "pagination": {
            "limit": limit,
            "has_more": page.has_more,
            "next_cursor": page.next_cursor,
            "total_count": page.total_count,
        },
    }
