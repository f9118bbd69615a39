"""What travels over HTTP, as marshmallow schemas.

Generated from openapi/trading.yaml by openapi/generate.py: do not edit.
"""

from __future__ import annotations

import marshmallow

from app.domain import enums
from app.handlers.forms import fields

# One line a field, however long: the text is compared with what the contract says, not read for pleasure.
# fmt: off
# ruff: noqa: E501


class Schema(marshmallow.Schema):
    """What all schemas share: unknown fields are ignored, as callers expect."""

    class Meta:
        unknown = marshmallow.EXCLUDE


class TradeRequestSchema(Schema):
    """The terms of an order. A field that is not among these is ignored and named in the answer's ``Ignored-
    Fields``; one that nearly is one of these, or that asks for something that is not supported, is refused with
    what to do instead, and nothing is placed.
    """

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    amount = fields.DecimalNumber(allow_none=True)
    quote_amount = fields.DecimalNumber(allow_none=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, load_default=enums.OrderType.LIMIT)
    price = fields.DecimalNumber(allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, load_default=enums.PositionAction.OPEN)
    time_in_force = fields.Enum(enums.TimeInForce, by_value=True, allow_none=True)
    reduce_only = fields.Boolean(load_default=False)
    client_order_id = fields.String(allow_none=True)


class TradeResponseSchema(Schema):
    """The order that was placed. ``amount`` and ``price`` are what was sent to the exchange; ``filled_amount``,
    ``average_fill_price`` and the fee tell the fills that are in the journal by now, and more may follow.
    """

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
    filled_amount = fields.DecimalText()
    average_fill_price = fields.DecimalText(allow_none=True)
    fee_paid = fields.DecimalText(allow_none=True)
    fee_currency = fields.String(allow_none=True)
    environment = fields.Enum(enums.Environment, by_value=True)


class PreviewRequestSchema(Schema):
    """The terms of an order, as placing takes them."""

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    amount = fields.DecimalNumber(allow_none=True)
    quote_amount = fields.DecimalNumber(allow_none=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, load_default=enums.OrderType.LIMIT)
    price = fields.DecimalNumber(allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, load_default=enums.PositionAction.OPEN)
    time_in_force = fields.Enum(enums.TimeInForce, by_value=True, allow_none=True)
    reduce_only = fields.Boolean(load_default=False)
    client_order_id = fields.String(allow_none=True)
    exchange_check = fields.Boolean(load_default=False)


class PreviewSchema(Schema):
    """What placing an order would come to."""

    would_place = fields.Boolean(required=True)
    refusals = fields.List(fields.Nested(lambda: PreviewRefusalSchema()), required=True)
    replays_order_id = fields.String(required=True, allow_none=True)
    seq = fields.Integer(required=True, allow_none=True)
    order = fields.Nested(lambda: PreviewTermsSchema(), required=True, allow_none=True)
    notional = fields.DecimalText(required=True, allow_none=True)
    book = fields.Nested(lambda: PreviewBookSchema(), required=True, allow_none=True)
    fee = fields.Nested(lambda: PreviewFeeSchema(), required=True, allow_none=True)
    funds = fields.Nested(lambda: PreviewFundsSchema(), required=True, allow_none=True)
    position_after = fields.Nested(lambda: PreviewHoldingSchema(), required=True, allow_none=True)
    limits = fields.List(fields.Nested(lambda: PreviewLimitSchema()), required=True)
    needs_approval = fields.Boolean(required=True)
    collar = fields.Nested(lambda: PriceBandSchema(), required=True, allow_none=True)
    band = fields.Nested(lambda: PriceBandSchema(), required=True, allow_none=True)
    checked_by_exchange = fields.Boolean(required=True)
    unknown_ = fields.List(fields.String(), data_key="unknown", required=True)
    preview_token = fields.String(required=True, allow_none=True)
    expires_at = fields.UtcDateTime(required=True, allow_none=True)


class PreviewRefusalSchema(Schema):
    """A refusal, as the problem document that placing would answer with."""

    code = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    violations = fields.List(fields.Nested(lambda: ViolationSchema()))
    exchange_code = fields.String()


class PreviewTermsSchema(Schema):
    """The order as it would be sent. Under a price collar a MARKET order may be a limit order that never rests."""

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, required=True)
    amount = fields.DecimalText(required=True, allow_none=True)
    quote_amount = fields.DecimalText(allow_none=True)
    price = fields.DecimalText(required=True, allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True)
    time_in_force = fields.Enum(enums.TimeInForce, by_value=True, allow_none=True)
    reduce_only = fields.Boolean()


class PreviewBookSchema(Schema):
    """What the order takes at once from the book as it stands. ``impact_bps``: how much worse the average price is
    than the middle of the book, in basis points. ``is_complete`` is false where the book does not hold so much.
    """

    taken_amount = fields.DecimalText(required=True)
    taken_quote = fields.DecimalText(required=True)
    average_price = fields.DecimalText(required=True, allow_none=True)
    worst_price = fields.DecimalText(required=True, allow_none=True)
    best_price = fields.DecimalText(required=True, allow_none=True)
    impact_bps = fields.DecimalText(required=True, allow_none=True)
    is_complete = fields.Boolean(required=True)
    reported_at = fields.UtcDateTime(required=True, allow_none=True)


