"""Which order ids a connector can send."""

from __future__ import annotations

import pytest

from app.connectors.base import Capabilities
from app.connectors.registry import CONNECTORS, connector_class
from app.domain.enums import OrderType
from app.domain.errors import SchemaViolation
from app.services.markets.rules import check_client_order_id

NUMBERS = Capabilities(order_types=(OrderType.LIMIT,), client_id_pattern="[1-9][0-9]{0,18}")


@pytest.mark.parametrize("client_order_id", [None, "1", "1234567890123456789"])
def test_an_id_that_the_exchange_takes(client_order_id: str | None) -> None:
    """None is for one of ours."""
    check_client_order_id(client_order_id, "lighter", NUMBERS)


@pytest.mark.parametrize("client_order_id", ["", "abc", "012", "12345678901234567890", "1\n", "x1", "\u0661"])
def test_an_id_that_the_exchange_would_refuse(client_order_id: str) -> None:
    """It is named with the field and the rule, in the form in which the schema's own refusals come."""
    with pytest.raises(SchemaViolation) as caught:
        check_client_order_id(client_order_id, "lighter", NUMBERS)
    (fault,) = caught.value.faults
    assert fault == {
        "type": "string_pattern_mismatch",
        "loc": ["body", "client_order_id"],
        "msg": "String should match pattern '[1-9][0-9]{0,18}' on lighter",
        "input": client_order_id,
        "ctx": {"pattern": "[1-9][0-9]{0,18}"},
    }
    assert caught.value.status == 422


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_ids_of_ours_are_taken_everywhere(name: str) -> None:
    """No connector is narrower than the ids that we make."""
    check_client_order_id("og01kbmw0000abcdefghjkmnpq", name, connector_class(name).capabilities)
