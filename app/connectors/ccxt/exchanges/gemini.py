"""Gemini: its rows. Errors: https://docs.gemini.com/rest-api/#error-codes"""

from __future__ import annotations

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import OrderType

_DOCS = "https://docs.gemini.com/rest-api/#error-codes"

_REFUSALS = Refusals(
    # The table of reasons. Left out: Maintenance, System.
    order=codes(
        "ClientOrderIdTooLong ClientOrderIdMustBeString ConflictingOptions EndpointMismatch EndpointNotFound InvalidJson "
        "InvalidOrderType InvalidPrice InvalidQuantity InvalidSide MarketNotOpen MissingOrderField OptionsMustBeArray "
        "UnsupportedOption"
    ),
    rules=codes("InvalidSymbol"),
    balance=codes("InsufficientFunds"),
    keys=codes(
        "InvalidApiKey InvalidSignature MissingApikeyHeader MissingRole MissingPayloadHeader MissingSignatureHeader NoSSL"
    ),
    rate=codes("RateLimit"),
    clock=codes("InvalidNonce InvalidTimestampInPayload"),
    no_such_order=codes("OrderNotFound"),
)

SPOT = Row(
    name="gemini",
    title="Gemini",
    ccxt_id="gemini",
    market="spot",
    fields=KNOWN_FIELDS["gemini"],
    secrets={"gemini_api_key": "apiKey", "gemini_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    cancel_client_id="",
    order_types=(OrderType.LIMIT, OrderType.LIMIT_MAKER),
    ask_client_id="client_order_id",
    # https://docs.gemini.com/rest/orders#list-past-trades
    fill_pages=Pages(size=500),
)

ROWS = (SPOT,)
