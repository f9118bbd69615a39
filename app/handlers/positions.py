"""Positions on perpetuals over HTTP: what is open, its mode and leverage, and the funding that was paid for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from app.domain.order import AccountKey
from app.handlers import pages
from app.handlers.forms.wording import page_at
from app.handlers.schemas import (
    FundingPaymentFilterSchema,
    FundingPaymentSchema,
    LeverageRequestSchema,
    PositionErrorSchema,
    PositionFilterSchema,
    PositionModeRequestSchema,
    PositionModeResponseSchema,
    PositionSchema,
    SettingResponseSchema,
)
from app.services.accounts.positions import AccountPosition, Unanswered
from app.services.acting import ActingGateway
from app.storage.funding import FundingFilter, RecordedFunding

_FILTER = PositionFilterSchema()
_POSITION = PositionSchema()
_ERROR = PositionErrorSchema()
_MODE_REQUEST = PositionModeRequestSchema()
_MODE_RESPONSE = PositionModeResponseSchema()
_LEVERAGE_REQUEST = LeverageRequestSchema()
_SETTING_RESPONSE = SettingResponseSchema()
_FUNDING_FILTER = FundingPaymentFilterSchema()
_FUNDING = FundingPaymentSchema()


async def get_positions(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /trading/positions"""
    asked = _FILTER.load(body)
    names = pages.names(asked)
    cursor = asked.get("cursor")
    with page_at("/trading/positions", cursor):
        found = await gateway.positions.page(
            names["account_names"], names["connector_names"], limit=asked["limit"], cursor=cursor
        )
    answer = {
        **pages.answer(found.page, asked["limit"], _position_row),
        "errors": [_error_row(each) for each in found.errors],
    }
    is_empty = not found.page.total_count
    return answer, 200, await asyncio.to_thread(pages.unknown_names, gateway, names) if is_empty else {}


async def get_position_mode(gateway: ActingGateway, account_name: str, connector_name: str) -> Any:
    """GET /trading/{account_name}/{connector_name}/position-mode"""
    mode = await gateway.position_settings.position_mode(AccountKey(account_name, connector_name))
    return _MODE_RESPONSE.dump({"position_mode": mode, "connector": connector_name, "account": account_name})


async def set_position_mode(
    gateway: ActingGateway, account_name: str, connector_name: str, body: Mapping[str, Any]
) -> Any:
    """POST /trading/{account_name}/{connector_name}/position-mode"""
    asked = _MODE_REQUEST.load(body)
    account = AccountKey(account_name, connector_name)
    mode = await gateway.position_settings.set_position_mode(account, asked["position_mode"])
    return _success(f"Position mode set to {mode} on {connector_name}")


async def set_leverage(gateway: ActingGateway, account_name: str, connector_name: str, body: Mapping[str, Any]) -> Any:
    """POST /trading/{account_name}/{connector_name}/leverage"""
    asked = _LEVERAGE_REQUEST.load(body)
    trading_pair, leverage = asked["trading_pair"], asked["leverage"]
    account = AccountKey(account_name, connector_name)
    await gateway.position_settings.set_leverage(account, trading_pair, leverage)
    return _success(f"Leverage for {trading_pair} set to {leverage} on {connector_name}")


def search_funding_payments(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /trading/funding-payments"""
    asked = _FUNDING_FILTER.load(body)
    pair = asked.get("trading_pair")
    names = pages.names({**asked, "trading_pairs": None if pair is None else (pair,)})
    wanted = FundingFilter(
        account_names=names["account_names"],
        connector_names=names["connector_names"],
        trading_pairs=names["trading_pairs"],
        start_at=asked.get("start_time"),
        end_at=asked.get("end_time"),
    )
    cursor = asked.get("cursor")
    with page_at("/trading/funding-payments", cursor):
        page = gateway.history.funding_payments(wanted, limit=asked["limit"], cursor=cursor)
    unknown = pages.unknown_if_empty(gateway, names, page)
    return pages.answer(page, asked["limit"], _funding_row), 200, unknown


def _success(message: str) -> Any:
    return _SETTING_RESPONSE.dump({"status": "success", "message": message})


def _position_row(found: AccountPosition) -> Any:
    position = found.position
    view = {
        "account_name": found.account_name,
        "connector_name": found.connector_name,
        "trading_pair": position.trading_pair,
        "side": position.side,
        "position_side": position.direction,
        "amount": position.amount,
        "entry_price": position.entry_price,
        "unrealized_pnl": position.unrealized_pnl,
        "leverage": position.leverage,
        "mark_price": position.mark_price,
        "liquidation_price": position.liquidation_price,
        "margin": position.margin,
    }
    return _POSITION.dump(view)


def _error_row(unanswered: Unanswered) -> Any:
    problem = unanswered.problem
    view = {
        "account_name": unanswered.account_name,
        "connector_name": unanswered.connector_name,
        "detail": problem.detail,
        "code": problem.code,
        "retryable": problem.retryable,
    }
    return _ERROR.dump(view)


def _funding_row(recorded: RecordedFunding) -> Any:
    payment = recorded.payment
    view = {
        "id": recorded.number,
        "funding_payment_id": (f"{recorded.connector_name}_{payment.trading_pair}_{int(payment.paid_at.timestamp())}"),
        "timestamp": payment.paid_at,
        "account_name": recorded.account_name,
        "connector_name": recorded.connector_name,
        "trading_pair": payment.trading_pair,
        "funding_rate": payment.rate,
        "funding_payment": payment.payment,
        "fee_currency": payment.currency,
        "position_size": payment.position_size,
        "position_side": payment.position_side,
        "exchange_funding_id": payment.exchange_funding_id,
    }
    return _FUNDING.dump(view)
