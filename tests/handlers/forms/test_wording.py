"""Texts that the contract fixes for one operation."""

from __future__ import annotations

import pytest

from app.domain.errors import InvalidCursor, OrderNotFound, UnknownAccount
from app.handlers.forms.wording import page_at, worded


def test_an_error_of_the_kind_gets_the_text() -> None:
    """It stays what it is otherwise; another kind keeps its own text."""
    with pytest.raises(UnknownAccount) as caught, worded(UnknownAccount, "Folder 'a' not found"):
        raise UnknownAccount("a")
    assert (caught.value.detail, caught.value.status) == ("Folder 'a' not found", 404)
    with pytest.raises(OrderNotFound) as other, worded(UnknownAccount, "Folder 'a' not found"):
        raise OrderNotFound("Order 'o' not found")
    assert other.value.detail == "Order 'o' not found"


def test_a_cursor_is_refused_with_the_page() -> None:
    """The caller learns whose cursor to pass back."""
    with pytest.raises(InvalidCursor) as caught, page_at("/trading/trades", "x"):
        raise InvalidCursor("no position")
    assert caught.value.detail == "Invalid cursor 'x': pass back the next_cursor of a previous /trading/trades page"
