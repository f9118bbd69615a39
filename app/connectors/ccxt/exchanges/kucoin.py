"""KuCoin: its rows. Errors: https://www.kucoin.com/docs-new/error-code"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.kucoin.com/docs-new/error-code"

_REFUSALS = Refusals(
    # https://www.kucoin.com/docs-new/error-code and its page for futures. Left out: 408000, 500000, 126038 (late, failed inside)
    # and 126033, a duplicate that may be this very order.
    order=codes(
        "400100 400200 400330 400350 400370 400760 600100 600101 900014 126003 126022 126027 126028 126029 126030 300000 300009 "
        "300011 300012 330005 330012"
        # Of a cancel: the order is done.
        " 100004 order_not_exist_or_not_allow_to_cancel"
    )
    | frozenset(
        (
            "Order size below the minimum requirement.",
            "Order size increment invalid.",
            "The quantity is below the minimum requirement.",
            "Order not exist or not allow to be cancelled",
        )
    ),
    rules=codes("400600") | frozenset(("Unsupported trading pair.",)),
    balance=codes("200004 126013 300003 330008"),
    duplicate=codes("126044"),
    keys=codes("400001 400003 400004 400005 400006 400007 400303 400401 411100"),
    rate=codes("429 429000"),
    clock=codes("400002"),
    no_such_order=codes("order_not_exist 126043 100001")
    | frozenset(("The order does not exist.", "order not exist", "order not exist.")),
)

#: Fifty rows unless more are asked for, page by page: https://www.kucoin.com/docs/rest/spot-trading/orders/get-order-list and
#: https://www.kucoin.com/docs/rest/futures-trading/orders/get-order-list. Not every call of ccxt passes its limit on.
_PAGES = Pages(size=100, asks={"pageSize": 100}, parameter="currentPage", counts="pages")

#: Fills of more than a week at once are refused: https://www.kucoin.com/docs/rest/spot-trading/fills/get-filled-list
_WEEK = timedelta(days=7)

SPOT = Row(
    name="kucoin",
    title="KuCoin",
    ccxt_id="kucoin",
    market="spot",
    open_pages=_PAGES,
    fill_pages=_PAGES,
    fills_window=_WEEK,
    fields=KNOWN_FIELDS["kucoin"],
    secrets={"kucoin_api_key": "apiKey", "kucoin_secret_key": "secret", "kucoin_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    times_in_force=ALL_TIMES,
    # Canceled orders are kept for three days.
    reach=timedelta(days=3),
)

HFT = Row(
    name="kucoin_hft",
    title="KuCoin",
    ccxt_id="kucoin",
    market="spot",
    fields=KNOWN_FIELDS["kucoin_hft"],
    secrets={"kucoin_hft_api_key": "apiKey", "kucoin_hft_secret_key": "secret", "kucoin_hft_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False, "hf": True},
    # All open orders of a pair come at once: https://www.kucoin.com/docs-new/rest/spot-trading/orders/get-open-orders. Trades go on
    # from an id that comes with them: https://www.kucoin.com/docs-new/rest/spot-trading/orders/get-trade-history
    open_orders_by_pair=True,
    fill_pages=Pages(size=100, parameter="lastId", cursor=("data", "lastId")),
    fills_window=_WEEK,
    times_in_force=ALL_TIMES,
    # Canceled orders are kept for three days.
    reach=timedelta(days=3),
)

PERPETUAL = Row(
    name="kucoin_perpetual",
    title="KuCoin",
    ccxt_id="kucoinfutures",
    market="swap",
    settle="USDT",
    tells_funding=False,
    open_pages=_PAGES,
    fill_pages=_PAGES,
    fills_window=_WEEK,
    # Without it orders are for isolated margin, and the leverage that is set is for cross.
    parameters={"marginMode": "cross"},
    fields=KNOWN_FIELDS["kucoin_perpetual"],
    secrets={
        "kucoin_perpetual_api_key": "apiKey",
        "kucoin_perpetual_secret_key": "secret",
        "kucoin_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    times_in_force=ALL_TIMES,
    # Canceled orders are kept for three days.
    reach=timedelta(days=3),
)

ROWS = (SPOT, HFT, PERPETUAL)
