"""How orders, their events, trades and rules look to a caller.

A view is a flat value with the names of the contract; the generated schemas turn it into what travels. "Unlimited" is 1e56 and "no
step" 1e-56 on the wire, as callers of hummingbot-api expect.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO
from app.domain.fill import UNTOLD
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order
from app.handlers.forms.fields import utc_text
from app.handlers.forms.prepared import PreparedDump
from app.handlers.schemas import (
    OrderEventSchema,
    OrderSchema,
    TradeSchema,
    TradingRuleSchema,
)
from app.journal.records import JournalEntry, Trade
from app.services.history import OrderWithEvents

_ORDER = PreparedDump(OrderSchema())
_EVENT = PreparedDump(OrderEventSchema())
_TRADE = PreparedDump(TradeSchema())
_RULE = PreparedDump(TradingRuleSchema())

_UNLIMITED = Decimal("1e56")
_NO_STEP = Decimal("1e-56")


def order_row(order: Order) -> Any:
    """One row of an order page."""
    fee_paid, fee_currency = fee_of(order)
    view = {
        "order_id": order.order_id,
        "client_order_id": order.order_id,
        "account_name": order.account_name,
        "connector_name": order.connector_name,
        "trading_pair": order.trading_pair,
        "trade_type": order.trade_type,
        "order_type": order.order_type,
        "amount": order.amount,
        "quote_amount": order.quote_amount,
        "price": order.price,
        "status": order.status,
        "state": order.state,
        "filled_amount": order.filled_amount,
        "average_fill_price": order.average_fill_price,
        "fee_paid": fee_paid,
        "fee_currency": fee_currency,
        "fees": [{"currency": name, "amount": amount} for name, amount in order.fees.items() if name != UNTOLD],
        "position_action": order.position_action,
        "time_in_force": order.time_in_force,
        "reduce_only": order.reduce_only,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "exchange_order_id": order.exchange_order_id,
        "exchange_client_order_id": order.exchange_client_order_id,
        "error_code": order.error_code,
        "error_message": order.error_message,
    }
    return _ORDER.dump(view)


def order_with_events(found: OrderWithEvents, next_check_at: datetime | None) -> Any:
    """One order with its history, and when it is asked about next."""
    checks = {"next_check_at": None if next_check_at is None else utc_text(next_check_at)}
    return {**order_row(found.order), **checks, "events": [event_row(entry) for entry in found.entries]}


def event_row(entry: JournalEntry) -> Any:
    """One event of an order's history."""
    event = entry.event
    assert event is not None, "an order's history holds order events only"
    view = {
        "seq": entry.seq,
        "kind": event.kind,
        "at": event.at,
        "source": event.source,
        "state": entry.state,
        "filled_amount": entry.filled_amount,
        "exchange_at": event.exchange_at,
        "exchange_order_id": event.exchange_order_id,
        "exchange_client_order_id": event.exchange_client_order_id,
        "amount": event.amount,
        "price": event.price,
        "fill": event.fill,
        "reason_code": event.reason_code,
        "reason": event.reason,
        "evidence": event.evidence,
        "actor": event.actor,
    }
    return _EVENT.dump(view)


def trade_row(trade: Trade) -> Any:
    """One row of a trade page."""
    fill = trade.fill
    view = {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "account_name": trade.account_name,
        "connector_name": trade.connector_name,
        "trading_pair": trade.trading_pair,
        "trade_type": trade.trade_type,
        "amount": fill.amount,
        "price": fill.price,
        "fee_paid": fill.fee,
        "fee_currency": fill.fee_currency,
        "liquidity": fill.liquidity,
        "timestamp": fill.filled_at,
    }
    return _TRADE.dump(view)


def rule_row(rule: TradingRule) -> Any:
    """The twelve keys of a trading rule."""
    digits = rule.max_price_significant_digits
    view = {
        "min_order_size": rule.min_order_size,
        "max_order_size": rule.max_order_size,
        "min_price_increment": rule.min_price_increment or _NO_STEP,
        "min_base_amount_increment": rule.min_base_amount_increment or _NO_STEP,
        "min_quote_amount_increment": rule.min_quote_amount_increment or _NO_STEP,
        "min_notional_size": rule.min_notional_size,
        "min_order_value": rule.min_notional_size,
        "max_price_significant_digits": _UNLIMITED if digits is None else Decimal(digits),
        "supports_limit_orders": rule.supports_limit_orders,
        "supports_market_orders": rule.supports_market_orders,
        "buy_order_collateral_token": rule.buy_order_collateral_token,
        "sell_order_collateral_token": rule.sell_order_collateral_token,
    }
    return _RULE.dump(view)


def fee_of(order: Order) -> tuple[Decimal | None, str | None]:
    """The one fee that ``fee_paid`` and ``fee_currency`` have room for: in the currency of the first fill that cost one. Amounts
    of different currencies can't be compared, so none is "the" fee of the order; all of them are in ``fees``. None where a fill's
    fee was not told: what was paid is more than the others' sum.
    """
    fees = order.fees
    if UNTOLD in fees:
        return None, None
    currency = next((name for name, paid in fees.items() if paid != ZERO), next(iter(fees), None))
    return (None, None) if currency is None else (fees[currency], currency)
