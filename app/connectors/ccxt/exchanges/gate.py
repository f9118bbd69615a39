"""Gate: its rows. Errors: https://www.gate.com/docs/developers/apiv4/#error-handling"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.gate.com/docs/developers/apiv4/#error-handling"

_REFUSALS = Refusals(
    # https://www.gate.com/docs/developers/apiv4/#label-list. Left out: INTERNAL, SERVER_ERROR, TOO_BUSY, and REPEATED_CREATION, a
    # duplicate that may be this very order.
    order=codes(
        "INVALID_PARAM_VALUE INVALID_PROTOCOL INVALID_ARGUMENT INVALID_REQUEST_BODY MISSING_REQUIRED_PARAM BAD_REQUEST "
        "INVALID_PRECISION QUANTITY_NOT_ENOUGH AMOUNT_TOO_LITTLE AMOUNT_TOO_MUCH TOO_MANY_ORDERS TRADE_RESTRICTED "
        "LIQUIDATE_IMMEDIATELY POSITION_EMPTY INCREASE_POSITION PRICE_TOO_DEVIATED SIZE_TOO_LARGE SIZE_TOO_SMALL "
        "PRICE_OVER_LIQUIDATION PRICE_OVER_BANKRUPT PRICE_THRESHOLD_EXCEEDED RISK_LIMIT_EXCEEDED"
        # Of a cancel: the order is done.
        " ORDER_CLOSED ORDER_CANCELLED ORDER_FINISHED"
    ),
    rules=codes("INVALID_CURRENCY INVALID_CURRENCY_PAIR CONTRACT_NOT_FOUND CONTRACT_IN_DELISTING"),
    balance=codes("BALANCE_NOT_ENOUGH MARGIN_BALANCE_NOT_ENOUGH INSUFFICIENT_AVAILABLE"),
    would_take=codes("POC_FILL_IMMEDIATELY ORDER_POC_IMMEDIATE"),
    keys=codes(
        "INVALID_CREDENTIALS INVALID_KEY IP_FORBIDDEN READ_ONLY INVALID_SIGNATURE MISSING_REQUIRED_HEADER ACCOUNT_LOCKED "
        "FORBIDDEN USER_NOT_FOUND"
    ),
    rate=codes("TOO_FAST TOO_MANY_REQUESTS"),
    clock=codes("REQUEST_EXPIRED"),
    no_such_order=codes("ORDER_NOT_FOUND CLIENT_ID_NOT_FOUND"),
)

#: Open orders come a hundred of each pair at a time, so that ccxt's limit, which is for all of them, is not used:
#: https://www.gate.com/docs/developers/apiv4/#list-all-open-orders
_OPEN = Pages(size=100, asks={"limit": 100}, parameter="page", counts="pages")
_PAGES = Pages(size=100, parameter="page", counts="pages")

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
    open_pages=_OPEN,
    done_pages=_PAGES,
    fill_pages=_PAGES,
    wire_id="t_26",
    client_id="text",
    cancel_client_id="id",
    # By our id an order is found for an hour after it is done; after that, in the lists.
    settles="by_listing",
    times_in_force=ALL_TIMES,
    options={"unifiedAccount": False},
)

#: Its lists go on from an offset: https://www.gate.com/docs/developers/apiv4/#pagination
_OFFSET = Pages(size=100, parameter="offset", counts="rows")

PERPETUAL = Row(
    name="gate_io_perpetual",
    title="Gate",
    ccxt_id="gate",
    market="swap",
    settle="USDT",
    open_pages=_OFFSET,
    done_pages=_OFFSET,
    fill_pages=_OFFSET,
    fields=KNOWN_FIELDS["gate_io_perpetual"],
    secrets={"gate_io_perpetual_api_key": "apiKey", "gate_io_perpetual_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="t_26",
    client_id="text",
    cancel_client_id="id",
    # By our id an order is found for an hour after it is done; after that, in the lists. One that was canceled without a fill is
    # nowhere to be found after ten minutes: https://www.gate.com/docs/developers/apiv4/#list-futures-orders
    settles="by_listing",
    reach=timedelta(minutes=10),
    times_in_force=ALL_TIMES,
    options={"unifiedAccount": False},
)

ROWS = (SPOT, PERPETUAL)
