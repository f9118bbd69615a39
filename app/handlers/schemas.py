"""What travels over HTTP, as marshmallow schemas.

Generated from openapi/trading.yaml by openapi/generate.py: do not edit.
"""

from __future__ import annotations

import marshmallow

from app.domain import enums
from app.handlers import fields

# One line a field, however long: the text is compared with what the contract says, not read for pleasure.
# fmt: off
# ruff: noqa: E501


class Schema(marshmallow.Schema):
    """What all schemas share: unknown fields are ignored, as callers expect."""

    class Meta:
        unknown = marshmallow.EXCLUDE


class TradeRequestSchema(Schema):
    """The terms of an order. Unknown fields are ignored."""

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    amount = fields.DecimalNumber(allow_none=True)
    quote_amount = fields.DecimalNumber(allow_none=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, load_default=enums.OrderType.LIMIT)
    price = fields.DecimalNumber(allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, load_default=enums.PositionAction.OPEN)
    time_in_force = fields.String(allow_none=True)
    reduce_only = fields.Boolean(load_default=False)
    client_order_id = fields.String(allow_none=True)


class TradeResponseSchema(Schema):
    """The order that was placed. ``amount`` and ``price`` are what was sent to the exchange."""

    order_id = fields.String(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    amount = fields.DecimalText(required=True, allow_none=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, required=True)
    price = fields.DecimalText(required=True, allow_none=True)
    status = fields.String(required=True)
    state = fields.Enum(enums.OrderState, by_value=True)


class CancelResponseSchema(Schema):
    """What became of the request to cancel."""

    message = fields.String(required=True)
    order_id = fields.String(required=True)
    status = fields.Enum(enums.OrderStatus, by_value=True, required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)


class ActiveOrderFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    trading_pairs = fields.List(fields.String(), allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)


class OrderFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    trading_pairs = fields.List(fields.String(), allow_none=True)
    status = fields.String(allow_none=True)
    start_time = fields.UnixMilliseconds(allow_none=True)
    end_time = fields.UnixMilliseconds(allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)


class TradeFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    trading_pairs = fields.List(fields.String(), allow_none=True)
    trade_types = fields.List(fields.Enum(enums.TradeType, by_value=True), allow_none=True)
    start_time = fields.UnixMilliseconds(allow_none=True)
    end_time = fields.UnixMilliseconds(allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)


class PaginationSchema(Schema):
    """Where this page stands. ``next_cursor`` is null on the last page."""

    limit = fields.Integer(required=True)
    has_more = fields.Boolean(required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    total_count = fields.Integer(required=True)


class OrderSchema(Schema):
    """An order as the journal has it. Numbers are exact."""

    order_id = fields.String(required=True)
    client_order_id = fields.String(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, required=True)
    amount = fields.DecimalNumber(required=True, allow_none=True)
    quote_amount = fields.DecimalNumber(required=True, allow_none=True)
    price = fields.DecimalNumber(required=True, allow_none=True)
    status = fields.Enum(enums.OrderStatus, by_value=True, required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)
    filled_amount = fields.DecimalNumber(required=True)
    average_fill_price = fields.DecimalNumber(required=True, allow_none=True)
    fee_paid = fields.DecimalNumber(required=True, allow_none=True)
    fee_currency = fields.String(required=True, allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, required=True)
    time_in_force = fields.String(required=True, allow_none=True)
    reduce_only = fields.Boolean(required=True)
    created_at = fields.UtcDateTime(required=True)
    updated_at = fields.UtcDateTime(required=True)
    exchange_order_id = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)


class OrderPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: OrderSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class OrderWithEventsSchema(Schema):
    """An order and everything that was recorded about it, oldest first."""

    order_id = fields.String(required=True)
    client_order_id = fields.String(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, required=True)
    amount = fields.DecimalNumber(required=True, allow_none=True)
    quote_amount = fields.DecimalNumber(required=True, allow_none=True)
    price = fields.DecimalNumber(required=True, allow_none=True)
    status = fields.Enum(enums.OrderStatus, by_value=True, required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)
    filled_amount = fields.DecimalNumber(required=True)
    average_fill_price = fields.DecimalNumber(required=True, allow_none=True)
    fee_paid = fields.DecimalNumber(required=True, allow_none=True)
    fee_currency = fields.String(required=True, allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, required=True)
    time_in_force = fields.String(required=True, allow_none=True)
    reduce_only = fields.Boolean(required=True)
    created_at = fields.UtcDateTime(required=True)
    updated_at = fields.UtcDateTime(required=True)
    exchange_order_id = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(lambda: OrderEventSchema()), required=True)


