"""Orders and their executions over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from app.domain.enums import Environment, OrderState, OrderStatus, OrderType, PositionAction
from app.domain.errors import OrderNotFound
from app.domain.lifecycle import UNSETTLED
from app.domain.order import Order, OrderKey, OrderRequest
from app.domain.safety.approvals import Approval
from app.handlers import pages
from app.handlers.forms.prepared import PreparedDump, PreparedLoad
from app.handlers.forms.views import fee_of, order_row, order_with_events, trade_row
from app.handlers.forms.wording import page_at
from app.handlers.schemas import (
    ActiveOrderFilterSchema,
    AwaitingApprovalSchema,
    CancelResponseSchema,
    OrderFilterSchema,
    ResolutionSchema,
    TradeFilterSchema,
    TradeRequestSchema,
    TradeResponseSchema,
)
from app.journal.filters import OrderFilter, TradeFilter
from app.services.acting import ActingGateway
from app.services.orders.placed import Placed
from app.services.reconciling.resolving import Resolution

_TRADE_REQUEST = PreparedLoad(TradeRequestSchema())
_TRADE_RESPONSE = PreparedDump(TradeResponseSchema())
_AWAITING = AwaitingApprovalSchema()
_CANCEL_RESPONSE = CancelResponseSchema()
_ACTIVE_FILTER = ActiveOrderFilterSchema()
_ORDER_FILTER = OrderFilterSchema()
_RESOLUTION = ResolutionSchema()
_TRADE_FILTER = TradeFilterSchema()

#: Some callers spell it as the exchanges do.
_STATUS_SPELLINGS = {"CANCELED": OrderStatus.CANCELLED}


async def place_order(
    gateway: ActingGateway,
    body: Mapping[str, Any],
    idempotency_key: str | None = None,
    preview_token: str | None = None,
) -> Any:
    """POST /trading/orders"""
    request = order_request(body, idempotency_key)
    placed = await gateway.orders.place(request, preview_token)
    environment = gateway.environment_of(placed.order.connector_name)
    if placed.approval is not None:
        return _awaiting(placed, placed.approval, environment)
    answer = _TRADE_RESPONSE.dump({**_answer(placed), "status": "submitted", "environment": environment})
    headers = {"Idempotent-Replayed": "true"} if placed.replayed else {"Server-Timing": _timing(placed.laps)}
    without_effect = _without_effect(gateway, request)
    if without_effect:
        headers["Ignored-Fields"] = ", ".join(without_effect)
    return answer, _place_status(placed), headers


async def cancel_order(gateway: ActingGateway, account_name: str, connector_name: str, client_order_id: str) -> Any:
    """POST /trading/{account_name}/{connector_name}/orders/{client_order_id}/cancel"""
    order = await gateway.orders.cancel(
        OrderKey(account_name=account_name, connector_name=connector_name, order_id=client_order_id)
    )
    answer = {
        "message": f"Order cancellation initiated for {client_order_id}",
        "order_id": order.order_id,
        "status": order.status,
        "state": order.state,
        "environment": gateway.environment_of(order.connector_name),
    }
    return _CANCEL_RESPONSE.dump(answer), 202 if order.is_active else 200


def get_active_orders(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /trading/orders/active"""
    asked = _ACTIVE_FILTER.load(body)
    names, cursor = pages.names(asked), asked.get("cursor")
    wanted = OrderFilter(**names)
    with page_at("/trading/orders/active", cursor):
        page = gateway.history.active_orders(wanted, limit=asked["limit"], cursor=cursor)
    unknown = pages.unknown_if_empty(gateway, names, page)
    return pages.answer(page, asked["limit"], _in_environment(gateway)), 200, unknown


