"""Bitstamp: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.bitstamp.net/api/#section/Response-codes
"""

from __future__ import annotations

from app.connectors.ccxt.row import LIMIT_AND_MARKET, Refusals, Row
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.bitstamp.net/api/#section/Response-codes"

_REFUSALS = Refusals(
    order=frozenset(("Invalid offset.",)),
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
    order_types=LIMIT_AND_MARKET,
)

ROWS = (SPOT,)
