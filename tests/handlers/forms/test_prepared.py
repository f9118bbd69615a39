"""Prepared schemas give what marshmallow gives, for what passes the contract and for what does not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import marshmallow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.caller import Actor
from app.domain.enums import EventKind, Liquidity, OrderState, OrderType, TradeType
from app.handlers.forms import fields
from app.handlers.forms.prepared import PreparedDump, PreparedLoad
from app.handlers.schemas import OrderEventSchema, OrderSchema, TradeRequestSchema, TradeResponseSchema

REQUEST, RESPONSE = TradeRequestSchema(), TradeResponseSchema()

MOMENT = datetime(2026, 11, 30, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

WORDS = st.sampled_from(["BUY", "SELL", "LIMIT", "MARKET", "LIMIT_MAKER", "OPEN", "CLOSE", "GTC", "", "x"])
VALUES = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False), st.lists(WORDS, max_size=1)
)
DOCUMENTS = st.dictionaries(st.sampled_from([*REQUEST.fields, "unknown"]), VALUES)
GOOD: dict[str, Any] = {
    "account_name": "main",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": Decimal("0.10"),
    "price": 5,
}


def outcome(load: Any, document: dict[str, Any]) -> Any:
    """What loading gives, or the faults that it names."""
    try:
        return load(dict(document))
    except marshmallow.ValidationError as error:
        return error.messages


@given(changes=DOCUMENTS)
def test_loading_is_marshmallow_s(changes: dict[str, Any]) -> None:
    """Whatever is in a document, the result or the refusal is the same, types included."""
    document = {**GOOD, **changes}
    prepared, own = outcome(PreparedLoad(REQUEST).load, document), outcome(REQUEST.load, document)
    assert prepared == own
    assert {name: type(value) for name, value in prepared.items()} == {name: type(v) for name, v in own.items()}


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_missing_fields_are_marshmallow_s(missing: str) -> None:
    """A required field that is not there is refused in the same words; another gets the same default or stays away."""
    document = {name: value for name, value in GOOD.items() if name != missing}
    assert outcome(PreparedLoad(REQUEST).load, document) == outcome(REQUEST.load, document)


@given(
    amount=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=8),
    state=st.sampled_from(OrderState),
    order_type=st.sampled_from(OrderType),
    order_id=st.text(),
    left_out=st.sets(st.sampled_from(["price", "state"])),
)
def test_dumping_is_marshmallow_s(
    amount: Decimal | None, state: OrderState, order_type: OrderType, order_id: str, left_out: set[str]
) -> None:
    """What travels is the same, and what is not there is left out."""
    values = {
        "order_id": order_id,
        "account_name": "main",
        "trade_type": TradeType.SELL,
        "amount": amount,
        "order_type": order_type,
        "price": amount,
        "state": state,
        "unknown": 1,
    }
    values = {name: value for name, value in values.items() if name not in left_out}
    assert PreparedDump(RESPONSE).dump(values) == RESPONSE.dump(values)


@pytest.mark.parametrize("fill", [None, {"price": Decimal("1E-8"), "liquidity": Liquidity.MAKER, "filled_at": MOMENT}])
def test_nested_values_are_marshmallow_s(fill: dict[str, Any] | None) -> None:
    """A mapping or an object in a field, lists of them, and moments of any zone travel as marshmallow writes them."""
    values = {
        "seq": 7,
        "kind": EventKind.FILLED,
        "at": MOMENT,
        "filled_amount": Decimal("0.10"),
        "fill": fill,
        "actor": Actor(name="ann", key_id=None, address="::1", request_id="r"),
    }
    event = OrderEventSchema()
    assert PreparedDump(event).dump(values) == event.dump(values)
    order = {"fees": [{"currency": "BNB", "amount": Decimal("1E-9")}, {"currency": "BTC", "amount": None}]}
    assert PreparedDump(OrderSchema()).dump(order) == OrderSchema().dump(order)


def test_the_usual_document_needs_no_marshmallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order as callers send it is loaded by the prepared form alone."""
    schema = TradeRequestSchema()
    prepared = PreparedLoad(schema)
    monkeypatch.setattr(schema, "load", None)
    assert prepared.load(GOOD)["order_type"] is OrderType.LIMIT


class Hooked(marshmallow.Schema):
    """A schema that does something of its own."""

    name = fields.String()

    @marshmallow.post_load
    def shout(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {key: value.upper() for key, value in values.items()}


class Moment(marshmallow.Schema):
    """A field without a prepared form."""

    at = fields.UnixMilliseconds()


class Checked(marshmallow.Schema):
    """A field that validates."""

    name = fields.String(validate=lambda text: len(text) < 3)


@pytest.mark.parametrize("schema", [Hooked(), Moment(), Checked()], ids=lambda schema: type(schema).__name__)
def test_what_can_t_be_prepared_is_refused(schema: marshmallow.Schema) -> None:
    """Hooks, validators and other kinds of fields have no prepared form; the server does not start with one."""
    with pytest.raises(TypeError):
        PreparedLoad(schema)
    with pytest.raises(TypeError):
        PreparedDump(schema)