def search_orders(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /trading/orders/search"""
    asked = _ORDER_FILTER.load(body)
    wanted = OrderFilter(
        **pages.names(asked),
        status=_status(asked.get("status")),
        start_at=asked.get("start_time"),
        end_at=asked.get("end_time"),
    )
    cursor = asked.get("cursor")
    with page_at("/trading/orders/search", cursor):
        page = gateway.history.search_orders(wanted, limit=asked["limit"], cursor=cursor)
    unknown = pages.unknown_if_empty(gateway, pages.names(asked), page, wanted.status)
    return pages.answer(page, asked["limit"], _in_environment(gateway)), 200, unknown


def search_trades(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /trading/trades"""
    asked = _TRADE_FILTER.load(body)
    wanted = TradeFilter(
        **pages.names(asked),
        trade_types=tuple(asked.get("trade_types") or ()),
        start_at=asked.get("start_time"),
        end_at=asked.get("end_time"),
    )
    cursor = asked.get("cursor")
    with page_at("/trading/trades", cursor):
        page = gateway.history.search_trades(wanted, limit=asked["limit"], cursor=cursor)
    unknown = pages.unknown_if_empty(gateway, pages.names(asked), page)
    return pages.answer(page, asked["limit"], trade_row), 200, unknown


async def get_order(
    gateway: ActingGateway,
    order_id: str,
    account_name: str | None = None,
    connector_name: str | None = None,
    wait: Any = 0,
) -> Any:
    """GET /trading/orders/{order_id}"""
    async with _names_are_known(gateway, account_name, connector_name):
        found = await gateway.history.wait_settled(
            order_id,
            account_name=account_name,
            connector_name=connector_name,
            seconds=float(wait),  # float: a duration in seconds, no money
        )
    next_check_at = gateway.orders.next_question_at(found.order.key)
    environment = gateway.environment_of(found.order.connector_name)
    return {**order_with_events(found, next_check_at), "environment": environment}


async def resolve_order(
    gateway: ActingGateway,
    order_id: str,
    body: Mapping[str, Any],
    account_name: str | None = None,
    connector_name: str | None = None,
) -> Any:
    """POST /trading/orders/{order_id}/resolve"""
    said = _RESOLUTION.load(body)
    async with _names_are_known(gateway, account_name, connector_name):
        order = await gateway.history.get(order_id, account_name=account_name, connector_name=connector_name)
    resolution = Resolution(
        outcome=OrderState(said["outcome"]),
        reason=said["reason"],
        evidence=said["evidence"],
        filled_amount=said.get("filled_amount"),
    )
    return _in_environment(gateway)(await gateway.orders.resolve(order.key, resolution))


@asynccontextmanager
async def _names_are_known(
    gateway: ActingGateway, account_name: str | None, connector_name: str | None
) -> AsyncIterator[None]:
    """Within it an order that is not found is explained by a name that does not exist, if one is given."""
    try:
        yield
    except OrderNotFound:
        given = {"account_names": account_name, "connector_names": connector_name}
        names = {name: (value,) for name, value in given.items() if value is not None}
        await pages.require_names(gateway, pages.names(names))
        raise


def _status(word: str | None) -> str | None:
    """The status that ``word`` stands for. Callers let people and language models write it, so an unknown one is no fault."""
    if word is None:
        return None
    upper = word.upper()
    return _STATUS_SPELLINGS.get(upper, upper)


def order_request(body: Mapping[str, Any], idempotency_key: str | None) -> OrderRequest:
    """The order that a body asks for."""
    asked = _TRADE_REQUEST.load(body)
    return OrderRequest(
        account_name=asked["account_name"],
        connector_name=asked["connector_name"],
        trading_pair=asked["trading_pair"],
        trade_type=asked["trade_type"],
        order_type=asked["order_type"],
        amount=asked.get("amount"),
        quote_amount=asked.get("quote_amount"),
        price=asked.get("price"),
        position_action=asked["position_action"],
        time_in_force=asked.get("time_in_force"),
        reduce_only=asked["reduce_only"],
        client_order_id=asked.get("client_order_id"),
        idempotency_key=idempotency_key,
    )


def _without_effect(gateway: ActingGateway, request: OrderRequest) -> list[str]:
    """The fields that the order has no use for. Callers of hummingbot-api send them, so they are not refused."""
    fields = []
    if request.order_type is OrderType.MARKET and request.price is not None:
        fields.append("price")
    if (
        request.position_action is PositionAction.CLOSE
        and not gateway.catalog.capabilities(request.connector_name).is_perpetual
    ):
        fields.append("position_action")
    return fields


def _in_environment(gateway: ActingGateway) -> Callable[[Order], Any]:
    """Makes rows of orders that name what their connector trades with."""
    return lambda order: {**order_row(order), "environment": gateway.environment_of(order.connector_name)}


def _awaiting(placed: Placed, approval: Approval, environment: Environment) -> Any:
    """The answer to an order that waits for an approval."""
    answer = {
        "status": "awaiting_approval",
        "approval_id": approval.approval_id,
        "expires_at": approval.expires_at,
        "account_name": approval.account_name,
        "connector_name": approval.connector_name,
        "trading_pair": approval.trading_pair,
        "environment": environment,
    }
    return _AWAITING.dump(answer), 202, {"Idempotent-Replayed": "true"} if placed.replayed else {}


def _answer(placed: Placed) -> dict[str, Any]:
    """The fields of the answer to a placed order. A field that stands in the contract only is left out of the answer."""
    order = placed.order
    fee_paid, fee_currency = fee_of(order)
    return {
        "order_id": order.order_id,
        "account_name": order.account_name,
        "connector_name": order.connector_name,
        "trading_pair": order.trading_pair,
        "trade_type": order.trade_type,
        "amount": order.amount,
        "order_type": order.order_type,
        "price": order.price,
        "state": order.state,
        "filled_amount": order.filled_amount,
        "average_fill_price": order.average_fill_price,
        "fee_paid": fee_paid,
        "fee_currency": fee_currency,
    }


def _timing(laps: Mapping[str, float]) -> str:
    """Where the time went, in milliseconds, in the form that browsers and tools read."""
    steps = [*laps.items(), ("total", sum(laps.values()))]
    return ", ".join(f"{step};dur={seconds * 1000:.2f}" for step, seconds in steps)


def _place_status(placed: Placed) -> int:
    if placed.order.state in UNSETTLED:
        return 202
    return 200 if placed.replayed else 201
