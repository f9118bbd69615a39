"""An order as the fold of its events: states, totals, averages, fees and what two requests have in common."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from app.domain.enums import EventKind, OrderState, OrderStatus, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import UNTOLD, Fill
from app.domain.lifecycle import ACTIVE, FINAL, TRANSITIONS, next_state
from app.domain.order import Anomaly, Order, OrderKey, OrderRef, OrderRequest
from app.services.orders.preparing import intended
from tests.domain.orders import T0, WAYS, a_fill, a_request, after, an_event, an_order

D = Decimal
K = EventKind


def filled_by(*fills: Fill, **changes: object) -> Order:
    """An open order after these fills."""
    order = an_order(an_event(K.ACCEPTED), **changes)
    for fill in fills:
        order = order.apply(an_event(order.kind_of_fill(fill), fill=fill))
    return order


# -- asking -------------------------------------------------------------------------------------------------------------


def test_intended_order_carries_every_term() -> None:
    """The order before it is sent has the request's terms, no state but pending, and nothing filled."""
    request = a_request(
        trade_type=TradeType.SELL,
        order_type=OrderType.MARKET,
        amount=None,
        quote_amount=D("25.50"),
        price=None,
        position_action=PositionAction.CLOSE,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        idempotency_key="key-1",
    )
    order = intended(request, order_id="order-1", at=T0, terms="the terms")
    shared = {field.name for field in structs.fields(OrderRequest)} - {"client_order_id"}
    for name in shared:
        assert getattr(order, name) == getattr(request, name), name
    assert (order.state, order.terms, order.created_at, order.updated_at) == ("pending", "the terms", T0, T0)
    assert order.filled_amount == order.filled_quote == 0
    assert dict(order.fees) == {}
    assert (order.exchange_order_id, order.cancel_requested_at, order.error_code) == (None, None, None)


def test_names_of_an_order() -> None:
    """The journal names an order by account, connector and id; an exchange is asked by our id, its own, the pair and the terms."""
    order = an_order(*WAYS[OrderState.OPEN])
    assert order.key == OrderKey(account_name="main", connector_name="paper", order_id="order-1")
    assert order.ref == OrderRef(
        order_id="order-1",
        trading_pair="BTC-USDT",
        exchange_order_id="77",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(100),
        created_at=order.created_at,
    )


@pytest.mark.parametrize(
    "same",
    [
        {"amount": D("1.000"), "price": D("1E+2")},
        {"account_name": "other"},
        {"idempotency_key": "another"},
    ],
)
def test_same_terms(same: dict[str, object]) -> None:
    """Two spellings of a number are the same terms; who asks and under which key is not part of them."""
    assert a_request(**same).terms() == a_request().terms()


@pytest.mark.parametrize(
    "other",
    [
        {"trading_pair": "ETH-USDT"},
        {"trade_type": TradeType.SELL},
        {"order_type": OrderType.LIMIT_MAKER},
        {"amount": D("1.000000000000000000000000000000000001")},
        {"amount": None, "quote_amount": D(1)},
        {"price": D("100.01")},
        {"price": None},
        {"position_action": PositionAction.CLOSE},
        {"time_in_force": TimeInForce.GTC},
        {"reduce_only": True},
        {"client_order_id": "mine"},
    ],
)
def test_other_terms(other: dict[str, object]) -> None:
    """Every other difference makes other terms, down to the last decimal."""
    assert a_request(**other).terms() != a_request().terms()


@pytest.mark.parametrize(("client_order_id", "is_the_callers"), [(None, False), ("o1", True)])
def test_an_order_knows_whose_id_it_has(client_order_id: str | None, *, is_the_callers: bool) -> None:
    """The id is the caller's where the request had one; the gateway's own, and that of an adopted order, are not."""
    request = a_request(client_order_id=client_order_id)
    order = intended(request, order_id="o1", at=T0, terms=request.terms())
    assert order.has_callers_id is is_the_callers
    assert not structs.replace(order, terms="").has_callers_id


