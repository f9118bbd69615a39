"""What somebody tries who has just started it: the example orders of the pages, again and again, and the root in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from openapi import load_spec
from tests.weaknesses.conftest import Desk

PLACING = load_spec()["paths"]["/trading/orders"]["post"]
EXAMPLES = PLACING["requestBody"]["content"]["application/json"]["examples"]


def test_the_pages_prefill_nothing_that_only_works_once() -> None:
    """A key that the page fills in would make every second order a conflict with the first, and a token is good for one order."""
    assert [each["name"] for each in PLACING["parameters"]] == ["Idempotency-Key", "Preview-Token"]
    for parameter in PLACING["parameters"]:
        assert "example" not in parameter
        assert "example" not in parameter["schema"]
    assert [name for name, each in EXAMPLES.items() if "client_order_id" in each["value"]] == []


@pytest.mark.parametrize(("number", "state"), [(0, "filled"), (1, "open")])
async def test_example_orders_can_be_tried_out_again_and_again(desk: Desk, number: int, state: str) -> None:
    """The first example, which pages show by themselves, fills; the second rests. Each time it is another order."""
    terms: dict[str, Any] = list(EXAMPLES.values())[number]["value"]
    placed = [await desk.post("/trading/orders", 201, **terms) for _ in range(3)]
    assert [each["state"] for each in placed] == [state] * 3
    assert len({each["order_id"] for each in placed}) == 3
