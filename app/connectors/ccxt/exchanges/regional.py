"""BTC Markets, Foxbit and NDAX: their rows."""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import LOWEST, Pages
from app.connectors.ccxt.row import ALL_TIMES, LIMIT_AND_MARKET, Refusals, Row, codes, on_test_network
from app.connectors.known import KNOWN_FIELDS

BTC_MARKETS = Row(
    name="btc_markets",
    title="BTC Markets",
    ccxt_id="btcmarkets",
    market="spot",
    fields=KNOWN_FIELDS["btc_markets"],
    secrets={"btc_markets_api_key": "apiKey", "btc_markets_api_secret": "secret"},
    docs="https://docs.btcmarkets.net/#tag/Order-Placement-APIs/paths/~1v3~1orders/post",
    # https://docs.btcmarkets.net/#section/Error-Codes: the request is at fault.
    refusals=Refusals(
        # The last two are of a cancel: the order is done.
        order=codes("InvalidPrice InvalidAmount MissingArgument OrderAlreadyCancelled OrderStatusIsFinal"),
        balance=codes("InsufficientFund"),
        no_such_order=codes("OrderNotFound"),
    ),
    # Its paths take either id. Its lists go by the last number seen, of which ccxt makes a time: no list is asked for since then.
    cancel_client_id="id",
    ask_client_id="id",
    fills_since=False,
    # https://docs.btcmarkets.net/#section/General-Notes: a page goes on after the last number seen.
    open_pages=Pages(size=100, parameter="after", cursor=(LOWEST, "orderId")),
    fill_pages=Pages(size=100, parameter="after", cursor=(LOWEST, "id")),
    times_in_force=ALL_TIMES,
)

_FOXBIT_PAGES = Pages(size=100, parameter="page", counts="pages")

FOXBIT = Row(
    name="foxbit",
    title="Foxbit",
    ccxt_id="foxbit",
    market="spot",
    fields=KNOWN_FIELDS["foxbit"],
    secrets={"foxbit_api_key": "apiKey", "foxbit_api_secret": "secret"},
    docs="https://docs.foxbit.com.br/rest/v3/#tag/Trading/operation/OrdersController_create",
    # https://docs.foxbit.com.br/rest/v3/#section/Error-codes: 4001 to 4011 and 5004 to 5006 are checked before an order is made.
    refusals=Refusals(
        order=codes("4001 4003 4005 4011 5004 5005 5006"),
        rules=codes("4004"),
        balance=codes("4002"),
        keys=codes("2001 2002 2003 2005 3001 3002 3003"),
        rate=codes("429"),
    ),
    wire_id="digits_20",
    cancel_client_id="",
    ask_client_id="",
    settles="by_listing",
    done_verbs=("fetch_orders",),
    # https://docs.foxbit.com.br/rest/v3/#section/Pagination
    open_pages=_FOXBIT_PAGES,
    done_pages=_FOXBIT_PAGES,
    fill_pages=_FOXBIT_PAGES,
)

_NDAX_HISTORY = Pages(size=100, parameter="StartIndex", counts="rows")

NDAX = Row(
    name="ndax",
    title="NDAX",
    ccxt_id="ndax",
    market="spot",
    fields=KNOWN_FIELDS["ndax"],
    secrets={"ndax_uid": "uid", "ndax_account_name": "login", "ndax_api_key": "apiKey", "ndax_secret_key": "secret"},
    docs="https://apidoc.ndax.io/#sendorder",
    # https://apidoc.ndax.io/#standard-response-objects-and-common-error-codes; "Server Error" proves nothing.
    refusals=Refusals(
        balance=codes("Not_Enough_Funds"),
        rules=frozenset(("Invalid InstrumentId",)),
        keys=frozenset(("This endpoint requires 2FACode along with the payload",)),
        no_such_order=frozenset(("Resource Not Found",)),
    ),
    # The exchange numbers its markets and orders, and wants numbers of us.
    wire_id="bits_32",
    before_orders=("load_accounts",),
    # All open orders come at once, histories from an index on, newest first: https://apidoc.ndax.io/#getordershistory
    done_pages=_NDAX_HISTORY,
    fill_pages=_NDAX_HISTORY,
    ask_client_id="",
    settles="by_listing",
    done_verbs=("fetch_orders",),
    listing_lag=timedelta(minutes=2),
    # Post-only is not among its parameters.
    order_types=LIMIT_AND_MARKET,
)

ROWS = (BTC_MARKETS, FOXBIT, NDAX, on_test_network(NDAX, "ndax_testnet"))