class OrderEventSchema(Schema):
    """One thing that happened to the order. ``state`` and ``filled_amount`` are those after it."""

    seq = fields.Integer(required=True)
    kind = fields.Enum(enums.EventKind, by_value=True, required=True)
    at = fields.UtcDateTime(required=True)
    source = fields.String(required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)
    filled_amount = fields.DecimalNumber(required=True)
    exchange_at = fields.UtcDateTime(required=True, allow_none=True)
    exchange_order_id = fields.String(required=True, allow_none=True)
    fill = fields.Nested(lambda: FillSchema(), required=True, allow_none=True)
    reason_code = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    evidence = fields.String(required=True, allow_none=True)


class FillSchema(Schema):
    """One execution, as part of an event."""

    exchange_fill_id = fields.String(required=True)
    price = fields.DecimalNumber(required=True)
    amount = fields.DecimalNumber(required=True)
    fee = fields.DecimalNumber(required=True)
    fee_currency = fields.String(required=True, allow_none=True)
    filled_at = fields.UtcDateTime(required=True)
    liquidity = fields.String(required=True, allow_none=True)


class TradeSchema(Schema):
    """One execution of a part of an order."""

    trade_id = fields.String(required=True)
    order_id = fields.String(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    amount = fields.DecimalNumber(required=True)
    price = fields.DecimalNumber(required=True)
    fee_paid = fields.DecimalNumber(required=True)
    fee_currency = fields.String(required=True, allow_none=True)
    liquidity = fields.String(required=True, allow_none=True)
    timestamp = fields.UtcDateTime(required=True)


class TradePageSchema(Schema):
    data = fields.List(fields.Nested(lambda: TradeSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class TradingRuleSchema(Schema):
    """What a pair demands. "Unlimited" is null or 1e56, "no step" is 1e-56."""

    min_order_size = fields.DecimalNumber(required=True)
    max_order_size = fields.DecimalNumber(required=True, allow_none=True)
    min_price_increment = fields.DecimalNumber(required=True)
    min_base_amount_increment = fields.DecimalNumber(required=True)
    min_quote_amount_increment = fields.DecimalNumber(required=True)
    min_notional_size = fields.DecimalNumber(required=True)
    min_order_value = fields.DecimalNumber(required=True)
    max_price_significant_digits = fields.DecimalNumber(required=True)
    supports_limit_orders = fields.Boolean(required=True)
    supports_market_orders = fields.Boolean(required=True)
    buy_order_collateral_token = fields.String(required=True)
    sell_order_collateral_token = fields.String(required=True)


class TradingRuleMissingSchema(Schema):
    error = fields.String(required=True)


class OrderTypesSchema(Schema):
    connector = fields.String(required=True)
    supported_order_types = fields.List(fields.Enum(enums.OrderType, by_value=True), required=True)


class MessageSchema(Schema):
    message = fields.String(required=True)


class ConfigFieldSchema(Schema):
    """One field. ``type`` is the name of a Python type."""

    type = fields.String(required=True)
    required = fields.Boolean(required=True)
    allowed_values = fields.List(fields.String())
    help = fields.String()


class PortfolioFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    skip_gateway = fields.Boolean(load_default=False)
    refresh = fields.Boolean(load_default=False)


class PortfolioHistoryFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    start_time = fields.UnixMilliseconds(allow_none=True)
    end_time = fields.UnixMilliseconds(allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)
    interval = fields.String(load_default='5m')


class PortfolioDistributionFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)


class PortfolioTokenSchema(Schema):
    """One token. ``units`` and ``available_units`` are what there is and what no order holds; an unknown price is
    0 and ``price_known`` false. ``problem`` says why the exchange could not be asked again since ``as_of``.
    """

    token = fields.String(required=True)
    units = fields.DecimalNumber(required=True)
    price = fields.DecimalNumber(required=True)
    value = fields.DecimalNumber(required=True)
    available_units = fields.DecimalNumber(required=True)
    price_known = fields.Boolean(required=True)
    as_of = fields.UtcDateTime(required=True)
    problem = fields.String(required=True, allow_none=True)


class PortfolioHistorySchema(Schema):
    data = fields.List(fields.Nested(lambda: PortfolioSnapshotSchema()), required=True)
    pagination = fields.Nested(lambda: PortfolioPaginationSchema(), required=True)


class PortfolioSnapshotSchema(Schema):
    timestamp = fields.UtcDateTime(required=True)
    state = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.List(fields.Nested(lambda: PortfolioTokenSchema()))), required=True)


