"""Answers: what handlers return, and JSON with exact numbers in one form."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.concurrency.slices import SLICE
from app.domain.enums import OrderStatus
from app.handlers.streaming import LongList
from app.web.inner import WireJsonifier
from app.web.messages import encode, encode_long, pack


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("0E-8"), "0.00000000"),
        (Decimal("1E+56"), "1" + "0" * 56),
        ({"a": [Decimal("1E+2"), "ONE-WAY"]}, '{"a":[100,"ONE-WAY"]}'),
        ({"NaN": "Infinity"}, '{"NaN":"Infinity"}'),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), '"2026-01-02T00:00:00Z"'),
        ({OrderStatus.OPEN: OrderStatus.FILLED}, '{"OPEN":"FILLED"}'),
        ("ü€", '"ü€"'),
    ],
)
def test_values_and_their_text(value: Any, text: str) -> None:
    """Numbers are written out, text is UTF-8, enums are their words."""
    assert encode(value).decode() == text


def test_dataclasses_are_objects_with_exact_numbers() -> None:
    """A frozen value can be answered as it is."""

    @dataclass(frozen=True)
    class Row:
        price: Decimal

    assert encode([Row(price=Decimal("1E-9"))]) == b'[{"price":0.000000001}]'


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_number_that_is_none_is_a_fault(number: str) -> None:
    """JSON has no such numbers; half an answer would be worse than none."""
    with pytest.raises(ValueError, match="not finite"):
        encode({"price": Decimal(number)})


def test_unknown_types_are_a_fault() -> None:
    """There is no silent str()."""
    with pytest.raises(TypeError):
        encode(object())


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"), places=20)
)
def test_no_digit_is_lost(number: Decimal) -> None:
    """Reading the text back gives the same number, and the text has no exponent."""
    text = encode([number]).decode()
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == [number]
    assert "E" not in text


def test_the_jsonifier_is_the_same_encoder() -> None:
    """Connexion's own code writes and reads as we do."""
    assert WireJsonifier().dumps({"a": Decimal("1E-8")}, indent=2) == '{"a":0.00000001}'
    assert WireJsonifier().loads('{"a":0.10}') == WireJsonifier().loads(b'{"a":0.10}') == {"a": Decimal("0.10")}


# -- what handlers return ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "status", "extra"),
    [
        ({"a": 1}, 200, []),
        (({"a": 1}, 201), 201, []),
        (({"a": 1}, HTTPStatus.ACCEPTED, {"Retry-After": "1"}), 202, [(b"retry-after", b"1")]),
    ],
)
def test_the_three_forms(result: Any, status: int, extra: list[tuple[bytes, bytes]]) -> None:
    """An object, a status with it, headers with both."""
    answer = pack(result)
    assert (answer.status, answer.body) == (status, b'{"a":1}')
    assert answer.headers == [(b"content-type", b"application/json"), (b"content-length", b"7"), *extra]


@pytest.mark.parametrize("result", [None, (None, 200), ({}, 200, {}, 1), ({},)])
def test_anything_else_is_a_fault(result: Any) -> None:
    """Callers read every success as JSON."""
    with pytest.raises(TypeError):
        pack(result)


async def test_a_long_list_is_encoded_in_slices() -> None:
    """It reads as it does in one go, numbers that need to be written out included; others go between, and empty is empty."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    rows = LongList(items=range(SLICE * 5 + 1), row=lambda number: {"number": Decimal(number).scaleb(-9)})
    going = asyncio.create_task(others())
    encoded = await encode_long(rows)
    going.cancel()
    assert bytes(encoded) == encode([{"number": Decimal(number).scaleb(-9)} for number in rows.items])
    assert turns >= 6
    assert bytes(await encode_long(LongList(items=(), row=str))) == b"[]"
    assert pack(encoded).body == bytes(encoded)
