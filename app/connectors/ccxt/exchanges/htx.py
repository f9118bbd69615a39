"""HTX: its rows. Errors: https://huobiapi.github.io/docs/spot/v1/en/#error-code"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import LOWEST, Pages
from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://huobiapi.github.io/docs/spot/v1/en/#error-code"

_REFUSALS = Refusals(
    # The errors of "Place a New Order" and of a request's form. Left out: timeout, gateway-internal-error, order-update-error,
    # system-maintenance, and bad-request, which stands for anything.
    order=codes(
        "validation-format-error validation-constraints-required invalid-amount order-limitorder-amount-min-error "
        "order-limitorder-amount-max-error order-marketorder-amount-min-error order-limitorder-price-min-error "
        "order-limitorder-price-max-error order-limitorder-price-buy-min-error order-limitorder-price-buy-max-error "
        "order-limitorder-price-sell-min-error order-limitorder-price-sell-max-error order-value-min-error order-invalid-price "
        "order-holding-limit-failed order-orderprice-precision-error order-etp-nav-price-max-error"
        # Of a cancel: the order is done.
        " order-orderstate-error"
    ),
    rules=codes("base-symbol-trade-disabled base-symbol-error require-symbol")
    | frozenset(("invalid symbol", "symbol trade not open now")),
    balance=codes("account-frozen-balance-insufficient-error"),
    keys=codes("api-not-support-temp-addr api-signature-check-failed api-signature-not-valid")
    | frozenset(("API key has no permission",)),
    rate=codes("rate-too-many-requests base-request-exceed-frequency-limit") | frozenset(("request limit",)),
    no_such_order=codes("order-queryorder-invalid base-record-invalid"),
)

#: A hundred rows unless more are asked for, up to 500, and on from an id: "next" is towards older ones.
_PAGES = Pages(size=100, parameter="from", cursor=("data", LOWEST, "id"), beside={"direct": "next"})

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
    # https://huobiapi.github.io/docs/spot/v1/en/#get-all-open-orders and #search-match-results
    open_pages=_PAGES,
    fill_pages=_PAGES,
    # Of no more than 500 orders: https://huobiapi.github.io/docs/spot/v1/en/#dead-man-39-s-switch
    countdown=(5, 86_400),
    fills_window=timedelta(hours=48),
    # By our id an order is found for two hours after it was canceled.
    reach=timedelta(hours=2),
    market_buy_in="quote",
    options={"broker": {"id": ""}},
)

ROWS = (SPOT,)
