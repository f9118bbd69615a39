"""Backpack: its rows. Errors: https://docs.backpack.exchange/#section/Errors"""

from __future__ import annotations

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.backpack.exchange/#section/Errors"

_REFUSALS = Refusals(
    # The codes of the schema ApiErrorCode that are about an order. Left out: SERVER_ERROR, TIMEOUT, MAINTENANCE, TRADING_PAUSED,
    # PRECONDITION_FAILED.
    order=codes(
        "INVALID_CLIENT_REQUEST INVALID_ORDER INVALID_PRICE INVALID_QUANTITY INVALID_RANGE ACCOUNT_LIQUIDATING ORDER_LIMIT "
        "POSITION_LIMIT"
    ),
    rules=codes("INVALID_MARKET INVALID_SYMBOL"),
    balance=codes("INSUFFICIENT_FUNDS INSUFFICIENT_MARGIN MAX_LEVERAGE_REACHED"),
    keys=codes("INVALID_SIGNATURE UNAUTHORIZED"),
    rate=codes("TOO_MANY_REQUESTS"),
    no_such_order=codes("RESOURCE_NOT_FOUND"),
)

#: All open orders come at once; the history newest first, up to 1,000 rows, from an offset on:
#: https://docs.backpack.exchange/#tag/History
_HISTORY = Pages(size=100, parameter="offset", counts="rows")

SPOT = Row(
    name="backpack",
    title="Backpack",
    ccxt_id="backpack",
    market="spot",
    fields=KNOWN_FIELDS["backpack"],
    secrets={"backpack_api_key": "apiKey", "backpack_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    # The library has the client id in orders and lists only; elsewhere it sends a field that the exchange does not know.
    wire_id="bits_32",
    cancel_client_id="",
    ask_client_id="",
    ask_verbs=("fetch_open_orders", "fetch_orders"),
    done_verbs=("fetch_orders",),
    done_pages=_HISTORY,
    fill_pages=_HISTORY,
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
    # The library has the client id in orders and lists only; elsewhere it sends a field that the exchange does not know.
    wire_id="bits_32",
    cancel_client_id="",
    ask_client_id="",
    ask_verbs=("fetch_open_orders", "fetch_orders"),
    done_verbs=("fetch_orders",),
    done_pages=_HISTORY,
    fill_pages=_HISTORY,
    settles="by_listing",
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
