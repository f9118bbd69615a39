"""Faults: what may be quoted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient

from app.domain.errors import SchemaViolation
from app.web.contract.faults import fault, is_secret
from app.web.contract.schema import CompiledSchema

SECRET = {"type": "string", "format": "password", "maxLength": 3}


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("x" * 300, "x" * 100),
        (5, 5),
        (True, True),
        (Decimal("0.1"), Decimal("0.1")),
        ([1], [1]),
        ({"a": 1}, {"a": 1}),
        (["x" * 100], None),
        (10**200, None),
    ],
)
def test_values_of_sane_length_are_quoted(value: Any, quoted: Any) -> None:
    """A list or an object, too, if it is short; of a long text the beginning."""
    assert fault("x", (), "y", value)["input"] == quoted


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"key": SECRET}},
        {"type": "object", "additionalProperties": SECRET},
        {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True, "maxLength": 3}}},
        {"type": "object", "properties": {"key": {"allOf": [SECRET], "description": "x"}}},
        {"allOf": [{"type": "object", "properties": {"key": SECRET}}, {}]},
        {"type": "object", "format": "password", "additionalProperties": {"type": "string", "maxLength": 3}},
    ],
)
def test_a_secret_is_never_quoted(schema: dict[str, Any]) -> None:
    """Wherever the schema marks it."""
    with pytest.raises(SchemaViolation) as violation:
        CompiledSchema(schema).check({"key": "canary"}, ("body",))
    assert "canary" not in str(violation.value.faults) + str(violation.value)


def test_a_place_that_the_schema_does_not_know_counts_as_secret() -> None:
    """Rather too little is quoted."""
    assert is_secret({"type": "object"}, ("a",))
    assert is_secret({"items": {}}, (0, "a"))
    assert not is_secret({"properties": {"a": {"items": {}}}}, ("a", 0))


async def test_a_bad_api_key_does_not_come_back(client: AsyncClient) -> None:
    """Nor does the whole body, if it has the wrong type."""
    for body in ({"api_secret": "canary" * 20}, {"api_secret": ["canary"]}, ["canary"], "canary"):
        answer = await client.post("/accounts/a/keys", json=body)
        assert answer.status_code == 422
        assert "canary" not in answer.text
