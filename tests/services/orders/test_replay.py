"""What a caller is told whose key was used before."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.domain.enums import OrderState
from app.domain.errors import ExchangeDown, IdempotencyConflict, InsufficientBalance, OrderRefused, RequestInProgress
from app.domain.order import Order, OrderRequest, intended
from app.services.orders.replay import check_replay
from tests.clock import START
from tests.services.world import request

DEADLINE = START + timedelta(seconds=12)
ASKED = request(idempotency_key="k")


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
