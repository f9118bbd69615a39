"""What is refused before anything is written: ids that the exchange does not take, and keys that were used before."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.base import Capabilities
from app.connectors.registry import CONNECTORS, connector_class
from app.domain.enums import OrderState, OrderType
from app.domain.errors import (
    ExchangeDown,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidClientOrderId,
    OrderRefused,
    RequestInProgress,
)
from app.domain.order import Order, OrderRequest, intended
from app.services.orders.checks import check_client_order_id, check_replay
from tests.clock import START
from tests.services.world import request

DEADLINE = START + timedelta(seconds=12)
ASKED = request(idempotency_key="k")
NUMBERS = Capabilities(order_types=(OrderType.LIMIT,), client_id_pattern="[1-9][0-9]{0,18}")


def stored(asked: OrderRequest = ASKED, **changes: object) -> Order:
    order = intended(asked, order_id=asked.client_order_id or "o1", at=START, terms=asked.terms())
    return structs.replace(order, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", sorted(set(OrderState) - {OrderState.PENDING, OrderState.REJECTED}))
def test_the_order_answers_in_any_other_state(state: OrderState) -> None:
    """Unknown, open or done: the order as it stands is the answer."""
    check_replay(ASKED, stored(state=state), now=START, deadline=DEADLINE)


def test_while_the_first_runs_there_is_no_answer() -> None:
    """The caller is told when it must have ended; after that the order answers, whatever is known of it."""
    with pytest.raises(RequestInProgress) as caught:
        check_replay(ASKED, stored(), now=START + timedelta(seconds=5), deadline=DEADLINE)
    assert caught.value.retry_after == timedelta(seconds=7)
    assert caught.value.order_id == "o1"
    check_replay(ASKED, stored(), now=DEADLINE, deadline=DEADLINE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("insufficient_balance", InsufficientBalance), ("exchange_down", ExchangeDown), ("never_arrived", OrderRefused)],
)
def test_a_refusal_is_repeated(code: str, kind: type[Exception]) -> None:
    """With its own class and text, the order's id, and without the hope that repeating helps."""
    order = stored(state=OrderState.REJECTED, error_code=code, error_message="no")
    with pytest.raises(kind, match="no") as caught:
        check_replay(ASKED, order, now=START, deadline=DEADLINE)
    assert type(caught.value) is kind
    assert (caught.value.order_id, caught.value.retryable) == ("o1", False)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "first", "text"),
    [
        (request(idempotency_key="k", price=Decimal(1)), request(idempotency_key="k"), "Idempotency-Key 'k'"),
        (request(client_order_id="c", price=Decimal(1)), request(client_order_id="c"), "client_order_id 'c'"),
        (
            request(client_order_id="c", idempotency_key="k1"),
            request(client_order_id="c", idempotency_key="k2"),
            "client_order_id 'c'",
        ),
    ],
)
def test_other_terms_are_a_conflict(asked: OrderRequest, first: OrderRequest, text: str) -> None:
    """And the conflict names what was used before."""
    with pytest.raises(IdempotencyConflict, match=text):
        check_replay(asked, stored(first), now=START, deadline=DEADLINE)


def test_a_key_on_one_side_only_is_no_conflict() -> None:
    """The client order id alone names the order."""
    check_replay(
        request(client_order_id="c"),
        stored(request(client_order_id="c", idempotency_key="k"), state=OrderState.OPEN),
        now=START,
        deadline=DEADLINE,
    )


# -- client order ids -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client_order_id", [None, "1", "1234567890123456789"])
def test_an_id_that_the_exchange_takes(client_order_id: str | None) -> None:
    """None is for one of ours."""
    check_client_order_id(client_order_id, "lighter", NUMBERS)


@pytest.mark.parametrize("client_order_id", ["", "abc", "012", "12345678901234567890", "1\n", "x1", "\u0661"])
def test_an_id_that_the_exchange_would_refuse(client_order_id: str) -> None:
    """The refusal carries the id and the rule, for the edge to word."""
    with pytest.raises(InvalidClientOrderId) as caught:
        check_client_order_id(client_order_id, "lighter", NUMBERS)
    error = caught.value
    assert (error.client_order_id, error.connector_name, error.pattern) == (
        client_order_id,
        "lighter",
        "[1-9][0-9]{0,18}",
    )
    assert error.status == 422


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_ids_of_ours_are_taken_everywhere(name: str) -> None:
    """No connector is narrower than the ids that we make."""
    check_client_order_id("og01kbmw0000abcdefghjkmnpq", name, connector_class(name).capabilities)
