"""What handlers return."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from app.web.contract.answers import pack


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
