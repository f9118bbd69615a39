"""The checks that refuse a request to place an order before anything is written or sent.

``check_options`` compares the request with what the connector can do. ``check_replay`` compares it with an earlier order that has
the same idempotency key or client order id: the same terms get the first answer again, other terms are a conflict, and while the
first request is still running there is no answer to repeat. A refusal that passes by itself is no answer for ever: the order may be
retried once its hold is over. The trading rules of the pair are checked by ``TradingRule``.
"""

from __future__ import annotations

import re
from datetime import datetime

from app.connectors.capabilities import Capabilities
from app.domain.enums import OrderState, OrderType, TimeInForce
from app.domain.errors import (
    REFUSALS,
    ExchangeDown,
    IdempotencyConflict,
    InvalidArgument,
    InvalidClientOrderId,
    OrderRefused,
    PriceRequired,
    Refused,
    RequestInProgress,
    RuleViolation,
    UnsupportedOrder,
)
from app.domain.order import Order, OrderRequest, differing_terms


def check_options(request: OrderRequest, can: Capabilities) -> None:
    """Raise a ``RequestError`` if the connector can't do what is asked, or if the request contradicts itself."""
    check_client_order_id(request.client_order_id, request.connector_name, can)
    if request.order_type not in can.order_types:
        supported = [str(order_type) for order_type in can.order_types]
        raise UnsupportedOrder(f"Order type '{request.order_type}' not supported. Supported types: {supported}")
    is_market = request.order_type is OrderType.MARKET
    if request.amount is None and (request.quote_amount is None or not is_market):
        # What is missing is said first: with a quote_amount instead, that is for MARKET orders only.
        fields = "amount or quote_amount" if is_market and can.quote_amount else "amount"
        only = "; quote_amount is for MARKET orders only" if request.quote_amount is not None else ""
        raise InvalidArgument(f"A {request.order_type} order needs {fields}{only}")
    if request.amount is not None and request.quote_amount is not None:
        raise InvalidArgument("An order has an amount or a quote_amount, not both: leave one out")
    if request.order_type is OrderType.MARKET:
        if request.quote_amount is not None and not can.quote_amount:
            raise UnsupportedOrder(f"quote_amount is not supported on {request.connector_name}")
    elif request.price is None:
        raise PriceRequired
    if request.time_in_force is not None:
        _check_time_in_force(request.time_in_force, request.order_type, can)
    if request.reduce_only and not can.reduce_only:
        raise UnsupportedOrder(f"reduce_only is not supported on {request.connector_name}")


def check_client_order_id(client_order_id: str | None, connector_name: str, can: Capabilities) -> None:
    """Raise ``InvalidClientOrderId`` if the connector can't send an order under this id, so that no intent is written for it."""
    if client_order_id is not None and not re.fullmatch(can.client_id_pattern, client_order_id, re.ASCII):
        raise InvalidClientOrderId(client_order_id, connector_name, can.client_id_pattern)


def _check_time_in_force(wanted: TimeInForce, order_type: OrderType, can: Capabilities) -> None:
    if order_type is OrderType.MARKET or (order_type is OrderType.LIMIT_MAKER and wanted is not TimeInForce.GTC):
        raise InvalidArgument(f"time_in_force {wanted} has no meaning for a {order_type} order")
    if wanted not in can.times_in_force:
        supported = [str(time_in_force) for time_in_force in can.times_in_force]
        raise UnsupportedOrder(f"time_in_force '{wanted}' not supported. Supported values: {supported}")


def check_replay(request: OrderRequest, order: Order, *, now: datetime, deadline: datetime) -> None:
    """Return if ``order`` answers ``request``, or may be retried for it; ``deadline`` is when the call of its last attempt must
    have ended.

    Raises ``IdempotencyConflict``, ``RequestInProgress``, or the refusal that the first request got: one that is for ever, or one
    whose hold is not over.
    """
    if order.terms != request.terms() or _has_other_key(request, order):
        raise IdempotencyConflict(_conflict_text(request, order), order_id=order.order_id)
    if order.state is OrderState.PENDING and now < deadline:
        raise RequestInProgress(
            f"The first request for order '{order.order_id}' is still running, or was broken off by a stop of the gateway and the"
            " exchange is being asked about it. Nothing was sent again: repeat the request with the same key in a moment",
            order_id=order.order_id,
            retry_after=deadline - now,
        )
    if order.state is OrderState.REJECTED:
        refusal = refusal_of(order)
        if not order.is_retryable:
            raise refusal
        # A clock that was set back must not stretch the hold.
        if order.held_until is not None and order.updated_at <= now < order.held_until:
            refusal.retry_after = order.held_until - now
            raise refusal


def check_unchanged(request: OrderRequest, order: Order) -> None:
    """Raise ``RuleViolation`` if ``request``, rounded by the pair's rules as they are now, is not what ``order`` was to send."""
    # Under a price collar a MARKET order was sent as a limit order, whose price the request does not have.
    price = order.price if order.order_type is request.order_type else request.price
    if (request.amount, request.price, request.quote_amount) != (order.amount, price, order.quote_amount):
        raise RuleViolation(
            f"The trading rules of {order.trading_pair} have changed since the first request for order '{order.order_id}': it would"
            " be another order now. Send the request with a key of its own",
            order_id=order.order_id,
        )


def check_not_rejected(order: Order) -> None:
    """Raise the ``Refused`` that ``order`` was rejected with, if it was."""
    if order.state is OrderState.REJECTED:
        raise refusal_of(order)


def refusal_of(order: Order) -> Refused:
    """Why ``order`` was rejected, with its id; a plain ``OrderRefused`` where the recorded code names no class."""
    # That it never arrived is a conclusion, and as good as an answer that nothing was placed.
    code = ExchangeDown.code if order.error_code == "never_arrived" else order.error_code
    refusal = REFUSALS.get(code or "", OrderRefused)(order.error_message or "The exchange rejected the order")
    refusal.order_id = order.order_id
    return refusal


def _has_other_key(request: OrderRequest, order: Order) -> bool:
    return None not in (request.idempotency_key, order.idempotency_key) and (
        request.idempotency_key != order.idempotency_key
    )


def _conflict_text(request: OrderRequest, order: Order) -> str:
    if order.terms == request.terms():
        return (
            f"client_order_id '{order.order_id}' was used for an order with the same terms and another Idempotency-Key. To ask"
            " about that order, repeat its own key; for another order use another client_order_id"
        )
    differing = differing_terms(order.terms, request.terms())
    if request.idempotency_key is not None and request.idempotency_key == order.idempotency_key:
        return (
            f"Idempotency-Key '{request.idempotency_key}' was used for an order with other terms: what differs is {differing}."
            " To ask about that order, repeat its request unchanged; for another order take a new key"
        )
    return (
        f"client_order_id '{order.order_id}' was used for an order with other terms: what differs is {differing}. To ask about"
        " that order, repeat its request unchanged; for another order take a new client_order_id"
    )
