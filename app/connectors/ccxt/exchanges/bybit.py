"""Bybit: its rows. Errors: https://bybit-exchange.github.io/docs/v5/error"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes, on_test_network
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://bybit-exchange.github.io/docs/v5/error"

_REFUSALS = Refusals(
    # The parameter errors and the trading errors of a new order: https://bybit-exchange.github.io/docs/v5/error#uta--classic-account.
    # Left out: 10014 (duplicate request), 10016, 170001, 170007, 170032, 170035, 170146, 170149, 170234: busy, late or in process.
    order=codes(
        "10001 110003 110005 110009 110011 110016 110017 110020 110021 110023 110032 110034 110039 110040 110042 110066 110092 "
        "110093 110094 170105 170115 170116 170117 170124 170130 170132 170133 170134 170135 170136 170137 170140 170148 170159 "
        "170192 170193 170194 170210 170217 170229"
        # Of a cancel: the order is done.
        " 110008 110010 170139 170142 170143 170190"
    ),
    rules=codes("170121 170151 170157 10029"),
    balance=codes("110004 110006 110007 110012 110014 110044 110045 110051 110052 110053 170033 170131"),
    would_take=codes("170218"),
    duplicate=codes("110030 110072 170141"),
    keys=codes("10003 10004 10005 10007 10008 10009 10010 10024 10027 10028 33004 100028 110067 110068 170201"),
    rate=codes("10006 10018 170005 170222"),
    clock=codes("10002"),
    no_such_order=codes("110001 170213"),
)

_CURSOR = ("result", "nextPageCursor")
#: https://bybit-exchange.github.io/docs/v5/order/open-order, and of done orders https://bybit-exchange.github.io/docs/v5/order/order-list
_FIFTY = Pages(size=50, parameter="cursor", cursor=_CURSOR)
#: https://bybit-exchange.github.io/docs/v5/order/execution
_FILLS = Pages(size=100, parameter="cursor", cursor=_CURSOR)

#: Every key may ask it: https://bybit-exchange.github.io/docs/v5/user/apikey-info
_ACCOUNT = ("privateGetV5UserQueryApi", "result", "userID")

#: No answer spans more than seven days: https://bybit-exchange.github.io/docs/v5/order/execution
_WEEK = timedelta(days=7)

#: Orders that were canceled whole, or rejected, are kept for a day: https://bybit-exchange.github.io/docs/v5/order/order-list
_REACH = timedelta(days=1)

SPOT = Row(
    name="bybit",
    title="Bybit",
    ccxt_id="bybit",
    market="spot",
    fields=KNOWN_FIELDS["bybit"],
    secrets={"bybit_api_key": "apiKey", "bybit_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    account=_ACCOUNT,
    proof="local_exchange",
    reach=_REACH,
    market_parameters={"marketUnit": "baseCoin"},
    cancel_client_id="orderLinkId",
    ask_client_id="orderLinkId",
    ask_verbs=("fetch_open_orders", "fetch_canceled_and_closed_orders"),
    ask_number="orderId",
    done_verbs=("fetch_canceled_and_closed_orders",),
    open_pages=_FIFTY,
    done_pages=_FIFTY,
    fill_pages=_FILLS,
    fills_number="orderId",
    asks_together=True,
    fills_tell_amount="orderQty",
    fills_window=_WEEK,
    times_in_force=ALL_TIMES,
    options={"enableUnifiedAccount": True, "enableUnifiedMargin": False},
)

PERPETUAL = Row(
    name="bybit_perpetual",
    title="Bybit",
    ccxt_id="bybit",
    market="swap",
    settle="USDT",
    fields=KNOWN_FIELDS["bybit_perpetual"],
    secrets={"bybit_perpetual_api_key": "apiKey", "bybit_perpetual_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    account=_ACCOUNT,
    proof="local_exchange",
    reach=_REACH,
    cancel_client_id="orderLinkId",
    ask_client_id="orderLinkId",
    ask_verbs=("fetch_open_orders", "fetch_canceled_and_closed_orders"),
    ask_number="orderId",
    done_verbs=("fetch_canceled_and_closed_orders",),
    open_pages=_FIFTY,
    done_pages=_FIFTY,
    fill_pages=_FILLS,
    fills_number="orderId",
    asks_together=True,
    fills_tell_amount="orderQty",
    fills_window=_WEEK,
    unchanged=codes("110043"),
    funding_window=_WEEK,
    funding_parameters={"limit": 100},
    # "opposite to the execFee": https://bybit-exchange.github.io/docs/v5/account/transaction-log
    funding_is_cost=True,
    times_in_force=ALL_TIMES,
    options={"enableUnifiedAccount": True, "enableUnifiedMargin": False},
)

ROWS = (SPOT, on_test_network(SPOT, "bybit_testnet"), PERPETUAL, on_test_network(PERPETUAL, "bybit_perpetual_testnet"))