class PreviewFeeSchema(Schema):
    """The account's rates and where they are from, and the fee: of what is taken at once, of the rest if it is
    filled, and both. What an exchange takes off for fees that are paid in a coin of its own is not taken off.
    """

    maker_rate = fields.DecimalText(required=True)
    taker_rate = fields.DecimalText(required=True)
    source = fields.String(required=True)
    currency = fields.String(required=True)
    amount = fields.DecimalText(required=True)
    taker_amount = fields.DecimalText(required=True)
    maker_amount = fields.DecimalText(required=True)


class PreviewFundsSchema(Schema):
    """What the order takes of the account: on spot what it pays with, on perpetuals (``is_margin``) its initial
    margin.
    """

    asset = fields.String(required=True)
    needed = fields.DecimalText(required=True)
    available = fields.DecimalText(required=True, allow_none=True)
    is_margin = fields.Boolean(required=True)
    leverage = fields.DecimalText(required=True, allow_none=True)


class PreviewHoldingSchema(Schema):
    """On spot what the account holds of the base asset, on perpetuals the pair's position (negative is short),
    before the order and after all of it is filled.
    """

    before = fields.DecimalText(required=True)
    after = fields.DecimalText(required=True)


class PreviewLimitSchema(Schema):
    """One limit: what is used before the order, the most that is allowed, what would be used with it, and what
    would be left.
    """

    limit = fields.String(required=True)
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    value = fields.String(required=True)
    maximum = fields.String(required=True)
    would_be = fields.String(required=True)
    headroom = fields.String(required=True)


class PriceBandSchema(Schema):
    """The lowest and the highest price; null without a bound."""

    low = fields.DecimalText(required=True, allow_none=True)
    high = fields.DecimalText(required=True, allow_none=True)


class ResolutionSchema(Schema):
    """What an operator says of an order that no question settles. ``filled_amount`` is what the exchange's own
    pages show; it is kept with the evidence, and the order's totals stay those of its executions.
    """

    outcome = fields.String(required=True)
    reason = fields.String(required=True)
    evidence = fields.String(required=True)
    filled_amount = fields.DecimalNumber(allow_none=True)


class CancelResponseSchema(Schema):
    """What became of the request to cancel."""

    message = fields.String(required=True)
    order_id = fields.String(required=True)
    status = fields.Enum(enums.OrderStatus, by_value=True, required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)
    environment = fields.Enum(enums.Environment, by_value=True)


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

    environment = fields.Enum(enums.Environment, by_value=True)
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
    fees = fields.List(fields.Nested(lambda: FeeSchema()), required=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, required=True)
    time_in_force = fields.Enum(enums.TimeInForce, by_value=True, required=True, allow_none=True)
    reduce_only = fields.Boolean(required=True)
    created_at = fields.UtcDateTime(required=True)
    updated_at = fields.UtcDateTime(required=True)
    exchange_order_id = fields.String(required=True, allow_none=True)
    exchange_client_order_id = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)


class FeeSchema(Schema):
    """What was paid in one currency."""

    currency = fields.String(required=True)
    amount = fields.DecimalNumber(required=True)


class OrderPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: OrderSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class OrderWithEventsSchema(Schema):
    """An order and everything that was recorded about it, oldest first."""

    environment = fields.Enum(enums.Environment, by_value=True)
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
    fees = fields.List(fields.Nested(lambda: FeeSchema()), required=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, required=True)
    time_in_force = fields.Enum(enums.TimeInForce, by_value=True, required=True, allow_none=True)
    reduce_only = fields.Boolean(required=True)
    created_at = fields.UtcDateTime(required=True)
    updated_at = fields.UtcDateTime(required=True)
    exchange_order_id = fields.String(required=True, allow_none=True)
    exchange_client_order_id = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    next_check_at = fields.UtcDateTime(required=True, allow_none=True)
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
    exchange_client_order_id = fields.String(required=True, allow_none=True)
    amount = fields.DecimalNumber(required=True, allow_none=True)
    price = fields.DecimalNumber(required=True, allow_none=True)
    fill = fields.Nested(lambda: FillSchema(), required=True, allow_none=True)
    reason_code = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    evidence = fields.String(required=True, allow_none=True)
    actor = fields.Nested(lambda: ActorSchema(), required=True, allow_none=True)


class ActorSchema(Schema):
    """The person or program that caused an event."""

    name = fields.String(required=True)
    key_id = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)


class FillSchema(Schema):
    """One execution, as part of an event."""

    exchange_fill_id = fields.String(required=True)
    price = fields.DecimalNumber(required=True)
    amount = fields.DecimalNumber(required=True)
    fee = fields.DecimalNumber(required=True, allow_none=True)
    fee_currency = fields.String(required=True, allow_none=True)
    filled_at = fields.UtcDateTime(required=True)
    liquidity = fields.Enum(enums.Liquidity, by_value=True, required=True, allow_none=True)


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
    fee_paid = fields.DecimalNumber(required=True, allow_none=True)
    fee_currency = fields.String(required=True, allow_none=True)
    liquidity = fields.Enum(enums.Liquidity, by_value=True, required=True, allow_none=True)
    timestamp = fields.UtcDateTime(required=True)


