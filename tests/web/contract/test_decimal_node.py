"""Decimals of the contract: both spellings, exact bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.web.contract.decimal_node import decimal_node
from app.web.contract.faults import Fault

NUMBER = {"type": "number", "format": "decimal"}
TEXT = {"type": "string", "format": "decimal", "maxLength": 3}


def converted(schema: dict[str, Any], value: Any) -> tuple[Any, list[Fault]]:
    node = decimal_node(schema)
    assert node is not None
    faults: list[Fault] = []
    return node.convert(value, ("body", "amount"), faults), faults


@pytest.mark.parametrize(
    "schema",
    [NUMBER, TEXT, {"anyOf": [NUMBER, TEXT]}, {"oneOf": [TEXT, NUMBER]}, {"anyOf": [NUMBER, TEXT], "description": "x"}],
)
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, "1"),
        (Decimal("0.10"), "0.10"),
        ("0.10", "0.10"),
        ("1e-8", "1E-8"),
        ("+5", "5"),
        (-0, "0"),
        (10**35, "1" + "0" * 35),
    ],
)
def test_either_spelling_becomes_the_same_exact_number(schema: dict[str, Any], value: Any, number: str) -> None:
    """Digits, places and sign are kept."""
    result, faults = converted(schema, value)
    assert (str(result), faults) == (str(Decimal(number)), [])


@pytest.mark.parametrize(
    "schema", [{"type": "number"}, {"type": "string"}, {}, {"anyOf": [NUMBER, {"type": "string"}]}, {"anyOf": []}]
)
def test_everything_else_is_no_decimal(schema: dict[str, Any]) -> None:
    """A union is a decimal only if all of it is."""
    assert decimal_node(schema) is None


@pytest.mark.parametrize("value", [True, False, [], {}, None, 0.5])
def test_other_types_are_faults(value: Any) -> None:
    """Also true, which Python takes for 1, and null where it is not allowed."""
    result, (found,) = converted({"anyOf": [NUMBER, TEXT]}, value)
    assert result is value
    assert (found["type"], found["loc"], found["msg"]) == (
        "float_type",
        ["body", "amount"],
        "Input should be a valid number",
    )


@pytest.mark.parametrize(
    "value", ["", " 1 ", "1_0", "１", "NaN", "Infinity", "1e400", "1e999999999", "0x1", "1,5", "9" * 200, 10**400]
)
def test_texts_that_are_no_plain_number_are_faults(value: Any) -> None:
    """The grammar is ASCII and bounded, whatever Python's own Decimal takes."""
    _, (found,) = converted(NUMBER, value)
    assert found["type"] == "decimal_parsing"
    assert found["msg"].startswith("Input ")


def test_null_is_allowed_by_any_branch() -> None:
    """``nullable`` counts beside the union and inside it."""
    for schema in ({"anyOf": [{**NUMBER, "nullable": True}, TEXT]}, {"anyOf": [NUMBER, TEXT], "nullable": True}):
        assert converted(schema, None) == (None, [])


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "kind", "message"),
    [
        ({"minimum": 1}, "1", "0.99999999999999999999999", "greater_than_equal", "greater than or equal to 1"),
        ({"minimum": 0, "exclusiveMinimum": True}, "1e-36", "0", "greater_than", "greater than 0"),
        ({"minimum": 1.0e-36}, "1e-36", "0", "greater_than", "greater than 0"),
        ({"maximum": 0.1}, "0.1", "0.10000000000000000000001", "less_than_equal", "less than or equal to 0.1"),
        ({"maximum": 1.0e36}, "9" * 36, "1" + "0" * 35 + "0", "decimal_parsing", "more than 36 digits"),
        ({"maximum": 2, "exclusiveMaximum": True}, "1.9999999999999999999999", "2.0", "less_than", "less than 2"),
        ({"multipleOf": 0.01}, "19.99", "19.999", "multiple_of", "multiple of 0.01"),
        ({"multipleOf": 1.0e-8}, "0.00000007", "7e-9", "multiple_of", "multiple of 0.00000001"),
    ],
)
def test_bounds_hold_for_the_exact_number_in_either_spelling(
    bounds: dict[str, Any], good: str, bad: str, kind: str, message: str
) -> None:
    """A float would not see the difference."""
    schema = {"anyOf": [{**NUMBER, **bounds}, TEXT]}
    for spelled in (str, Decimal):
        assert converted(schema, spelled(good)) == (Decimal(good), [])
        _, (found,) = converted(schema, spelled(bad))
        assert found["type"] == kind
        assert message in found["msg"]
