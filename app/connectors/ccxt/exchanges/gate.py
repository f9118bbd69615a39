"""Gate: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.gate.com/docs/developers/apiv4/#error-handling
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.gate.com/docs/developers/apiv4/#error-handling"

_REFUSALS = Refusals(
    order=codes(
        "INVALID_PARAM_VALUE INVALID_PROTOCOL INVALID_ARGUMENT INVALID_REQUEST_BODY MISSING_REQUIRED_PARAM BAD_REQUEST "
        "INVALID_CONTENT_TYPE NOT_ACCEPTABLE METHOD_NOT_ALLOWED INVALID_PRECISION ORDER_CLOSED ORDER_CANCELLED "
        "QUANTITY_NOT_ENOUGH MARGIN_NOT_SUPPORTED AMOUNT_TOO_LITTLE AMOUNT_TOO_MUCH REPEATED_CREATION "
        "TOO_MANY_CURRENCY_PAIRS TOO_MANY_ORDERS MIXED_ACCOUNT_TYPE LIQUIDATE_IMMEDIATELY LEVERAGE_TOO_HIGH "
        "LEVERAGE_TOO_LOW POSITION_EMPTY PRICE_TOO_DEVIATED SIZE_TOO_LARGE SIZE_TOO_SMALL PRICE_OVER_LIQUIDATION "
        "PRICE_OVER_BANKRUPT INCREASE_POSITION RISK_LIMIT_TOO_LOW AUTO_TRIGGER_PRICE_LESS_LAST "
        "AUTO_TRIGGER_PRICE_GREATE_LAST POSITION_HOLDING USER_LOAN_EXCEEDED NO_CHANGE PRICE_THRESHOLD_EXCEEDED "
    ),
    rules=codes("INVALID_CURRENCY INVALID_CURRENCY_PAIR CONTRACT_NOT_FOUND"),
    balance=codes(
        "FUTURES_BALANCE_NOT_ENOUGH BALANCE_NOT_ENOUGH MARGIN_BALANCE_NOT_ENOUGH TRADE_RESTRICTED "
        "INSUFFICIENT_AVAILABLE "
    ),
    would_take=codes("POC_FILL_IMMEDIATELY ORDER_POC_IMMEDIATE"),
    keys=codes(
        "AUTHENTICATION_FAILED INVALID_CREDENTIALS INVALID_KEY IP_FORBIDDEN READ_ONLY INVALID_SIGNATURE "
        "MISSING_REQUIRED_HEADER REQUEST_EXPIRED ACCOUNT_LOCKED FORBIDDEN SUB_ACCOUNT_LOCKED USER_NOT_FOUND "
    ),
    rate=codes("TOO_FAST TOO_MANY_REQUESTS"),
    no_such_order=codes("ORDER_NOT_FOUND CLIENT_ID_NOT_FOUND LOAN_NOT_FOUND LOAN_RECORD_NOT_FOUND"),
)

SPOT = Row(
    name="gate_io",
    title="Gate",
    ccxt_id="gate",
    market="spot",
    fields=KNOWN_FIELDS["gate_io"],
    secrets={"gate_io_api_key": "apiKey", "gate_io_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    market_buy_in="quote",
    wire_id="t_26",
    client_id="text",
    cancel_client_id="id",
    times_in_force=ALL_TIMES,
    options={"unifiedAccount": False},
)

PERPETUAL = Row(
    name="gate_io_perpetual",
    title="Gate",
    ccxt_id="gate",
    market="swap",
    fields=KNOWN_FIELDS["gate_io_perpetual"],
    secrets={"gate_io_perpetual_api_key": "apiKey", "gate_io_perpetual_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="t_26",
    client_id="text",
    cancel_client_id="id",
    times_in_force=ALL_TIMES,
    options={"unifiedAccount": False},
)

ROWS = (SPOT, PERPETUAL)