class TradePageSchema(Schema):
    data = fields.List(fields.Nested(lambda: TradeSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class PositionFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)


class PositionSchema(Schema):
    """A position. ``amount`` is in base units, negative where it is short; money is in the settlement asset. What
    the exchange does not say is null.
    """

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    side = fields.Enum(enums.PositionSide, by_value=True, required=True)
    position_side = fields.Enum(enums.PositionSide, by_value=True, required=True)
    amount = fields.DecimalNumber(required=True)
    entry_price = fields.DecimalNumber(required=True, allow_none=True)
    unrealized_pnl = fields.DecimalNumber(required=True, allow_none=True)
    leverage = fields.DecimalNumber(required=True, allow_none=True)
    mark_price = fields.DecimalNumber(required=True, allow_none=True)
    liquidation_price = fields.DecimalNumber(required=True, allow_none=True)
    margin = fields.DecimalNumber(required=True, allow_none=True)


class PositionErrorSchema(Schema):
    """An account whose exchange could not be asked; its positions are not known."""

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    retryable = fields.Boolean(required=True)


class PositionPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: PositionSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)
    errors = fields.List(fields.Nested(lambda: PositionErrorSchema()), required=True)


class PositionModeRequestSchema(Schema):
    position_mode = fields.String(required=True)


class PositionModeResponseSchema(Schema):
    position_mode = fields.Enum(enums.PositionMode, by_value=True, required=True)
    connector = fields.String(required=True)
    account = fields.String(required=True)


class LeverageRequestSchema(Schema):
    trading_pair = fields.String(required=True)
    leverage = fields.Integer(required=True)


class SettingResponseSchema(Schema):
    status = fields.String(required=True)
    message = fields.String(required=True)


class FundingPaymentFilterSchema(Schema):
    account_names = fields.List(fields.String(), allow_none=True)
    connector_names = fields.List(fields.String(), allow_none=True)
    trading_pair = fields.String(allow_none=True)
    start_time = fields.UnixMilliseconds(allow_none=True)
    end_time = fields.UnixMilliseconds(allow_none=True)
    limit = fields.Integer(load_default=100)
    cursor = fields.String(allow_none=True)


class FundingPaymentSchema(Schema):
    """One payment of funding, negative where it was paid. ``funding_payment_id`` is connector, pair and Unix
    seconds; ``exchange_funding_id`` names it at the exchange. What the exchange does not say is null.
    """

    id = fields.Integer(required=True)
    funding_payment_id = fields.String(required=True)
    timestamp = fields.UtcDateTime(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    funding_rate = fields.DecimalNumber(required=True, allow_none=True)
    funding_payment = fields.DecimalNumber(required=True)
    fee_currency = fields.String(required=True)
    position_size = fields.DecimalNumber(required=True, allow_none=True)
    position_side = fields.Enum(enums.PositionSide, by_value=True, required=True, allow_none=True)
    exchange_funding_id = fields.String(required=True, allow_none=True)


class FundingPaymentPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: FundingPaymentSchema()), required=True)
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


class ConnectorCapabilitiesSchema(Schema):
    connector = fields.String(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)
    order_types = fields.List(fields.Enum(enums.OrderType, by_value=True), required=True)
    times_in_force = fields.List(fields.Enum(enums.TimeInForce, by_value=True), required=True)
    reduce_only = fields.Boolean(required=True)
    quote_amount = fields.Boolean(required=True)
    is_perpetual = fields.Boolean(required=True)
    client_order_id = fields.String(required=True)
    settles = fields.String(required=True)
    stream = fields.String(required=True)
    market_buy_in = fields.List(fields.String(), required=True)
    countdown = fields.String(required=True)
    proof = fields.String(required=True)


class ConnectorHealthSchema(Schema):
    connector = fields.String(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)
    problem = fields.String(required=True, allow_none=True)
    clock_ahead_ms = fields.Integer(required=True, allow_none=True)
    clock_problem = fields.String(required=True, allow_none=True)
    request_headroom = fields.Float(required=True, allow_none=True)
    unreadable_rows = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class OrderTypesSchema(Schema):
    connector = fields.String(required=True)
    supported_order_types = fields.List(fields.Enum(enums.OrderType, by_value=True), required=True)


class ConsoleSignInSchema(Schema):
    """What a person gives beside the password."""

    totp = fields.String()


class ConsoleSessionSchema(Schema):
    """Who has signed in."""

    username = fields.String(required=True)
    scopes = fields.List(fields.Enum(enums.Scope, by_value=True), required=True)
    expires_at = fields.UtcDateTime(required=True, allow_none=True)


class ApiKeyRequestSchema(Schema):
    name = fields.String(required=True)
    environment = fields.String(required=True)
    role = fields.Enum(enums.Role, by_value=True)
    scopes = fields.List(fields.Enum(enums.Scope, by_value=True))
    accounts = fields.List(fields.String(), allow_none=True)
    connectors = fields.List(fields.String(), allow_none=True)
    pairs = fields.List(fields.String(), allow_none=True)
    allowed_ips = fields.List(fields.String(), allow_none=True)
    limits = fields.Nested(lambda: LimitsSchema())
    expires_at = fields.UtcDateTime(allow_none=True)


class ApiKeySchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)
    scopes = fields.List(fields.Enum(enums.Scope, by_value=True), required=True)
    accounts = fields.List(fields.String(), required=True, allow_none=True)
    connectors = fields.List(fields.String(), required=True, allow_none=True)
    pairs = fields.List(fields.String(), required=True, allow_none=True)
    allowed_ips = fields.List(fields.String(), required=True, allow_none=True)
    limits = fields.Nested(lambda: LimitsSchema(), required=True)
    created_at = fields.UtcDateTime(required=True)
    created_by = fields.String(required=True)
    expires_at = fields.UtcDateTime(required=True, allow_none=True)
    disabled_at = fields.UtcDateTime(required=True, allow_none=True)
    last_used_at = fields.UtcDateTime(required=True, allow_none=True)


class NewApiKeySchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)
    scopes = fields.List(fields.Enum(enums.Scope, by_value=True), required=True)
    accounts = fields.List(fields.String(), required=True, allow_none=True)
    connectors = fields.List(fields.String(), required=True, allow_none=True)
    pairs = fields.List(fields.String(), required=True, allow_none=True)
    allowed_ips = fields.List(fields.String(), required=True, allow_none=True)
    limits = fields.Nested(lambda: LimitsSchema(), required=True)
    created_at = fields.UtcDateTime(required=True)
    created_by = fields.String(required=True)
    expires_at = fields.UtcDateTime(required=True, allow_none=True)
    disabled_at = fields.UtcDateTime(required=True, allow_none=True)
    last_used_at = fields.UtcDateTime(required=True, allow_none=True)
    secret = fields.String(required=True)


class AuditEntrySchema(Schema):
    """One thing that somebody did, or was refused."""

    number = fields.Integer(required=True)
    at = fields.UtcDateTime(required=True)
    actor = fields.String(required=True)
    key_id = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    operation = fields.String(required=True)
    object = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True)
    seq = fields.Integer(required=True)
    hash = fields.String(required=True)


class AuditPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: AuditEntrySchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class ApiKeyListSchema(Schema):
    data = fields.List(fields.Nested(lambda: ApiKeySchema()), required=True)


class MessageSchema(Schema):
    message = fields.String(required=True)


class CredentialTrialSchema(Schema):
    verdict = fields.String(required=True)
    detail = fields.String(required=True)
    tried_at = fields.UtcDateTime(required=True)


class AccountReconciliationSchema(Schema):
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    last = fields.Nested(lambda: ReconciliationSchema(), required=True, allow_none=True)
    failed_at = fields.UtcDateTime(required=True, allow_none=True)
    problem = fields.String(required=True, allow_none=True)


class ReconciliationSchema(Schema):
    """A comparison of the journal with the exchange's book. What differs is recorded, or asked about order by
    order.
    """

    at = fields.UtcDateTime(required=True)
    is_whole = fields.Boolean(required=True)
    orders = fields.Integer(required=True)
    difference_count = fields.Integer(required=True)
    differences = fields.List(fields.Nested(lambda: ReconciliationDifferenceSchema()), required=True)
    foreign_orders = fields.Integer(required=True)
    unasked_pairs = fields.List(fields.String(), required=True)


class ReconciliationDifferenceSchema(Schema):
    """An order that the journal and the book did not have alike. What the exchange said is null where its book did
    not show the order.
    """

    order_id = fields.String(required=True)
    trading_pair = fields.String(required=True)
    state = fields.Enum(enums.OrderState, by_value=True, required=True)
    filled_amount = fields.DecimalNumber(required=True)
    exchange_state = fields.String(required=True, allow_none=True)
    exchange_filled_amount = fields.DecimalNumber(required=True, allow_none=True)


class ConfigFieldSchema(Schema):
    """One field of a connector's credentials."""

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
    """One token. ``units`` and ``available_units`` are what there is and what no order holds, the latter null
    where the exchange does not state it; an unknown price is 0 and ``price_known`` false. ``problem`` says why
    the exchange could not be asked again since ``as_of``.
    """

    token = fields.String(required=True)
    units = fields.DecimalNumber(required=True)
    price = fields.DecimalNumber(required=True)
    value = fields.DecimalNumber(required=True)
    available_units = fields.DecimalNumber(required=True, allow_none=True)
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
    is_partial = fields.Boolean(required=True)
    unpriced_tokens = fields.List(fields.String(), required=True)
    errors = fields.List(fields.Nested(lambda: PortfolioErrorSchema()), required=True)


class PortfolioTokenShareSchema(Schema):
    token = fields.String(required=True)
    total_value = fields.DecimalNumber(required=True)
    total_units = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)
    price_known = fields.Boolean(required=True)
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
    is_partial = fields.Boolean(required=True)
    unpriced_tokens = fields.List(fields.String(), required=True)
    errors = fields.List(fields.Nested(lambda: PortfolioErrorSchema()), required=True)


class PortfolioAccountShareSchema(Schema):
    account = fields.String(required=True)
    total_value = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)
    is_partial = fields.Boolean(required=True)
    connectors = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: PortfolioConnectorShareSchema()), required=True)


class PortfolioConnectorShareSchema(Schema):
    value = fields.DecimalNumber(required=True)
    percentage = fields.DecimalNumber(required=True)


class PortfolioErrorSchema(Schema):
    """A place whose exchange could not be asked; what is counted of it is what it said last, at ``as_of``, and
    nothing where that is null.
    """

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    problem = fields.String(required=True)
    as_of = fields.UtcDateTime(required=True, allow_none=True)


class PricesRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pairs = fields.List(fields.String(), required=True)


class PricesResponseSchema(Schema):
    connector = fields.String(required=True)
    prices = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)
    timestamp = fields.DecimalNumber(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class FundingInfoRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)


class FundingInfoSchema(Schema):
    trading_pair = fields.String(required=True)
    funding_rate = fields.DecimalNumber(required=True, allow_none=True)
    next_funding_time = fields.DecimalNumber(required=True, allow_none=True)
    mark_price = fields.DecimalNumber(required=True, allow_none=True)
    index_price = fields.DecimalNumber(required=True, allow_none=True)


class OrderBookRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    depth = fields.Integer(load_default=10)


class OrderBookLevelSchema(Schema):
    price = fields.DecimalNumber(required=True)
    amount = fields.DecimalNumber(required=True)