# -- folding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("kind", EventKind)
def test_apply_follows_the_table(state: OrderState, kind: EventKind) -> None:
    """Applying an event leads where the lifecycle says, or is an anomaly that changes nothing."""
    order = an_order(*WAYS[state])
    assert order.state is state
    # What the exchange itself said is lasting; only an operator's word that it was filled or expired is taken back.
    is_lasting = kind is K.REAPPEARED and state in (OrderState.FILLED, OrderState.EXPIRED)
    expected = next_state(state, kind)
    assert (next_state(state, kind, is_resolved=True) is not expected) == is_lasting
    assert not is_lasting or expected is None
    if expected is None:
        with pytest.raises(Anomaly, match=f"^an order that is {state} cannot be {kind}$") as caught:
            order.apply(an_event(kind))
        assert (caught.value.state, caught.value.kind) == (state, kind)
    else:
        assert order.apply(an_event(kind)).state is expected


@pytest.mark.parametrize("state", OrderState)
def test_activity(state: OrderState) -> None:
    """An order is active exactly as long as it may be on a book."""
    assert an_order(*WAYS[state]).is_active == (state in ACTIVE) == (state not in FINAL)


def test_values_do_not_change() -> None:
    """An order is frozen, and applying an event makes another one."""
    order = an_order()
    with pytest.raises(AttributeError):
        order.state = OrderState.OPEN  # type: ignore[misc]
    opened = order.apply(an_event(K.ACCEPTED, exchange_order_id="77"))
    assert (order.state, order.exchange_order_id) == ("pending", None)
    assert (opened.state, opened.exchange_order_id) == ("open", "77")
    before = filled_by(a_fill("1"))
    before.apply(an_event(K.FILLED, fill=a_fill("2")))
    assert dict(before.fees) == {"BTC": D("0.001")}


def test_last_word_in_time() -> None:
    """An order was updated when the latest of its events was learned, in whatever order they came."""
    order = an_order(an_event(K.ACCEPTED, at=after(9)), an_event(K.PARTIALLY_FILLED, at=after(3)))
    assert order.updated_at == after(9)
    assert order.created_at == T0


def test_known_facts_are_kept() -> None:
    """An event that says nothing of the exchange's id, the amount or an error leaves what is known of them."""
    order = an_order(
        an_event(K.ACCEPTED, exchange_order_id="77", amount=D(9), reason_code="code", reason="words"),
        an_event(K.UNCONFIRMED),
    )
    assert order.exchange_order_id == "77"
    assert order.amount == 1, "the amount that was asked is not what a report says"
    assert (order.error_code, order.error_message) == ("code", "words")


def test_amount_of_a_quote_order_is_learned() -> None:
    """An order for an amount of quote has the base amount that the exchange first reports."""
    order = an_order(an_event(K.ACCEPTED, amount=D("0.25")), amount=None, quote_amount=D(25), price=None)
    assert order.amount == D("0.25")
    assert order.apply(an_event(K.FILLED, amount=D("0.5"))).amount == D("0.25")


def test_request_to_cancel_is_a_time() -> None:
    """Asking for a cancel twice keeps the first time; a refused cancel is as if nobody had asked."""
    order = an_order(*WAYS[OrderState.OPEN], an_event(K.CANCEL_REQUESTED, at=after(5)))
    assert (order.cancel_requested_at, order.status) == (after(5), OrderStatus.PENDING_CANCEL)
    again = order.apply(an_event(K.CANCEL_REQUESTED, at=after(8)))
    assert again.cancel_requested_at == after(5)
    assert again.apply(an_event(K.CANCEL_UNCONFIRMED, at=after(9))).cancel_requested_at == after(5)
    refused = again.apply(an_event(K.CANCEL_REFUSED, at=after(9), reason="Unknown order sent."))
    assert (refused.cancel_requested_at, refused.status) == (None, OrderStatus.OPEN)
    assert refused.error_message == "Unknown order sent."


def test_anomaly_is_a_note() -> None:
    """A recorded anomaly leaves the order as it was but for the time."""
    order = an_order(*WAYS[OrderState.FILLED])
    noted = order.apply(an_event(K.ANOMALY, at=after(7)))
    assert structs.replace(noted, updated_at=order.updated_at) == order


