"""What classes of ccxt do otherwise here, asked of the classes that are used."""

from __future__ import annotations

from typing import Any

import ccxt.async_support
import pytest

from app.connectors.ccxt.mends import MENDS


def mended(name: str) -> Any:
    return type(name, (MENDS[name], getattr(ccxt.async_support, name)), {})()


@pytest.mark.parametrize(
    ("state", "status"),
    [("PENDING_CANCEL", "open"), ("PARTIALLY_CANCELED", "canceled"), ("CANCELED", "canceled"), ("FILLED", "closed")],
)
def test_a_cancel_on_its_way_is_no_end_at_foxbit(state: str, status: str) -> None:
    """And one that ended the rest of an order is."""
    assert mended("foxbit").parse_order_status(state) == status


def test_an_answer_of_okx_that_is_no_object_is_judged_by_what_the_library_says() -> None:
    """Not by an error about its form."""
    okx = mended("okx")
    with pytest.raises(ccxt.async_support.BaseError):
        okx.handle_errors(500, "", "", "", {}, "[]", [], {}, "")
