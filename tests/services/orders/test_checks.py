"""What is refused before anything is written: ids that the exchange does not take, and keys that were used before."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.capabilities import Capabilities
from app.connectors.registry import CONNECTORS, connector_class
from app.domain.enums import OrderState, OrderType
from app.domain.errors import (
    REFUSALS,
    CredentialsRefused,
    ExchangeDown,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidClientOrderId,
    OrderRefused,
    Refused,
    RequestInProgress,
    RuleViolation,
)
from app.domain.order import Order, OrderRequest
from app.services.orders.checks import check_client_order_id, check_replay, check_unchanged, refusal_of
from app.services.orders.preparing import intended
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
    assert "repeat the request with the same key in a moment" in caught.value.detail
    assert caught.value.retry_after == timedelta(seconds=7)
    assert caught.value.order_id == "o1"
    check_replay(ASKED, stored(), now=DEADLINE, deadline=DEADLINE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_balance", InsufficientBalance),
        ("credentials_refused", CredentialsRefused),
        ("-2010", OrderRefused),
        (None, OrderRefused),
    ],
)
def test_a_refusal_for_good_is_repeated(code: str | None, kind: type[Exception]) -> None:
    """With its own class and text, the order's id, and without the hope that repeating helps."""
    order = stored(state=OrderState.REJECTED, error_code=code, error_message="no")
    with pytest.raises(kind, match="no") as caught:
        check_replay(ASKED, order, now=START, deadline=DEADLINE)
    assert type(caught.value) is kind
    assert (caught.value.order_id, caught.value.retryable) == ("o1", False)  # type: ignore[attr-defined]


#: Every refusal that says of itself that it passes, and a conclusion that is one.
PASSING = [*((code, kind) for code, kind in REFUSALS.items() if kind.retryable), ("never_arrived", ExchangeDown)]


@pytest.mark.parametrize(("code", "kind"), PASSING)
def test_a_refusal_that_passes_is_repeated_during_its_hold(code: str, kind: type[Exception]) -> None:
    """Until then the caller hears how long to wait; afterwards, and without a hold, the order may be retried."""
    order = stored(
        state=OrderState.REJECTED, error_code=code, error_message="no", held_until=START + timedelta(seconds=7)
    )
    with pytest.raises(kind, match="no") as caught:
        check_replay(ASKED, order, now=START + timedelta(seconds=3), deadline=DEADLINE)
    assert type(caught.value) is kind
    error = caught.value
    assert (error.order_id, error.retryable, error.retry_after) == ("o1", True, timedelta(seconds=4))  # type: ignore[attr-defined]
    check_replay(ASKED, order, now=START + timedelta(seconds=7), deadline=DEADLINE)
    check_replay(ASKED, order, now=START - timedelta(hours=1), deadline=DEADLINE)
    check_replay(ASKED, structs.replace(order, held_until=None), now=START, deadline=DEADLINE)


@pytest.mark.parametrize(("code", "kind"), PASSING)
def test_what_the_exchange_has_shown_is_not_retryable(code: str, kind: type[Exception]) -> None:
    """A number or a fill of the exchange means that the order is, or was, there."""
    refused = stored(state=OrderState.REJECTED, error_code=code)
    assert refused.is_retryable
    assert not structs.replace(refused, exchange_order_id="7").is_retryable
    assert not structs.replace(refused, filled_amount=Decimal(1)).is_retryable
    assert not any(structs.replace(refused, state=state).is_retryable for state in set(OrderState) - {refused.state})


def test_rules_that_make_another_order_of_the_request() -> None:
    """What is sent again is what was recorded, or nothing."""
    check_unchanged(ASKED, stored())
    for changes in (
        {"amount": Decimal("0.02")},
        {"price": Decimal(39_999)},
        {"amount": None, "quote_amount": Decimal(1)},
    ):
        with pytest.raises(RuleViolation, match="have changed") as caught:
            check_unchanged(structs.replace(ASKED, **changes), stored())
        assert caught.value.order_id == "o1"


@pytest.mark.parametrize(
    ("asked", "first", "text"),
    [
        (
            request(idempotency_key="k", price=Decimal(1), amount=Decimal(7)),
            request(idempotency_key="k"),
            "Idempotency-Key 'k' was .* with other terms: what differs is amount, price.* take a new key",
        ),
        (
            request(client_order_id="c", price=Decimal(1)),
            request(client_order_id="c"),
            "client_order_id 'c' was .* with other terms: what differs is price.* take a new client_order_id",
        ),
        (
            request(client_order_id="c", idempotency_key="k1"),
            request(client_order_id="c", idempotency_key="k2"),
            "client_order_id 'c' was used for an order with the same terms and another Idempotency-Key",
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


# -- stored refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", REFUSALS.values(), ids=lambda kind: kind.code)
def test_stored_refusal_comes_back_as_itself(kind: type[Refused]) -> None:
    """A refusal that was recorded by its code is the same class again."""
    again = refusal_of(stored(state=OrderState.REJECTED, error_code=kind.code, error_message="No."))
    assert type(again) is kind
    assert again.detail == "No."


@pytest.mark.parametrize("code", [None, "", "-2010", "price_required", "refused"])
def test_unknown_refusal_is_a_plain_one(code: str | None) -> None:
    """A code that names no refusal, an exchange's own for instance, gives a plain refusal."""
    assert type(refusal_of(stored(state=OrderState.REJECTED, error_code=code))) is OrderRefused


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
