"""The contract as a document: complete, consistent, and with examples that keep their own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.decimals import parse_decimal, plain
from app.domain.ids import is_client_order_id, new_order_id
from openapi import SPEC_PATH
from tests.domain.orders import T0
from tests.openapi.contract import SPEC, Operation, examples, faults, json_schema, operations, resolve

OPERATIONS = operations()
SCHEMAS = SPEC["components"]["schemas"]
#: Readiness answers in one form, whether ready or not, so that a probe reads one kind of document.
#: Readiness tells what is missing in its own form; what is no request has no id.
NOT_PROBLEMS = {("system.get_readiness", "503")} | {
    (f"system.{name}", "400") for name in ("get_root", "get_health", "get_liveness", "get_readiness")
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def test_the_document_merges_nothing() -> None:
    """YAML 1.2 has no merge keys, so half of the tools read one as a field of that name."""
    assert re.findall(r"^\s*<<:.*$", SPEC_PATH.read_text(encoding="utf-8"), re.MULTILINE) == []


def test_contract_has_operations() -> None:
    """The tests below run over every operation of every path."""
    assert len(OPERATIONS) >= 13
    assert {operation.path for operation in OPERATIONS} == set(SPEC["paths"])


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("reference", sorted(set(references(SPEC))))
def test_reference_leads_somewhere(reference: str) -> None:
    """Every reference names something."""
    assert resolve({"$ref": reference})


# -- operations ---------------------------------------------------------------------------------------------------------


@each_operation
def test_operation_is_described(operation: Operation) -> None:
    """Every operation has an id of the form module.function, a summary without a full stop, a description and one declared tag."""
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", operation.node["operationId"])
    assert operation.node["summary"]
    assert operation.node["description"]
    assert not operation.node["summary"].endswith(".")
    (tag,) = operation.node["tags"]
    assert tag in {declared["name"] for declared in SPEC["tags"]}


def test_operation_ids_are_unique() -> None:
    """An operation id names one operation."""
    ids = [operation.node["operationId"] for operation in OPERATIONS]
    assert sorted(set(ids)) == sorted(ids)


@each_operation
def test_path_parameters_are_declared(operation: Operation) -> None:
    """Every name in the path is a required parameter, and no other is declared in the path."""
    declared = [parameter for parameter in operation.parameters() if parameter["in"] == "path"]
    assert {parameter["name"] for parameter in declared} == set(re.findall(r"{(\w+)}", operation.path))
    assert all(parameter["required"] for parameter in declared)


@each_operation
def test_examples_of_parameters_are_valid(operation: Operation) -> None:
    """What a parameter shows as its example is allowed."""
    for parameter in operation.parameters():
        for example in examples(parameter):
            assert faults(parameter["schema"], example) == [], parameter["name"]


@each_operation
def test_request_bodies_have_valid_examples(operation: Operation) -> None:
    """Every request body shows at least one example, and each can be sent as it stands."""
    if "requestBody" not in operation.node:
        return
    body = resolve(operation.node["requestBody"])
    # Who signs in without a code sends none, as before there were codes.
    assert body["required"] or operation.path == "/console/session"
    assert set(body["content"]) == {"application/json"}
    shown = examples(body["content"]["application/json"])
    assert shown
    for example in shown:
        assert faults(body["content"]["application/json"]["schema"], example) == []


@each_operation
def test_answers_have_valid_examples(operation: Operation) -> None:
    """Every JSON answer, of success or failure, shows at least one example that keeps its schema."""
    for status, response in operation.responses():
        assert response["description"], status
        for media_type, content in response.get("content", {}).items():
            if not media_type.endswith("json"):
                continue
            assert examples(content), status
            for example in examples(content):
                assert faults(content["schema"], example) == [], status


@each_operation
def test_success_is_declared(operation: Operation) -> None:
    """Every operation declares at least one answer of success, and one that says what a caller did wrong."""
    assert {"2", "4"} <= {status[0] for status, _ in operation.responses()}


def test_paths_end_without_a_slash() -> None:
    """Linters and generators want none; where callers have always written one, the path item says so."""
    assert [path for path in SPEC["paths"] if path.endswith("/") and path != "/"] == []
    also = {item["x-also-at"] for item in SPEC["paths"].values() if "x-also-at" in item}
    assert also == {"/accounts/", "/connectors/"}


@each_operation
def test_refused_credentials_are_declared(operation: Operation) -> None:
    """An operation that asks for credentials declares 401, with the header that says how; the others don't."""
    found = dict(operation.responses())
    assert ("401" in found) == operation.is_secured
    if operation.is_secured:
        assert resolve(found["401"]["headers"]["WWW-Authenticate"])["required"]