@pytest.mark.parametrize(
    ("kind", "code", "state"), [(K.NEVER_ARRIVED, "never_arrived", "rejected"), (K.VANISHED, "vanished", "canceled")]
)
def test_presumed_gone(kind: EventKind, code: str, state: str) -> None:
    """A conclusion from absence is marked as one, and is taken back when the order shows up."""
    gone = an_order(
        an_event(K.CANCEL_REQUESTED), an_event(K.UNCONFIRMED), an_event(kind, reason_code=code, reason="No such order")
    )
    assert gone.state == state
    assert gone.is_presumed_gone
    back = gone.apply(an_event(K.REAPPEARED, exchange_order_id="77"))
    assert (back.state, back.is_presumed_gone, back.exchange_order_id) == ("open", False, "77")
    assert (back.error_code, back.error_message, back.cancel_requested_at) == (None, None, None)


@pytest.mark.parametrize("state", OrderState)
def test_statement_of_the_exchange_is_no_presumption(state: OrderState) -> None:
    """What the exchange itself said is not presumed."""
    assert not an_order(*WAYS[state]).is_presumed_gone


def test_filled_order_is_not_presumed_gone() -> None:
    """A fill settles the matter, even of an order that had been concluded to be gone."""
    gone = an_order(an_event(K.UNCONFIRMED), an_event(K.VANISHED, reason_code="vanished"))
    assert not gone.apply(an_event(K.FILLED, fill=a_fill("1", "1"))).is_presumed_gone


# -- totals -------------------------------------------------------------------------------------------------------------


def test_totals_of_two_fills() -> None:
    """Amount, quote, average and fees are exact sums over the fills."""
    order = filled_by(
        a_fill("1", "0.1", price=D("60123.45"), fee=D("0.0001")),
        a_fill("2", "0.2", price=D("60123.46"), fee=D("0.0002")),
    )
    assert order.filled_amount == D("0.3")
    assert order.filled_quote == D("18037.037")
    assert plain_average(order) == "60123.456666666666666667"
    assert dict(order.fees) == {"BTC": D("0.0003")}
    assert order.status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    ("fee", "currency", "fees"),
    [
        (None, None, {"BTC": D("0.001"), UNTOLD: None}),
        (D("0.5"), None, {"BTC": D("0.001"), UNTOLD: None}),
        (D(0), None, {"BTC": D("0.001")}),
        (D(0), "BNB", {"BTC": D("0.001"), "BNB": D(0)}),
    ],
)
def test_a_fee_that_is_not_told_is_not_zero(fee: D | None, currency: str | None, fees: dict[str, D | None]) -> None:
    """It is in no sum, and the order says that something is missing there; before other fills as after them."""
    untold = a_fill("2", "0.1", fee=fee, fee_currency=currency)
    for fills in ((a_fill("1", "0.1"), untold), (untold, a_fill("1", "0.1"))):
        assert dict(filled_by(*fills).fees) == fees


def plain_average(order: Order) -> str:
    return format(order.average_fill_price or D("NaN"), "f")


def test_no_binary_fractions() -> None:
    """A tenth and two tenths are three tenths."""
    order = filled_by(a_fill("1", "0.1"), a_fill("2", "0.2"))
    assert str(order.filled_amount) == "0.3"


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("100", "1"),
        ("0.000000000000000001", "1000000000000000000"),
        ("0.000000000000123456", "0.5"),
        ("60123.45", "0.000000000000000001"),
        ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
    ],
)
def test_average_of_one_fill_is_its_price(price: str, amount: str) -> None:
    """However small or large, one fill's price is the average to the last digit."""
    order = filled_by(a_fill("1", amount, price=D(price)), amount=D(10) ** 19)
    assert order.average_fill_price == D(price)
    assert order.filled_quote == _product(price, amount)


def _product(one: str, other: str) -> Decimal:
    """The exact product by way of integers."""
    left, right = D(one).as_tuple(), D(other).as_tuple()
    whole = int("".join(map(str, left.digits))) * int("".join(map(str, right.digits)))
    return D(f"{whole}E{int(left.exponent) + int(right.exponent)}")


def test_no_average_without_fills() -> None:
    """An order without fills has no average price."""
    assert an_order().average_fill_price is None


def test_average_has_no_needless_zeros() -> None:
    """An average is written as short as it can be, and hundreds without an exponent."""
    assert str(filled_by(a_fill("1", "1", price=D("100.00"))).average_fill_price) == "100"


