"""Bitstamp: its rows. Errors: https://www.bitstamp.net/api/#section/Response-codes"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import LIMIT_AND_MARKET, Refusals, Row
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.bitstamp.net/api/#section/Response-codes"

_REFUSALS = Refusals(
    # https://www.bitstamp.net/api/#section/Response-codes, and the parts of texts that ccxt knows. Left out: "Order could not be
    # placed", which may be an internal error.
    order=frozenset(("Minimum order size is", "Price is more than", "Ensure that there are no more than")),
    balance=frozenset(("Check your account balance for details.",)),
    keys=frozenset(
        (
            "No permission found",
            "API key not found",
            "IP address not allowed",
            "Invalid signature",
            "Authentication failed",
            "Missing key, signature and nonce parameters",
            "Wrong API key format",
            "Your account is frozen",
            "Please update your profile with your FATCA information, before using API.",
            "Trading is currently unavailable for your account.",
        )
    ),
    clock=frozenset(("Invalid nonce",)),
    no_such_order=frozenset(("Order not found.",)),
)

SPOT = Row(
    name="bitstamp",
    title="Bitstamp",
    ccxt_id="bitstamp",
    market="spot",
    fields=KNOWN_FIELDS["bitstamp"],
    secrets={"bitstamp_api_key": "apiKey", "bitstamp_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    cancel_client_id="",
    # "Order status" knows orders of the last 30 days.
    reach=timedelta(days=30),
    order_types=LIMIT_AND_MARKET,
    # All open orders come at once: https://www.bitstamp.net/api/#tag/Orders/operation/GetAllOpenOrders. What an account did
    # goes on after as many rows, newest first: https://www.bitstamp.net/api/#tag/Transactions-private
    fill_pages=Pages(size=100, parameter="offset", counts="rows"),
)

ROWS = (SPOT,)