def test_open_operations() -> None:
    """Only what a probe must reach is open to everybody; and signing out, after which nobody is signed in."""
    assert {str(operation) for operation in OPERATIONS if not operation.is_secured} == {
        "get /",
        "get /health",
        "get /health/live",
        "get /health/ready",
        "delete /console/session",
    }


@each_operation
def test_errors_are_problem_documents(operation: Operation) -> None:
    """Every declared error is a problem document with all that callers rely on, and its example bears its status."""
    for status, response in operation.responses():
        if int(status) < 400 or (operation.node["operationId"], status) in NOT_PROBLEMS:
            continue
        assert list(response["content"]) == ["application/problem+json"], status
        content = response["content"]["application/problem+json"]
        required = {"type", "title", "status", "detail", "code", "retryable", "request_id"}
        assert required <= set(json_schema(content["schema"])["required"]), status
        for example in examples(content):
            assert example["status"] == int(status)
            assert re.fullmatch(r"[a-z_]+", example["code"])


@each_operation
def test_body_faults_are_declared(operation: Operation) -> None:
    """An operation that takes a body declares what can be wrong with one; one with parameters, that they can be wrong."""
    found = {status for status, _ in operation.responses()}
    if "requestBody" in operation.node:
        assert {"400", "413", "415", "422"} <= found
    if list(operation.parameters()):
        assert "422" in found


# -- schemas ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schema_is_sound(name: str) -> None:
    """Required properties exist, defaults and examples are allowed, and unknown request fields are not refused."""
    node = SCHEMAS[name]
    known = set(node.get("properties", {}))
    for part in node.get("allOf", ()):
        known |= set(resolve(part).get("properties", {}))
    if known:
        assert set(node.get("required", ())) <= known
    assert node.get("additionalProperties") is not False
    for child in (node, *node.get("properties", {}).values()):
        for key in ("default", "example"):
            if key in child:
                assert faults(child, child[key]) == [], f"{name}: {key}"


