"""Previews of orders over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.decimals import shortest
from app.domain.errors import LimitExceeded, OrdergateError, OrderRefused
from app.domain.markets.estimate import Fee, Taking
from app.domain.order import Order
from app.domain.safety.admission import Measured
from app.domain.safety.collar import Band
from app.handlers.schemas import PreviewSchema
from app.handlers.trading import order_request
from app.services.acting import ActingGateway
from app.services.orders.previewing import Funds, Holding, Preview

_PREVIEW = PreviewSchema()


async def preview_order(gateway: ActingGateway, body: Mapping[str, Any], idempotency_key: str | None = None) -> Any:
    """POST /trading/orders/preview"""
    request = order_request(body, idempotency_key)
    found = await gateway.orders.preview(request, asks_exchange=bool(body.get("exchange_check", False)))
    return _PREVIEW.dump(_answer(found))


def _answer(found: Preview) -> Mapping[str, Any]:
    return {
        "would_place": not found.refusals and found.replays is None,
        "refusals": [_refusal(each) for each in found.refusals],
        "replays_order_id": None if found.replays is None else found.replays.order_id,
        "seq": found.as_of_seq,
        "order": None if found.order is None else _terms(found.order),
        "notional": found.notional,
        "book": None if found.taking is None else _taking(found.taking) | {"reported_at": found.book_at},
        "fee": None if found.fee is None else _fee(found.fee),
        "funds": None if found.funds is None else _funds(found.funds),
        "position_after": None if found.holding is None else _holding(found.holding),
        "limits": [_measured(each) for each in found.limits],
        "needs_approval": found.needs_approval,
        "collar": None if found.collar is None else _band(found.collar),
        "band": None if found.allowed is None else _band(found.allowed),
        "checked_by_exchange": found.is_checked_by_exchange,
        "unknown_": list(found.unknown),
        "preview_token": None if found.token is None else found.token.text,
        "expires_at": None if found.token is None else found.token.expires_at,
    }


def _refusal(error: OrdergateError) -> Mapping[str, Any]:
    told: dict[str, Any] = {
        "code": error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "retryable": error.retryable,
    }
    if isinstance(error, LimitExceeded):
        told["violations"] = list(error.breaches)
    if isinstance(error, OrderRefused):
        told["exchange_code"] = error.exchange_code
    return {name: value for name, value in told.items() if value is not None}


def _terms(order: Order) -> Mapping[str, Any]:
    return {
        "account_name": order.account_name,
        "connector_name": order.connector_name,
        "trading_pair": order.trading_pair,
        "trade_type": order.trade_type,
        "order_type": order.order_type,
        "amount": order.amount,
        "quote_amount": order.quote_amount,
        "price": order.price,
        "position_action": order.position_action,
        "time_in_force": order.time_in_force,
        "reduce_only": order.reduce_only,
    }


def _taking(taking: Taking) -> dict[str, Any]:
    return {
        "taken_amount": taking.amount,
        "taken_quote": taking.quote,
        "average_price": taking.average_price,
        "worst_price": taking.worst_price,
        "best_price": taking.best_price,
        "impact_bps": taking.impact_bps,
        "is_complete": taking.is_complete,
    }


def _fee(fee: Fee) -> Mapping[str, Any]:
    return {
        "maker_rate": fee.rates.maker,
        "taker_rate": fee.rates.taker,
        "source": fee.rates.source,
        "currency": fee.currency,
        "amount": fee.amount,
        "taker_amount": fee.taker,
        "maker_amount": fee.maker,
    }


def _funds(funds: Funds) -> Mapping[str, Any]:
    return {
        "asset": funds.asset,
        "needed": funds.needed,
        "available": funds.available,
        "leverage": funds.leverage,
        "is_margin": funds.leverage is not None,
    }


def _holding(holding: Holding) -> Mapping[str, Any]:
    return {"before": holding.before, "after": holding.after}


def _measured(measured: Measured) -> Mapping[str, Any]:
    return {
        "limit": measured.limit,
        "scope": measured.scope.parts(),
        "value": shortest(measured.used),
        "maximum": shortest(measured.maximum),
        "would_be": shortest(measured.would_be),
        "headroom": shortest(measured.maximum - measured.would_be),
    }


def _band(band: Band) -> Mapping[str, Any]:
    return {"low": band.low, "high": band.high}
