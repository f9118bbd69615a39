"""Pages: what narrows a search, and the page object."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.handlers import pages
from app.storage.records import Page
from tests.handlers.contract import checked


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ((), (), ())),
        ({"account_names": None, "connector_names": [], "trading_pairs": None}, ((), (), ())),
        ({"account_names": ["a", "b"]}, (("a", "b"), (), ())),
        ({"connector_names": ["paper"], "trading_pairs": ["A-B"], "limit": 5}, ((), ("paper",), ("A-B",))),
    ],
)
def test_names(asked: dict[str, Any], names: tuple[tuple[str, ...], ...]) -> None:
    """A list narrows the search; null, an empty list and an absent one don't."""
    keys = ("account_names", "connector_names", "trading_pairs")
    assert pages.names(asked) == dict(zip(keys, names, strict=True))


def test_last_page() -> None:
    """The last page has no cursor and says that there is no more."""
    page = Page(items=(1, 2), total_count=12, next_cursor=None)
    assert pages.answer(page, 10, lambda number: {"number": number}) == {
        "data": [{"number": 1}, {"number": 2}],
        "pagination": {"limit": 10, "has_more": False, "next_cursor": None, "total_count": 12},
    }


def test_page_with_more_behind_it() -> None:
    """A page with more behind it carries the cursor to it."""
    answer = pages.answer(Page(items=("x",), total_count=2, next_cursor="next"), 1, str.upper)
    assert answer["data"] == ["X"]
    assert answer["pagination"] == {"limit": 1, "has_more": True, "next_cursor": "next", "total_count": 2}


def test_empty_page() -> None:
    """Nothing found is a page without rows."""
    answer = pages.answer(Page(items=(), total_count=0, next_cursor=None), 100, str)
    assert (answer["data"], answer["pagination"]["total_count"]) == ([], 0)


@pytest.mark.parametrize(
    "path",
    [
        "/trading/orders/search",
        "/trading/orders/active",
        "/trading/trades",
        "/trading/positions",
        "/trading/funding-payments",
        "/portfolio/history",
    ],
)
async def test_a_foreign_cursor_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """Each page refuses a cursor that it did not give, in a text that names its own path."""
    response = await client.post(path, json={"cursor": "x"})
    assert response.status_code == 400
    refused = checked(response, path)
    assert refused["code"] == "invalid_cursor"
    assert refused["detail"] == f"Invalid cursor 'x': pass back the next_cursor of a previous {path} page"