class PortfolioPaginationSchema(Schema):
    limit = fields.Integer(required=True)
    has_more = fields.Boolean(required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    current_cursor = fields.String(required=True, allow_none=True)
    filters = fields.Nested(lambda: PortfolioFiltersAppliedSchema(), required=True)


class PortfolioFiltersAppliedSchema(Schema):
    """The filters as they were sent."""

    account_names = fields.List(fields.String(), required=True, allow_none=True)
    connector_names = fields.List(fields.String(), required=True, allow_none=True)
    start_time = fields.Integer(required=True, allow_none=True)
    end_time = fields.Integer(required=True, allow_none=True)
    interval = fields.String(required=True)


class PortfolioDistributionSchema(Schema):
    """Values and units add up exactly. ``tokens`` has the same by token."""

    total_portfolio_value = fields.DecimalNumber(required=True)
    token_count = fields.Integer(required=True)
    distribution = fields.List(fields.Nested(lambda: PortfolioTokenShareSchema()), required=True)
    account_filter = fields.String(required=True)
    tokens = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: PortfolioTokenTotalSchema()), required=True)
    errors = fields.List(fields.Nested(lambda: PortfolioErrorSchema()), required=True)


class PortfolioTokenShareSchema(Schema):
    token = fields.String(required=True)
    total_value = fields.DecimalNumber(required=True)
    total_units = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)
    accounts = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: PortfolioTokenAccountSchema()), required=True)


class PortfolioTokenAccountSchema(Schema):
    value = fields.DecimalNumber(required=True)
    units = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)
    connectors = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: PortfolioAmountSchema()), required=True)


class PortfolioAmountSchema(Schema):
    value = fields.DecimalNumber(required=True)
    units = fields.DecimalNumber(required=True)


class PortfolioTokenTotalSchema(Schema):
    value = fields.DecimalNumber(required=True)
    units = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)


class PortfolioAccountsSchema(Schema):
    total_portfolio_value = fields.DecimalNumber(required=True)
    account_count = fields.Integer(required=True)
    distribution = fields.List(fields.Nested(lambda: PortfolioAccountShareSchema()), required=True)
    errors = fields.List(fields.Nested(lambda: PortfolioErrorSchema()), required=True)


class PortfolioAccountShareSchema(Schema):
    account = fields.String(required=True)
    total_value = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)
    connectors = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: PortfolioConnectorShareSchema()), required=True)


class PortfolioConnectorShareSchema(Schema):
    value = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)


class PortfolioErrorSchema(Schema):
    """A place whose exchange could not be asked; what is counted of it is what it said last, at ``as_of``."""

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    problem = fields.String(required=True)
    as_of = fields.UtcDateTime(required=True)


class RootSchema(Schema):
    name = fields.String(required=True)
    version = fields.String(required=True)
    status = fields.String(required=True)


class LivenessSchema(Schema):
    status = fields.String(required=True)


class ReadinessSchema(Schema):
    """``ready``, or what is missing."""

    status = fields.String(required=True)
    journal = fields.String(required=True)
    connectors = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class ProblemSchema(Schema):
    """What went wrong, for people (``detail``) and for programs (``code``)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    request_id = fields.String(required=True)
    order_id = fields.String()


class ValidationProblemSchema(Schema):
    """A problem whose ``detail`` lists each fault."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.List(fields.Nested(lambda: FaultSchema()), required=True)
    code = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    request_id = fields.String(required=True)


class FaultSchema(Schema):
    type = fields.String(required=True)
    loc = fields.List(fields.Raw(), required=True)
    msg = fields.String(required=True)
    input = fields.Raw(allow_none=True)
