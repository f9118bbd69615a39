"""Parameters: typed, bounded, told apart by place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import SchemaViolation
from app.web.contract.arguments import ParameterReader, compile_parameter, keyword_for
from app.web.contract.schema import Unsupported

EVERYTHING = [
    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 3}},
    {"name": "n", "in": "query", "schema": {"type": "integer", "minimum": 1, "nullable": True}},
    {"name": "price", "in": "query", "schema": {"type": "string", "format": "decimal", "minimum": 0}},
    {"name": "wait", "in": "query", "schema": {"type": "number", "default": 1}},
    {"name": "on", "in": "query", "schema": {"type": "boolean"}},
    {"name": "kinds", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
    {"name": "must", "in": "query", "required": True, "schema": {"type": "string"}},
    {"name": "X-Trace-Id", "in": "header", "schema": {"type": "string", "pattern": "^[a-z]+$"}},
    {
        "name": "X-Key",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "format": "password", "maxLength": 2},
    },
]


def read(query: str, path: str = "i", headers: dict[bytes, bytes] | None = None) -> dict[str, Any]:
    reader = ParameterReader(EVERYTHING, lambda key: key != "on")
    return reader.read({"id": path}, query.encode(), {b"x-key": b"k", **(headers or {})}, [])


def test_each_type_and_place() -> None:
    """Text becomes the type of the contract; what is absent is not passed unless it has a default."""
    assert read("must=x") == {"id": "i", "wait": 1.0, "must": "x", "x_key": "k"}
    got = read("must=&n=5&price=0.10&wait=2e-1&kinds=a,b&kinds=a&on=true&other=1", headers={b"x-trace-id": b"abc"})
    assert got == {
        "id": "i",
        "must": "",
        "n": 5,
        "price": Decimal("0.10"),
        "wait": 0.2,
        "kinds": ["a", "b", "a"],
        "x_trace_id": "abc",
        "x_key": "k",
    }
    assert type(got["price"]) is Decimal
    assert read("must=x&n=null")["n"] is None
    assert read(f"must=x&n={2**63 - 1}")["n"] == 2**63 - 1


@pytest.mark.parametrize(
    ("query", "kind", "location"),
    [
        ("", "missing", ["query", "must"]),
        ("must=x&n=0", "greater_than_equal", ["query", "n"]),
        ("must=x&n=1.0", "int_type", ["query", "n"]),
        ("must=x&n=" + "9" * 20, "int_type", ["query", "n"]),
        ("must=x&n=１", "int_type", ["query", "n"]),
        ("must=x&price=1_0", "decimal_parsing", ["query", "price"]),
        ("must=x&price=-1", "greater_than_equal", ["query", "price"]),
        ("must=x&wait=nan", "float_type", ["query", "wait"]),
        ("must=x&wait=1e999", "float_type", ["query", "wait"]),
        ("must=x&kinds=a,c", "literal_error", ["query", "kinds", 1]),
        ("must=%00", "string_type", ["query", "must"]),
    ],
)
def test_faults_name_the_place(query: str, kind: str, location: list[Any]) -> None:
    """The form is the body's."""
    with pytest.raises(SchemaViolation) as violation:
        read(query)
    (fault,) = violation.value.faults
    assert (fault["type"], fault["loc"]) == (kind, location)


def test_all_faults_at_once_and_no_secret_in_them() -> None:
    """Path, query and headers are told together."""
    with pytest.raises(SchemaViolation) as violation:
        read("n=x", "long", {b"x-trace-id": b"A1", b"x-key": b"canary"})
    assert [fault["loc"] for fault in violation.value.faults] == [
        ["path", "id"],
        ["query", "n"],
        ["query", "must"],
        ["header", "X-Trace-Id"],
        ["header", "X-Key"],
    ]
    assert "canary" not in str(violation.value.faults)
    with pytest.raises(SchemaViolation) as violation:
        ParameterReader(EVERYTHING, lambda _: True).read({"id": "i"}, b"must=x", {}, [])
    assert [fault["type"] for fault in violation.value.faults] == ["missing"]


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "a", "in": "cookie", "schema": {"type": "string"}},
        {"name": "a", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
        {"name": "a", "in": "query", "content": {"application/json": {}}},
        {"name": "a", "in": "query", "schema": {"type": "object"}},
        {"name": "a", "in": "path", "schema": {"type": "array", "items": {"type": "string"}}},
        {"name": "a", "in": "query", "schema": {}},
    ],
)
def test_forms_that_are_left_to_connexion(definition: dict[str, Any]) -> None:
    """Said at start-up."""
    with pytest.raises(Unsupported):
        compile_parameter(definition)


@pytest.mark.parametrize(
    ("name", "place", "keyword"),
    [
        ("Idempotency-Key", "header", "idempotency_key"),
        ("account_name", "query", "account_name"),
        ("a-b", "path", "a_b"),
    ],
)
def test_the_handlers_keyword(name: str, place: str, keyword: str) -> None:
    """Headers in snake case, the rest by name."""
    assert keyword_for(name, place) == keyword
