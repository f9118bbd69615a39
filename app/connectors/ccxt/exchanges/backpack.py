"""Backpack: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://docs.backpack.exchange/#section/Errors
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.backpack.exchange/#section/Errors"

_REFUSALS = Refusals(
    order=codes(
        "INVALID_CLIENT_REQUEST INVALID_ORDER ACCOUNT_LIQUIDATING BORROW_LIMIT BORROW_REQUIRES_LEND_REDEEM FORBIDDEN "
        "INVALID_ASSET INVALID_PRICE INVALID_POSITION_ID INVALID_QUANTITY INVALID_RANGE INVALID_SOURCE "
        "INVALID_TWO_FACTOR_CODE LEND_LIMIT LEND_REQUIRES_BORROW_REPAY ORDER_LIMIT POSITION_LIMIT "
    ),
    rules=codes("INVALID_MARKET INVALID_SYMBOL"),
    balance=codes("INSUFFICIENT_FUNDS INSUFFICIENT_MARGIN INSUFFICIENT_SUPPLY MAX_LEVERAGE_REACHED"),
    keys=codes("INVALID_SIGNATURE UNAUTHORIZED"),
    rate=codes("TOO_MANY_REQUESTS"),
)

SPOT = Row(
    name="backpack",
    title="Backpack",
    ccxt_id="backpack",
    market="spot",
    fields=KNOWN_FIELDS["backpack"],
    secrets={"backpack_api_key": "apiKey", "backpack_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="bits_32",
    ask_verbs=("fetch_open_orders", "fetch_orders"),
    settles="by_listing",
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="backpack_perpetual",
    title="Backpack",
    ccxt_id="backpack",
    market="swap",
    fields=KNOWN_FIELDS["backpack_perpetual"],
    secrets={"backpack_api_key": "apiKey", "backpack_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="bits_32",
    ask_verbs=("fetch_open_orders", "fetch_orders"),
    settles="by_listing",
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