def inline_enums(node: Any, place: str) -> Iterator[str]:
    """Where a choice of words stands. Null alone is none: it is how OpenAPI 3.0 adds null to a reference."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from inline_enums(child, f"{place}/{index}")
    elif isinstance(node, dict):
        if node.get("enum", [None]) != [None]:
            yield place
        for key, child in node.items():
            if key not in ("example", "examples"):
                yield from inline_enums(child, f"{place}/{key}")


def test_words_have_names() -> None:
    """Every choice of words is a component, so that a generated client has one type for it, with a name that says what it is."""
    inline = set(inline_enums(SPEC, ""))
    assert {place for place in inline if not re.fullmatch(r"/components/schemas/\w+", place)} == set()
    assert "/components/schemas/TradeType" in inline


def test_objects_are_never_null_by_name() -> None:
    """Where an object may be null, its place says so: a component that may be null has no good name in a generated client."""
    assert [name for name, node in SCHEMAS.items() if node.get("nullable") and "properties" in node] == []


def test_resolver_understands_nullable() -> None:
    """Null is allowed exactly where a schema says so, by itself, in a list of alternatives or behind a reference."""
    assert faults({"type": "string", "nullable": True}, None) == []
    assert faults({"type": "string"}, None) != []
    assert faults({"$ref": "#/components/schemas/NullablePositiveDecimal"}, None) == []
    assert faults({"$ref": "#/components/schemas/PositiveDecimal"}, None) != []
    assert faults({"type": "string", "format": "date-time"}, "2026-11-22T09:30:00") != []
    assert faults({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0) != []


TRADE = {"account_name": "a", "connector_name": "paper", "trading_pair": "A-B", "trade_type": "BUY", "amount": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amount": "0.001"},
        {"amount": 1e-36},
        {"amount": "1e-8"},
        {"amount": None, "quote_amount": "25"},
        {"price": None},
        {"price": 123.45, "order_type": "LIMIT_MAKER", "time_in_force": "GTC"},
        {"time_in_force": None, "client_order_id": None},
        {"client_order_id": "my-order_1"},
        {"position_action": "CLOSE", "reduce_only": True},
        {"leverage": 3, "unknown": {"field": "ignored"}},
    ],
)
def test_orders_that_callers_send(changes: dict[str, Any]) -> None:
    """Numbers as numbers or text, nulls and unknown fields are all taken."""
    assert faults(SCHEMAS["TradeRequest"], TRADE | changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "0.000"},
        {"amount": "NaN"},
        {"amount": "1e400"},
        {"amount": "1,5"},
        {"amount": True},
        {"amount": []},
        {"price": 0},
        {"trade_type": "buy"},
        {"trade_type": None},
        {"order_type": "STOP"},
        {"order_type": None},
        {"time_in_force": "DAY"},
        {"reduce_only": "yes"},
        {"client_order_id": ""},
        {"client_order_id": "x" * 33},
        {"client_order_id": "a/b"},
        {"account_name": ""},
        {"account_name": "a/b"},
        {"account_name": "a\x00b"},
        {"trading_pair": 5},
        {"trading_pair": "x" * 101},
    ],
)
def test_orders_that_break_the_schema(changes: dict[str, Any]) -> None:
    """Amounts that are none, other words and names with signs that a path can't hold are refused."""
    assert faults(SCHEMAS["TradeRequest"], TRADE | changes) != []


@pytest.mark.parametrize("missing", ["account_name", "connector_name", "trading_pair", "trade_type"])
def test_fields_without_which_nothing_is_placed(missing: str) -> None:
    """Account, connector, pair and side have no defaults."""
    body = {key: value for key, value in TRADE.items() if key != missing}
    assert faults(SCHEMAS["TradeRequest"], body) != []


(TEXT_AMOUNT,) = [part["pattern"] for part in SCHEMAS["PositiveDecimal"]["anyOf"] if "pattern" in part]


@given(st.from_regex(re.compile(TEXT_AMOUNT, re.ASCII), fullmatch=True))
def test_every_text_that_the_schema_takes_is_a_number(text: str) -> None:
    """What the pattern for amounts allows is a number above zero within the bounds of the domain."""
    number = parse_decimal(text)
    assert number > 0
    assert faults(SCHEMAS["NullableDecimalText"], plain(number)) == []


@given(st.decimals("1e-18", "999999999999999999", allow_nan=False, allow_infinity=False, places=18))
def test_every_number_that_is_written_is_taken_back(number: Decimal) -> None:
    """An amount that an answer shows as text can be sent again as it is."""
    assert faults(SCHEMAS["PositiveDecimal"], plain(number)) == []
    assert faults(SCHEMAS["NullableDecimalText"], plain(number)) == []


def test_client_order_id_of_schema_and_domain_agree() -> None:
    """Schema and domain take the same client order ids, our own among them."""
    schema = SCHEMAS["TradeRequest"]["properties"]["client_order_id"]
    for text in ("a", "x" * 32, "x" * 33, "", "a b", "A-b_9", "é", new_order_id(T0, lambda _: 7, "here00")):
        assert (faults(schema, text) == []) == is_client_order_id(text), text