def test_fees_in_several_currencies() -> None:
    """Fees add up by currency; rebates count down, and a fill without a fee currency adds none."""
    order = filled_by(
        a_fill("1", "0.1", fee=D("0.5"), fee_currency="BNB"),
        a_fill("2", "0.1", fee=D("0.01"), fee_currency="USDT"),
        a_fill("3", "0.1", fee=D("-0.2"), fee_currency="BNB"),
        a_fill("4", "0.1", fee=D("0"), fee_currency=None),
    )
    assert dict(order.fees) == {"BNB": D("0.3"), "USDT": D("0.01")}


@pytest.mark.parametrize(
    ("already", "amount", "expected"),
    [
        ("0", "0.4", K.PARTIALLY_FILLED),
        ("0", "1", K.FILLED),
        ("0.6", "0.4", K.FILLED),
        ("0.6", "0.399999999999999999", K.PARTIALLY_FILLED),
        ("0.6", "0.5", K.FILLED),
    ],
)
def test_kind_of_fill(already: str, amount: str, expected: EventKind) -> None:
    """A fill is the full one when nothing is left to fill."""
    order = structs.replace(an_order(), filled_amount=D(already))
    assert order.kind_of_fill(a_fill("1", amount)) is expected


def test_order_of_unknown_amount_is_never_full() -> None:
    """Without an amount to reach, every fill is a partial one."""
    order = an_order(amount=None, quote_amount=D(100), price=None)
    assert order.kind_of_fill(a_fill("1", "1000000")) is K.PARTIALLY_FILLED


amounts = st.decimals("0.000000000000000001", "1000000000", allow_nan=False, allow_infinity=False, places=18)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8))
def test_totals_do_not_depend_on_the_order_of_fills(trades: list[tuple[Decimal, Decimal]]) -> None:
    """The same fills in reverse give the same totals, and the average lies between the prices."""
    fills = [a_fill(str(place), str(amount), price=price) for place, (price, amount) in enumerate(trades)]
    one, other = filled_by(*fills, amount=D(10) ** 30), filled_by(*reversed(fills), amount=D(10) ** 30)
    assert (one.filled_amount, one.filled_quote, one.fees) == (other.filled_amount, other.filled_quote, other.fees)
    average = one.average_fill_price
    assert average is not None
    assert min(fill.price for fill in fills) <= average <= max(fill.price for fill in fills)


moves = st.lists(st.sampled_from([kind for kind in EventKind if kind not in (K.INTENDED, K.ADOPTED)]), max_size=30)


@given(moves)
def test_final_states_are_left_only_as_tabled(kinds: list[EventKind]) -> None:
    """Whatever comes, a final state yields only to a fill, to the order's reappearance or to a retry, and ``filled`` to nothing:
    only an operator's word that it was filled does.
    """
    order = an_order()
    for place, kind in enumerate(kinds):
        fill = a_fill(str(place), "0.1") if kind in (K.PARTIALLY_FILLED, K.FILLED) else None
        try:
            moved = order.apply(an_event(kind, fill=fill))
        except Anomaly:
            assert kind not in TRANSITIONS[order.state] or kind is K.REAPPEARED
            continue
        if order.state in FINAL and moved.state is not order.state:
            assert order.state is not OrderState.FILLED
            assert kind in (K.PARTIALLY_FILLED, K.FILLED, K.REAPPEARED, K.RETRIED)
        assert moved.filled_amount >= order.filled_amount
        order = moved


# -- events and fills ---------------------------------------------------------------------------------------------------


def test_event_says_only_what_it_was_told() -> None:
    """An event needs a kind, a time and a source; everything else is absent until somebody says it."""
    event = OrderEvent(kind=K.ACCEPTED, at=T0, source="answer")
    others = {field.name: getattr(event, field.name) for field in structs.fields(event)}
    assert {name for name, value in others.items() if value is not None} == {"kind", "at", "source"}


def test_fill_may_leave_its_liquidity_unsaid() -> None:
    """An exchange that does not say who made the market leaves it open; a fill is frozen."""
    fill = a_fill()
    assert fill.liquidity is None
    with pytest.raises(AttributeError):
        fill.amount = D(2)  # type: ignore[misc]
