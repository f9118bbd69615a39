"""Coinbase: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://docs.cdp.coinbase.com/advanced-trade/docs/rest-api-errors
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.cdp.coinbase.com/advanced-trade/docs/rest-api-errors"

_REFUSALS = Refusals(
    order=codes("UNSUPPORTED_ORDER_CONFIGURATION INVALID_ARGUMENT PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE "),
    balance=codes("INSUFFICIENT_FUND PREVIEW_INSUFFICIENT_FUND"),
    keys=codes(
        "two_factor_required personal_details_required identity_verification_required jumio_verification_required "
        "jumio_face_match_verification_required unverified_email authentication_error unauthorized "
        "invalid_authentication_method invalid_token revoked_token expired_token invalid_scope PERMISSION_DENIED "
    ),
    rate=codes("rate_limit_exceeded resource_exhausted"),
)

SPOT = Row(
    name="coinbase_advanced_trade",
    title="Coinbase",
    ccxt_id="coinbase",
    market="spot",
    fields=KNOWN_FIELDS["coinbase_advanced_trade"],
    secrets={"coinbase_advanced_trade_api_key": "apiKey", "coinbase_advanced_trade_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    client_id="client_order_id",
    cancel_client_id="",
    ask_client_id="",
    settles="by_listing",
    done_verbs=("fetch_orders",),
    market_buy_in="quote",
)

ROWS = (SPOT,)
