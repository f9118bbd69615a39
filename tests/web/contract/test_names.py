"""Names that the contract does not have: which are mistakes, which are ignored, and what an unreadable ignored field decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.contract.body import split_members
from app.web.contract.faults import Fault
from app.web.contract.names import BodyNames, HeaderNames, Names, header_value
from app.web.contract.vocabulary import NOT_DONE, SYNONYMS
from openapi import load_spec

ORDER = load_spec()["components"]["schemas"]["TradeRequest"]
FIELDS = frozenset(ORDER["properties"])


def order_names() -> Names:
    """Those of the body of an order."""
    return BodyNames(ORDER, not_done=NOT_DONE["trading.place_order"]).names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("reduceOnly", "reduce_only"),
        ("REDUCE_ONLY", "reduce_only"),
        ("reduce-only", "reduce_only"),
        ("reduceonly", "reduce_only"),
        ("timeInForce", "time_in_force"),
        ("clientOrderId", "client_order_id"),
        ("newClientOrderId", "client_order_id"),
        ("amounts", "amount"),
        ("ammount", "amount"),
        ("amuont", "amount"),
        ("trading_par", "trading_pair"),
        ("symbol", "trading_pair"),
        ("side", "trade_type"),
        ("type", "order_type"),
        ("qty", "amount"),
        ("quoteOrderQty", "quote_amount"),
        ("exchange", "connector_name"),
        ("accounts", "account_name"),
        ("connector", "connector_name"),
        ("limitPrice", "price"),
    ],
)
def test_a_near_miss_is_told_the_right_spelling(name: str, meant: str) -> None:
    """Case, separators, one letter, number, and what others call it."""
    advice = order_names().advice(name)
    assert advice is not None
    assert f"Did you mean '{meant}'?" in advice


@pytest.mark.parametrize("name", sorted(NOT_DONE["trading.place_order"]))
def test_what_an_order_does_not_do_is_refused_with_what_to_do(name: str) -> None:
    """The advice is about the word, and no word of the contract is among them."""
    advice = order_names().advice(name)
    assert advice is not None
    assert name in advice
    assert len(advice) > 40
    assert name not in {field.replace("_", "") for field in FIELDS}


@pytest.mark.parametrize(
    "name", ["note", "strategy", "metadata", "controller_id", "tag", "x", "", "é", "foo bar", "id", "source"]
)
def test_other_names_are_ignored(name: str) -> None:
    """Callers keep their own notes beside an order."""
    assert order_names().advice(name) is None


def test_synonyms_are_written_as_they_are_compared() -> None:
    """A word with a separator or a capital would never be found."""
    words = [word for known in SYNONYMS.values() for word in known] + [
        word for each in NOT_DONE.values() for word in each
    ]
    assert [word for word in words if not word.isalnum() or word != word.lower()] == []


@given(st.sampled_from(sorted(FIELDS)), st.data())
def test_one_slip_of_the_finger_is_seen(field: str, data: st.DataObject) -> None:
    """A letter that is missing, twice, or in its neighbour's place, in any word of five letters and more."""
    at = data.draw(st.integers(0, len(field) - 2))
    slips = [
        field[:at] + field[at + 1 :],
        field[:at] + field[at] + field[at:],
        field[:at] + field[at + 1] + field[at] + field[at + 2 :],
    ]
    for slip in slips:
        if slip not in FIELDS and len(slip.replace("_", "")) > 4:
            assert order_names().advice(slip) is not None


def test_nothing_is_made_of_names_that_are_known() -> None:
    """Not even a list."""
    faults: list[Fault] = []
    ignored: list[str] = []
    BodyNames(ORDER).sort_out(dict.fromkeys(FIELDS, 1), ("body",), faults, ignored)
    assert (faults, ignored) == ([], [])


def test_objects_in_objects_are_looked_at_too() -> None:
    """Each by its own names; one that takes any name takes any."""
    schema = {"properties": {"token": {"properties": {"token_name": {}}}, "free": {"additionalProperties": {}}}}
    faults: list[Fault] = []
    ignored: list[str] = []
    document = {"token": {"tokenName": "x", "note": 1}, "free": {"tokenName": 1}}
    BodyNames(schema).sort_out(document, ("body",), faults, ignored)
    assert [fault["loc"] for fault in faults] == [["body", "token", "tokenName"]]
    assert ignored == ["token.note"]


@pytest.mark.parametrize(
    "name",
    [
        b"x-idempotency-key",
        b"idempotency_key",
        b"idempotencykey",
        b"idempotency-keys",
        b"x-idempotent-key",
        b"idempotancy-key",
    ],
)
def test_a_header_that_nearly_is_one_is_refused(name: bytes) -> None:
    """It would have given no protection."""
    faults: list[Fault] = []
    HeaderNames(["Idempotency-Key"]).sort_out({b"host": b"x", name: b"k"}, faults, [])
    assert [fault["loc"] for fault in faults] == [["header", name.decode()]]
    assert "Idempotency-Key" in faults[0]["msg"]


def test_other_headers_are_nobodys_business() -> None:
    """Proxies, browsers and programs add what they like."""
    faults: list[Fault] = []
    headers = {
        b"x-client-version": b"1",
        b"x-trace": b"1",
        b"cf-worker": b"1",
        b"date": b"x",
        b"x-account": b"me",
        b"idempotency-key": b"k",
    }
    HeaderNames(["Idempotency-Key"], order_names()).sort_out(headers, faults, [])
    assert faults == []


def test_the_header_of_ignored_names_is_short_and_harmless() -> None:
    """Whatever the names hold: the header's form is not theirs to break."""
    value = header_value(["a", "b,c", "d\r\nSet-Cookie: x", "é", *map(str, range(100)), "x" * 1000])
    assert value.startswith(b"a, b%2Cc, d%0D%0ASet-Cookie%3A%20x, %C3%A9, 0, ")
    assert value.endswith(b", ...")
    assert len(value) < 200


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (b'{"a": 1.50, "x": 8e270}', b'{"a":1.50}'),
        (b'{"x": {"y": [1e999]}, "a": "\\u00e9"}', b'{"a":"\\u00e9"}'),
        (b'{"x": 1, "x": 2, "a": null}', b'{"a":null}'),
        (b'{"a": 1, "a": 2, "x": 3}', None),
        (b"[1e999]", None),
        (b'{"a": 1', None),
    ],
)
def test_the_known_part_of_an_object_is_kept_to_the_letter(body: bytes, known: bytes | None) -> None:
    """A known name that comes twice stays what it is, a mistake."""
    parts = split_members(body, {"a"})
    assert (None if parts is None else parts.known) == known
