"""Compiled schemas: what they accept, fill in, convert and say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import SchemaViolation, UnreadableBody
from app.web.contract.faults import Fault
from app.web.contract.schema import CompiledSchema, Unsupported, decimal_node, flat

AMOUNT = {"type": "number", "format": "decimal", "minimum": 0, "exclusiveMinimum": True}


def faults_of(schema: dict[str, Any], value: Any) -> list[Any]:
    with pytest.raises(SchemaViolation) as violation:
        CompiledSchema(schema).check(value, ("body",))
    return violation.value.faults


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_decimals_are_found_at_every_depth() -> None:
    """In properties, lists, maps and merged parts."""
    schema = obj(
        a=AMOUNT,
        b={"type": "array", "items": AMOUNT},
        c={"type": "object", "additionalProperties": AMOUNT},
        d={"allOf": [obj(e=AMOUNT), obj(f=AMOUNT)]},
        g={"allOf": [AMOUNT], "description": "merged", "nullable": True},
    )
    value = {"a": "1", "b": ["2", 3], "c": {"x": "4"}, "d": {"e": "5", "f": 6}, "g": None}
    assert CompiledSchema(schema).check(value, ("body",)) == {
        "a": Decimal(1),
        "b": [Decimal(2), Decimal(3)],
        "c": {"x": Decimal(4)},
        "d": {"e": Decimal(5), "f": Decimal(6)},
        "g": None,
    }
    bad = {"a": 0, "b": ["2", "x"], "c": {"x": -1}, "d": {"e": "5", "f": []}, "g": "?"}
    assert [fault["loc"] for fault in faults_of(schema, bad)] == [
        ["body", "a"],
        ["body", "b", 1],
        ["body", "c", "x"],
        ["body", "d", "f"],
        ["body", "g"],
    ]


def test_defaults_are_filled_in_fresh_and_converted() -> None:
    """Where a property is absent, also beside a reference; a list is never shared between requests."""
    schema = CompiledSchema(
        obj(a={**AMOUNT, "default": "0.5"}, b={"allOf": [{"type": "string"}], "default": "x"}, c={"default": []})
    )
    first = schema.check({}, ("body",))
    assert first == {"a": Decimal("0.5"), "b": "x", "c": []}
    first["c"].append(1)
    assert schema.check({"b": "y"}, ("body",)) == {"a": Decimal("0.5"), "b": "y", "c": []}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "nullable": True, "enum": ["a"]}, None),
        ({"type": "string", "nullable": True, "minLength": 2}, None),
        ({"nullable": True, "anyOf": [{"type": "string"}]}, None),
        ({"nullable": True, "enum": ["a"]}, None),
        ({"type": "integer", "minimum": 5, "maximum": 5}, 5),
        ({"type": "number", "maximum": 0.3}, Decimal("0.3")),
        ({"type": "string", "format": "unheard-of"}, "x"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z"),
        (obj(a={"type": "string"}), {"b": 10**400, "c": [Decimal(1)]}),
    ],
)
def test_what_is_accepted(schema: dict[str, Any], value: Any) -> None:
    """Null where it is allowed in whatever way, own formats, unknown fields."""
    assert CompiledSchema(schema).check(value, ()) == value


@pytest.mark.parametrize(
    ("schema", "value", "kind", "message"),
    [
        ({"type": "string"}, 5, "string_type", "Input should be a valid string"),
        ({"type": "integer"}, Decimal("1.0"), "int_type", "Input should be a valid integer"),
        ({"type": "integer"}, True, "int_type", "Input should be a valid integer"),
        ({"type": "integer", "nullable": True}, "1", "int_type", "Input should be a valid integer"),
        ({"type": "integer"}, 2**63, "less_than_equal", f"Input should be less than or equal to {2**63 - 1}"),
        ({"type": "object"}, None, "object_type", "Input should be a JSON object"),
        ({"type": "array", "items": {}}, {}, "list_type", "Input should be a valid list"),
        ({"type": "boolean"}, "true", "bool_type", "Input should be a valid boolean"),
        ({"enum": ["BUY", "SELL"]}, "buy", "literal_error", "Input should be 'BUY' or 'SELL'. Did you mean BUY?"),
        ({"enum": ["BUY", "SELL"]}, "LONG", "literal_error", "Input should be 'BUY' or 'SELL'"),
        ({"pattern": "^a$", "x-rule": "An a"}, "b", "string_pattern_mismatch", "An a"),
        (
            {"type": "integer", "maximum": 5, "x-unit": "seconds"},
            6,
            "less_than_equal",
            "Input should be less than or equal to 5, in seconds",
        ),
        (
            {"type": "string", "enum": ["A", "B", "C", None], "nullable": True},
            "D",
            "literal_error",
            "Input should be 'A', 'B' or 'C'",
        ),
        ({"enum": ["A"]}, "D", "literal_error", "Input should be 'A'"),
        ({"minLength": 2}, "a", "string_too_short", "String should have at least 2 characters"),
        ({"maxLength": 1}, "ab", "string_too_long", "String should have at most 1 characters"),
        ({"pattern": "^a{2}$"}, "aa\n", "string_pattern_mismatch", "String should match pattern '^a{2}$'"),
        ({"type": "string", "format": "date"}, "x", "format", "Input should be a valid date"),
        ({"minItems": 1}, [], "too_short", "List should have at least 1 items"),
        ({"maxItems": 1}, [1, 2], "too_long", "List should have at most 1 items"),
        ({"uniqueItems": True}, [1, 1], "unique_items", "List items should be unique"),
        ({"minProperties": 1}, {}, "too_short", "The object should have at least 1 members"),
        ({"maxProperties": 0}, {"a": 1}, "too_long", "The object should have at most 0 members"),
        (
            {"type": "number", "maximum": 0.3},
            Decimal("0.30000000000000000001"),
            "less_than_equal",
            "Input should be less than or equal to 0.3",
        ),
        (
            {"type": "number", "multipleOf": 0.01},
            Decimal("19.999"),
            "multiple_of",
            "Input should be a multiple of 0.01",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            [],
            "union_error",
            "Input should match one of the allowed forms",
        ),
        ({"oneOf": [{}, {}]}, 1, "union_error", "Input should match exactly one of the allowed forms"),
        ({"not": {"type": "string"}}, "x", "value_error", "Input is not valid"),
        (
            {"type": "object", "additionalProperties": False},
            {"a": 1},
            "extra_forbidden",
            "There is no such field here: leave it out",
        ),
    ],
)
def test_the_words_for_each_fault(schema: dict[str, Any], value: Any, kind: str, message: str) -> None:
    """Types and sentences in the manner that existing callers parse."""
    (fault,) = faults_of(schema, value)
    assert (fault["type"], fault["msg"], fault["loc"]) == (kind, message, ["body"])


def test_all_faults_are_told_at_once_and_at_most_fifty() -> None:
    """A caller mends everything in one go; a bad list of thousands gives no answer of thousands."""
    schema = {**obj(a={"type": "string"}, b=AMOUNT), "required": ["c"]}
    assert [(f["type"], f["loc"]) for f in faults_of(schema, {"a": 1, "b": 0})] == [
        ("greater_than", ["body", "b"]),
        ("missing", ["body", "c"]),
        ("string_type", ["body", "a"]),
    ]
    assert len(faults_of({"type": "array", "items": {"type": "string"}}, [1] * 5000)) == 50


def test_the_validators_own_limit_of_depth_is_a_refusal() -> None:
    """Even for values that did not come through our decoder."""
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(UnreadableBody):
        CompiledSchema({"type": "object"}).check(value, ())


def test_a_union_that_would_have_to_convert_is_left_to_connexion() -> None:
    """Only the branch that matches may fill in or convert, and that is known too late."""
    with pytest.raises(Unsupported, match="anyOf"):
        CompiledSchema({"anyOf": [obj(a=AMOUNT), obj(b={"type": "string"})]})


def test_flat_merges_one_part_with_annotations_only() -> None:
    """A second part or a constraint beside it stays what it is."""
    assert flat({"allOf": [{"type": "string"}], "default": "x"}) == {"type": "string", "default": "x"}
    for schema in ({"allOf": [{}, {}]}, {"allOf": [{}], "minLength": 1}):
        assert flat(schema) is schema


NULL = {"nullable": True, "enum": [None]}


def test_flat_takes_a_part_and_null_as_one() -> None:
    """A reference that may be null is a union in OpenAPI 3.0; more parts, a constraint beside it, or no null make a real one."""
    word = {"type": "string", "enum": ["a"]}
    assert flat({"anyOf": [word, {"type": "string", **NULL}], "description": "x"}) == {
        **word,
        "nullable": True,
        "description": "x",
    }
    for schema in (
        {"anyOf": [word, word, {"type": "string", **NULL}]},
        {"anyOf": [word, {"type": "string", **NULL}], "minLength": 1},
        {"anyOf": [word]},
        {"anyOf": [word, {"type": "string", "nullable": True}]},
    ):
        assert flat(schema) is schema


def test_a_part_or_null_is_checked_as_the_part() -> None:
    """Null passes, a fault is told with the words that the part allows, and decimals and defaults inside are seen to."""
    word = {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "string", **NULL}]}
    box = {"anyOf": [obj(n=AMOUNT, d={"default": 1}), {"type": "object", **NULL}]}
    schema = obj(word=word, box=box)
    assert CompiledSchema(schema).check({"word": None, "box": None}, ("body",)) == {"word": None, "box": None}
    assert CompiledSchema(schema).check({"word": "a", "box": {"n": "1"}}, ("body",)) == {
        "word": "a",
        "box": {"n": Decimal(1), "d": 1},
    }
    assert [(fault["loc"], fault["type"], fault["msg"]) for fault in faults_of(schema, {"word": "c", "box": 1})] == [
        (["body", "word"], "literal_error", "Input should be 'a' or 'b'"),
        (["body", "box"], "object_type", "Input should be a JSON object"),
    ]


# -- decimals: both spellings, exact bounds ----------------------------------------------------------------------------


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