class OrderBookSchema(Schema):
    trading_pair = fields.String(required=True)
    bids = fields.List(fields.Nested(lambda: OrderBookLevelSchema()), required=True)
    asks = fields.List(fields.Nested(lambda: OrderBookLevelSchema()), required=True)
    timestamp = fields.DecimalNumber(required=True)


class VolumeQueryRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    is_buy = fields.Boolean(required=True)
    volume = fields.DecimalNumber(required=True)


class QuoteVolumeQueryRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    is_buy = fields.Boolean(required=True)
    quote_volume = fields.DecimalNumber(required=True)


class PriceQueryRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    is_buy = fields.Boolean(required=True)
    price = fields.DecimalNumber(required=True)


class OrderBookQuerySchema(Schema):
    """What taking a part of the book would come to; what the question is not about is null."""

    trading_pair = fields.String(required=True)
    is_buy = fields.Boolean(required=True)
    query_volume = fields.DecimalNumber(required=True, allow_none=True)
    query_price = fields.DecimalNumber(required=True, allow_none=True)
    result_price = fields.DecimalNumber(required=True, allow_none=True)
    result_volume = fields.DecimalNumber(required=True, allow_none=True)
    result_quote_volume = fields.DecimalNumber(required=True, allow_none=True)
    average_price = fields.DecimalNumber(required=True, allow_none=True)
    timestamp = fields.DecimalNumber(required=True)


class CandlesRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    interval = fields.String(load_default='1m')
    max_records = fields.Integer(load_default=500)


class HistoricalCandlesRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    interval = fields.String(load_default='1m')
    start_time = fields.UnixMilliseconds(required=True)
    end_time = fields.UnixMilliseconds(required=True)


class CandleSchema(Schema):
    """``timestamp`` is when it opened."""

    timestamp = fields.DecimalNumber(required=True)
    open = fields.DecimalNumber(required=True)
    high = fields.DecimalNumber(required=True)
    low = fields.DecimalNumber(required=True)
    close = fields.DecimalNumber(required=True)
    volume = fields.DecimalNumber(required=True)
    quote_asset_volume = fields.DecimalNumber(required=True)
    n_trades = fields.Integer(required=True)
    taker_buy_base_volume = fields.DecimalNumber(required=True)
    taker_buy_quote_volume = fields.DecimalNumber(required=True)


class ActiveFeedSchema(Schema):
    feed_type = fields.String(required=True)
    last_access_time = fields.DecimalNumber(required=True)
    seconds_since_access = fields.DecimalNumber(required=True)
    will_expire_in = fields.DecimalNumber(required=True)
    config = fields.Raw(required=True)


class MarketDataSettingsSchema(Schema):
    cleanup_interval = fields.Integer(required=True)
    feed_timeout = fields.Integer(required=True)
    description = fields.String(required=True)


class AddTradingPairRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    account_name = fields.String(allow_none=True)
    timeout = fields.Float(load_default=30)


class RemoveTradingPairRequestSchema(Schema):
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    account_name = fields.String(allow_none=True)


class TradingPairAnswerSchema(Schema):
    success = fields.Boolean(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    message = fields.String(required=True)


class OrderBookDiagnosticsSchema(Schema):
    connector_name = fields.String(required=True)
    account_name = fields.String(required=True, allow_none=True)
    trading_pairs = fields.List(fields.String(), required=True)
    order_books = fields.Dict(keys=fields.String(), values=fields.Nested(lambda: OrderBookHealthSchema()), required=True)
    timestamp = fields.DecimalNumber(required=True)


class OrderBookHealthSchema(Schema):
    """One book. ``questions`` counts how often the exchange was asked."""

    best_bid = fields.DecimalNumber(required=True, allow_none=True)
    best_ask = fields.DecimalNumber(required=True, allow_none=True)
    bid_levels = fields.Integer(required=True)
    ask_levels = fields.Integer(required=True)
    updated_at = fields.DecimalNumber(required=True, allow_none=True)
    last_access_time = fields.DecimalNumber(required=True)
    questions = fields.Integer(required=True)
    failures = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True)


class OrderBookRestartSchema(Schema):
    success = fields.Boolean(required=True)
    message = fields.String(required=True)
    trading_pairs = fields.List(fields.String(), required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class TickersResponseSchema(Schema):
    tickers = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.Nested(lambda: TickerSchema())), required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    updated_at = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class TickerSchema(Schema):
    """The last trade, and what was traded in 24 hours, null where the exchange does not state it."""

    price = fields.DecimalNumber(required=True)
    base_volume = fields.DecimalNumber(required=True, allow_none=True)
    quote_volume = fields.DecimalNumber(required=True, allow_none=True)
    timestamp = fields.DecimalNumber(required=True)


class RatesRequestSchema(Schema):
    trading_pairs = fields.List(fields.String(), required=True)
    connector = fields.String(allow_none=True)


class PoolRatesSchema(Schema):
    quote_token = fields.String(required=True)
    connector = fields.String(required=True, allow_none=True)
    rates = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)


class PoolRateSchema(Schema):
    trading_pair = fields.String(required=True)
    rate = fields.DecimalNumber(required=True, allow_none=True)
    quote_token = fields.String(required=True)
    connector = fields.String(required=True, allow_none=True)


class PoolPricesSchema(Schema):
    quote_token = fields.String(required=True)
    prices_count = fields.Integer(required=True)
    prices = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)


