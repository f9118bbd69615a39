"""BTC Markets and Foxbit: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://docs.btcmarkets.net/#section/Error-Codes
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.btcmarkets.net/#section/Error-Codes"

_REFUSALS = Refusals(
    order=codes(
        "InvalidPrice InvalidAmount MissingArgument OrderAlreadyCancelled OrderStatusIsFinal InvalidPaginationParameter "
        "2004 4001 4003 4005 4008 5004 5005 5006 "
    ),
    rules=codes("4004"),
    balance=codes("InsufficientFund 4002 Not_Enough_Funds"),
    keys=codes("2001 2002 2003 2005 3001 3002 3003 4009"),
    rate=codes("4011"),
    no_such_order=codes("OrderNotFound") | frozenset(("Resource Not Found",)),
)

BTC_MARKETS = Row(
    name="btc_markets",
    title="BTC Markets",
    ccxt_id="btcmarkets",
    market="spot",
    fields=KNOWN_FIELDS["btc_markets"],
    secrets={"btc_markets_api_key": "apiKey", "btc_markets_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    cancel_client_id="",
    ask_client_id="",
    settles="by_listing",
)

FOXBIT = Row(
    name="foxbit",
    title="Foxbit",
    ccxt_id="foxbit",
    market="spot",
    fields=KNOWN_FIELDS["foxbit"],
    secrets={"foxbit_api_key": "apiKey", "foxbit_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="digits_20",
    cancel_client_id="",
    ask_client_id="",
    settles="by_listing",
)

ROWS = (BTC_MARKETS, FOXBIT)
