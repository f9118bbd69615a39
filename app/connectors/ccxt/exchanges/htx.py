"""HTX: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://huobiapi.github.io/docs/spot/v1/en/#error-code
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://huobiapi.github.io/docs/spot/v1/en/#error-code"

_REFUSALS = Refusals(
    order=codes(
        "1034 1036 1039 1041 1051 1067 1094 1303 1461 4007 bad-request validation-format-error "
        "validation-constraints-required invalid-amount order-limitorder-amount-min-error "
        "order-limitorder-amount-max-error order-marketorder-amount-min-error order-limitorder-price-min-error "
        "order-limitorder-price-max-error order-limitorder-price-buy-min-error order-limitorder-price-buy-max-error "
        "order-limitorder-price-sell-min-error order-limitorder-price-sell-max-error order-stop-order-hit-trigger "
        "order-value-min-error order-invalid-price order-holding-limit-failed order-orderprice-precision-error "
        "order-etp-nav-price-max-error invalid-address base-withdraw-fee-error dw-withdraw-min-limit "
    ),
    rules=codes("1013 1066 base-symbol-trade-disabled base-symbol-error require-symbol")
    | frozenset(
        (
            "invalid symbol",
            "symbol trade not open now",
        )
    ),
    balance=codes("1047 1048 account-frozen-balance-insufficient-error dw-insufficient-balance"),
    keys=codes("403 1010 1003 1220 api-not-support-temp-addr api-signature-check-failed api-signature-not-valid "),
    rate=codes("rate-too-many-requests") | frozenset(("request limit",)),
    no_such_order=codes("1017 1061 order-orderstate-error order-queryorder-invalid base-record-invalid"),
)

SPOT = Row(
    name="htx",
    title="HTX",
    ccxt_id="htx",
    market="spot",
    fields=KNOWN_FIELDS["htx"],
    secrets={"htx_api_key": "apiKey", "htx_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    before_orders=("load_accounts",),
    market_buy_in="quote",
    options={"broker": {"id": ""}},
)

ROWS = (SPOT,)
