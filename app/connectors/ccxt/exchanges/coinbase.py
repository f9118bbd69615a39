"""Coinbase: its rows. Errors: https://docs.cdp.coinbase.com/advanced-trade/docs/rest-api-errors"""

from __future__ import annotations

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.cdp.coinbase.com/advanced-trade/docs/rest-api-errors"

_REFUSALS = Refusals(
    # The reasons of a failed "Create Order", which the answer names with success false, and the errors of authentication.
    order=codes("UNSUPPORTED_ORDER_CONFIGURATION INVALID_ARGUMENT"),
    balance=codes("INSUFFICIENT_FUND PREVIEW_INSUFFICIENT_FUND"),
    keys=codes(
        "authentication_error unauthorized invalid_token revoked_token expired_token invalid_scope PERMISSION_DENIED"
    ),
    rate=codes("rate_limit_exceeded resource_exhausted"),
    clock=frozenset(("request timestamp expired",)),
)

#: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-orders and .../list-fills
_PAGES = Pages(size=100, parameter="cursor", cursor=("cursor",))

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
    open_pages=_PAGES,
    done_pages=_PAGES,
    fill_pages=_PAGES,
    times_in_force=ALL_TIMES,
    # The older accounts don't tell what is held by orders.
    options={"fetchBalance": "v3PrivateGetBrokerageAccounts"},
    market_buy_in="quote",
)

ROWS = (SPOT,)