class OracleRatesRequestSchema(Schema):
    trading_pairs = fields.List(fields.String(), required=True)


class OracleRatesSchema(Schema):
    source = fields.String(required=True)
    quote_token = fields.String(required=True)
    rates = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)


class OracleRateSchema(Schema):
    trading_pair = fields.String(required=True)
    rate = fields.DecimalNumber(required=True, allow_none=True)
    source = fields.String(required=True)
    quote_token = fields.String(required=True)


class OraclePricesSchema(Schema):
    source = fields.String(required=True)
    quote_token = fields.String(required=True)
    prices_count = fields.Integer(required=True)
    prices = fields.Dict(keys=fields.String(), values=fields.DecimalNumber(), required=True)


class RateSourceSchema(Schema):
    name = fields.String(required=True)


class GlobalTokenSchema(Schema):
    """The token that values are shown in."""

    global_token_name = fields.String(required=True)
    global_token_symbol = fields.String(required=True)


class RateOracleConfigSchema(Schema):
    rate_oracle_source = fields.Nested(lambda: RateSourceSchema(), required=True)
    global_token = fields.Nested(lambda: GlobalTokenSchema(), required=True)
    available_sources = fields.List(fields.String(), required=True)


class RateSourceChangeSchema(Schema):
    name = fields.String(required=True)


class GlobalTokenChangeSchema(Schema):
    global_token_name = fields.String()
    global_token_symbol = fields.String()


class RateOracleChangeSchema(Schema):
    rate_oracle_source = fields.Nested(lambda: RateSourceChangeSchema(), allow_none=True)
    global_token = fields.Nested(lambda: GlobalTokenChangeSchema(), allow_none=True)


class RateOracleChangedSchema(Schema):
    success = fields.Boolean(required=True)
    message = fields.String(required=True)
    config = fields.Nested(lambda: RateOracleConfigSchema(), required=True)


class SafetyScopeSchema(Schema):
    """What is covered. A part that is absent or null covers everything of its kind; without any part it is the
    whole gateway. What is named must exist, unless a halt or limits of this very scope are set already.
    """

    account_name = fields.String(allow_none=True)
    connector_name = fields.String(allow_none=True)
    trading_pair = fields.String(allow_none=True)
    key_id = fields.String(allow_none=True)


class HaltRequestSchema(Schema):
    """A halt without a scope is one of the whole gateway."""

    scope = fields.Nested(lambda: SafetyScopeSchema())
    mode = fields.Enum(enums.HaltMode, by_value=True, load_default=enums.HaltMode.HALT)
    cancel = fields.Enum(enums.HaltCancel, by_value=True, load_default=enums.HaltCancel.NONE)
    reason = fields.String(required=True)


class ResumeRequestSchema(Schema):
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    reason = fields.String(required=True)


class UnknownOrderSchema(Schema):
    """An order whose outcome is not known, and for how many seconds."""

    order_id = fields.String(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    age_seconds = fields.Float(required=True)


class HaltStatusSchema(Schema):
    """A halt and what is left in its scope. ``in_flight``: orders that were intended and of which no answer is
    recorded yet. ``still_open``: orders that rest at an exchange; ``cancelling``: those of them whose cancel
    was asked for. ``unknown``: orders whose outcome is not known. ``quiet``: nothing of all this is left, and
    when the exchanges were asked for this answer, they listed no open order either.
    """

    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    mode = fields.Enum(enums.HaltMode, by_value=True, required=True)
    cancel = fields.Enum(enums.HaltCancel, by_value=True, required=True)
    reason = fields.String(required=True)
    halted_at = fields.UtcDateTime(required=True)
    halted_by = fields.String(required=True)
    halted_at_seq = fields.Integer(required=True)
    in_flight = fields.Integer(required=True)
    cancelling = fields.Integer(required=True)
    still_open = fields.Integer(required=True)
    unknown_ = fields.List(fields.Nested(lambda: UnknownOrderSchema()), data_key="unknown", required=True)
    quiet = fields.Boolean(required=True)


class SafetySchema(Schema):
    seq = fields.Integer(required=True)
    halts = fields.List(fields.Nested(lambda: HaltStatusSchema()), required=True)
    dead_man = fields.List(fields.Nested(lambda: DeadManSchema()), required=True)


class RemainingHaltSchema(Schema):
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    mode = fields.Enum(enums.HaltMode, by_value=True, required=True)
    reason = fields.String(required=True)
    halted_at_seq = fields.Integer(required=True)


class ResumeResponseSchema(Schema):
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    resumed = fields.Boolean(required=True)
    halts = fields.List(fields.Nested(lambda: RemainingHaltSchema()), required=True)
    hint = fields.String(allow_none=True)


class DeadManRequestSchema(Schema):
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    timeout_seconds = fields.Integer(required=True)
    keep = fields.Enum(enums.DeadManKeep, by_value=True, load_default=enums.DeadManKeep.NONE)
    then = fields.Enum(enums.DeadManThen, by_value=True, load_default=enums.DeadManThen.NOTHING)
    require = fields.Enum(enums.DeadManRequire, by_value=True, load_default=enums.DeadManRequire.ANY)


class DeadManCoverSchema(Schema):
    """``exchange``: the pairs whose countdown runs at the exchange, which cancels all orders of the account on
    them, whoever placed them; ``*`` is the countdown of an exchange that has one for all pairs. ``gateway``:
    which of the orders that were placed here the gateway cancels.
    """

    exchange = fields.List(fields.String(), required=True)
    gateway = fields.Enum(enums.HaltCancel, by_value=True, required=True)


class DeadManSchema(Schema):
    """A switch. ``armed_until`` is when it fires unless it is renewed, null where it has fired and was not armed
    anew; ``renew_before`` is half way there. ``fired_at`` and ``fired_at_seq`` tell of the last time that it
    fired, and of the event in the journal. ``quiet``: nothing is left of what was to be canceled then. Until it
    is, no order is taken on the account. ``still_counting`` are pairs whose countdown may still run at the
    exchange and is to be ended: after a firing the account stays closed until the exchange has said that they
    are, or the switch is armed anew.
    """

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    timeout_seconds = fields.Integer(required=True)
    keep = fields.Enum(enums.DeadManKeep, by_value=True, required=True)
    then = fields.Enum(enums.DeadManThen, by_value=True, required=True)
    require = fields.Enum(enums.DeadManRequire, by_value=True, required=True)
    armed_until = fields.UtcDateTime(required=True, allow_none=True)
    held_by = fields.String(required=True, allow_none=True)
    covers = fields.Nested(lambda: DeadManCoverSchema(), required=True)
    renew_before = fields.UtcDateTime(required=True, allow_none=True)
    renewed_by = fields.String(required=True)
    fired_at = fields.UtcDateTime(required=True, allow_none=True)
    fired_at_seq = fields.Integer(required=True, allow_none=True)
    quiet = fields.Boolean(required=True)
    still_counting = fields.List(fields.String(), required=True)


class DeadManListSchema(Schema):
    switches = fields.List(fields.Nested(lambda: DeadManSchema()), required=True)


class DeadManDisarmedSchema(Schema):
    """``still_counting`` are pairs whose countdown the exchange could not be asked to end: the gateway goes on
    asking, and a repeated call does so at once.
    """

    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    disarmed = fields.Boolean(required=True)
    still_counting = fields.List(fields.String(), required=True)


class PriceCollarSchema(Schema):
    """How far from a reference price an order may be priced, on the side on which it would pay more than the
    market (``both_sides``: on either). Without a reference that is younger than ``max_age_seconds``, orders are
    refused. A MARKET order becomes a limit order at the collar that never rests, where the exchange has such
    orders; elsewhere the book decides whether it may go.
    """

    reference = fields.String(load_default='mid')
    max_age_seconds = fields.DecimalNumber(load_default=5)
    max_deviation_bps = fields.DecimalNumber(allow_none=True)
    max_ticks = fields.Integer(allow_none=True)
    both_sides = fields.Boolean(load_default=False)
    reducing_deviation_bps = fields.DecimalNumber(allow_none=True)
    reducing_ticks = fields.Integer(allow_none=True)


class AnomalyBrakeSchema(Schema):
    """How many refusals, unknown outcomes or fills within the window make the gateway take nothing but what
    reduces, by itself, until somebody resumes. Refusals by limits count in the process that made them.
    """

    window_seconds = fields.Integer(required=True)
    refusals = fields.Integer(allow_none=True)
    unknowns = fields.Integer(allow_none=True)
    fills = fields.Integer(allow_none=True)


class LimitsSchema(Schema):
    """Amounts and positions are in base units, values in US dollars, where tokens with USD in their names count as
    one. A position is the sum of the fills in the journal. ``max_daily_loss`` counts realised losses and fees
    of the UTC day. ``cancels_per_minute`` never stops a cancel: when it is reached, new orders are refused
    until the minute is over. ``max_leverage`` holds for setting it and for orders on positions that have more.
    ``duplicate_window``: seconds in which the same terms do not come again. What only reduces a position passes
    everything that exists to stop growth: all that begin with ``max_``, ``approval_above_notional``, and
    ``allowed_pairs``. An order worth more than ``approval_above_notional`` is placed once another person has
    approved it.
    """

    max_order_amount = fields.DecimalNumber(allow_none=True)
    max_order_notional = fields.DecimalNumber(allow_none=True)
    max_open_orders = fields.Integer(allow_none=True)
    max_open_notional = fields.DecimalNumber(allow_none=True)
    max_position = fields.DecimalNumber(allow_none=True)
    max_gross_notional = fields.DecimalNumber(allow_none=True)
    max_daily_loss = fields.DecimalNumber(allow_none=True)
    orders_per_second = fields.Integer(allow_none=True)
    orders_per_minute = fields.Integer(allow_none=True)
    cancels_per_minute = fields.Integer(allow_none=True)
    allowed_pairs = fields.List(fields.String(), allow_none=True)
    allowed_order_types = fields.List(fields.Enum(enums.OrderType, by_value=True), allow_none=True)
    max_leverage = fields.DecimalNumber(allow_none=True)
    approval_above_notional = fields.DecimalNumber(allow_none=True)
    duplicate_window = fields.Integer(allow_none=True)
    prevent_self_cross = fields.Boolean(allow_none=True)
    price_collar = fields.Nested(lambda: PriceCollarSchema(), allow_none=True)
    anomaly_brake = fields.Nested(lambda: AnomalyBrakeSchema(), allow_none=True)


class LimitChangeSchema(Schema):
    """Limits of one scope; or ``unlimited`` with a ``reason``, which lifts all and says that this is so on
    purpose.
    """

    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    limits = fields.Nested(lambda: LimitsSchema())
    unlimited = fields.Boolean(load_default=False)
    reason = fields.String()


class LimitSetSchema(Schema):
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    limits = fields.Nested(lambda: LimitsSchema(), required=True)
    used = fields.Dict(keys=fields.String(), values=fields.DecimalText(), required=True)
    unlimited = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)
    set_at_seq = fields.Integer(required=True)


class LimitListSchema(Schema):
    seq = fields.Integer(required=True)
    limits = fields.List(fields.Nested(lambda: LimitSetSchema()), required=True)


class AwaitingApprovalSchema(Schema):
    """An order that is not placed before another person has approved it. Nothing was sent, and it reserves
    nothing.
    """

    status = fields.String(required=True)
    approval_id = fields.String(required=True)
    expires_at = fields.UtcDateTime(required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)


class ApprovalSchema(Schema):
    """An order that was asked for and needs an approval, with its terms as they were asked for."""

    id = fields.String(required=True)
    state = fields.Enum(enums.ApprovalState, by_value=True, required=True)
    account_name = fields.String(required=True)
    connector_name = fields.String(required=True)
    trading_pair = fields.String(required=True)
    trade_type = fields.Enum(enums.TradeType, by_value=True, required=True)
    order_type = fields.Enum(enums.OrderType, by_value=True, required=True)
    amount = fields.DecimalText(required=True, allow_none=True)
    quote_amount = fields.DecimalText(required=True, allow_none=True)
    price = fields.DecimalText(required=True, allow_none=True)
    position_action = fields.Enum(enums.PositionAction, by_value=True, required=True)
    client_order_id = fields.String(required=True, allow_none=True)
    notional = fields.DecimalText(required=True)
    above = fields.DecimalText(required=True)
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    asked_by = fields.String(required=True)
    key_id = fields.String(required=True, allow_none=True)
    asked_at = fields.UtcDateTime(required=True)
    expires_at = fields.UtcDateTime(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = fields.UtcDateTime(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    order_id = fields.String(required=True, allow_none=True)
    seq = fields.Integer(required=True)
    environment = fields.Enum(enums.Environment, by_value=True, required=True)


class DecidedApprovalSchema(Schema):
    """What was decided, with the order as it stands, if it was approved."""

    approval = fields.Nested(lambda: ApprovalSchema(), required=True)
    order = fields.Nested(lambda: OrderSchema(), required=True, allow_none=True)


class ApprovalRequestSchema(Schema):
    decision = fields.Enum(enums.ApprovalDecision, by_value=True, required=True)
    reason = fields.String()


class ApprovalPageSchema(Schema):
    data = fields.List(fields.Nested(lambda: ApprovalSchema()), required=True)
    pagination = fields.Nested(lambda: PaginationSchema(), required=True)


class ViolationSchema(Schema):
    """One limit that an order would break: what is used before it, the most that is allowed, and what would be
    used with it.
    """

    limit = fields.String(required=True)
    scope = fields.Nested(lambda: SafetyScopeSchema(), required=True)
    value = fields.String(required=True)
    maximum = fields.String(required=True)
    would_be = fields.String(required=True)


class RootSchema(Schema):
    name = fields.String(required=True)
    version = fields.String(required=True)
    status = fields.String(required=True)


class HealthSchema(Schema):
    status = fields.String(required=True)
    name = fields.String(required=True)
    version = fields.String(required=True)


class LivenessSchema(Schema):
    status = fields.String(required=True)


class QuantilesSchema(Schema):
    """Quantiles of the last durations, in milliseconds."""

    count = fields.Integer(required=True)
    p50_ms = fields.Float(required=True)
    p95_ms = fields.Float(required=True)
    p99_ms = fields.Float(required=True)


class PerformanceStepSchema(Schema):
    """A step of an order or a cancel, with the quantiles of its last durations in milliseconds."""

    part = fields.String(required=True)
    connector = fields.String(required=True)
    verb = fields.String(required=True)
    count = fields.Integer(required=True)
    p50_ms = fields.Float(required=True)
    p95_ms = fields.Float(required=True)
    p99_ms = fields.Float(required=True)


class OutcomeCountSchema(Schema):
    """How often something came of an order, a cancel or a preview within a minute."""

    minute = fields.UtcDateTime(required=True)
    connector = fields.String(required=True)
    verb = fields.String(required=True)
    outcome = fields.String(required=True)
    count = fields.Integer(required=True)


class JournalPerformanceSchema(Schema):
    head = fields.Integer(required=True)
    queue = fields.Integer(required=True)
    commits = fields.Nested(lambda: QuantilesSchema(), required=True, allow_none=True)
    unsettled_orders = fields.Integer(required=True)
    oldest_unsettled_seconds = fields.Float(required=True, allow_none=True)


class PerformanceSchema(Schema):
    process = fields.Integer(required=True)
    as_of = fields.UtcDateTime(required=True)
    steps = fields.List(fields.Nested(lambda: PerformanceStepSchema()), required=True)
    outcomes = fields.List(fields.Nested(lambda: OutcomeCountSchema()), required=True)
    journal = fields.Nested(lambda: JournalPerformanceSchema(), required=True)
    streams = fields.Integer(required=True)


class ReadinessSchema(Schema):
    """``ready``, or what is missing."""

    status = fields.String(required=True)
    journal = fields.String(required=True)
    connectors = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    without_limits = fields.List(fields.String())


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
    hint = fields.String()
    allowed = fields.List(fields.String())
    exchange_code = fields.String()
    violations = fields.List(fields.Nested(lambda: ViolationSchema()))


class MalformedRequestSchema(Schema):
    """A problem that was found before there was a request."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    retryable = fields.Boolean(required=True)


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
    input = fields.Raw()
