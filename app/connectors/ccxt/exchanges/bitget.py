"""Bitget: its rows. Errors: https://www.bitget.com/api-doc/common/error-code/restapi-error-code"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import LOWEST, Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.bitget.com/api-doc/common/error-code/restapi-error-code"

_REFUSALS = Refusals(
    # The codes of the second version of the API that are about parameters, prices and sizes of a new order. Left out: 40015, 40200,
    # 40604, 500, 50008 (busy, late), the codes of the first version, and what belongs to transfers.
    order=codes(
        "40017 400172 40019 40020 40108 40305 40706 40708 40774 40808 40917 41103 41117 43011 45110 45113 45122 50014 50015 50016 "
        "50017 50018 50019 50021 50026"
    ),
    rules=codes("40309 41114 43115 50004"),
    balance=codes("40711 40712 40762 43012 50020"),
    keys=codes("40001 40002 40003 40006 40009 40010 40011 40012 40014 40016 40018 40031 40037 40085 40301 40506 40507"),
    rate=codes("429 50009"),
    clock=codes("40004 40005 40008"),
    no_such_order=codes("40109 40768 43001"),
)


#: All lists have a hundred rows at most and go on with what is older than an id:
#: https://www.bitget.com/api-doc/spot/trade/Get-Unfilled-Orders and https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending
def _older_than(*way: str | int) -> Pages:
    return Pages(size=100, parameter="idLessThan", cursor=way)


SPOT = Row(
    name="bitget",
    title="Bitget",
    ccxt_id="bitget",
    market="spot",
    fields=KNOWN_FIELDS["bitget"],
    secrets={"bitget_api_key": "apiKey", "bitget_secret_key": "secret", "bitget_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    market_buy_in="quote",
    open_pages=_older_than("data", LOWEST, "orderId"),
    fill_pages=_older_than("data", LOWEST, "tradeId"),
    options={"uta": False},
    # "Get Order Info" and the history keep an order that is done for 90 days.
    reach=timedelta(days=30),
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="bitget_perpetual",
    title="Bitget",
    ccxt_id="bitget",
    market="swap",
    settle="USDT",
    tells_funding=False,
    open_pages=_older_than("data", "entrustedList", LOWEST, "orderId"),
    fill_pages=_older_than("data", "fillList", LOWEST, "tradeId"),
    # https://www.bitget.com/api-doc/contract/trade/Get-Order-Fills
    fills_window=timedelta(days=7),
    fields=KNOWN_FIELDS["bitget_perpetual"],
    secrets={
        "bitget_perpetual_api_key": "apiKey",
        "bitget_perpetual_secret_key": "secret",
        "bitget_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    # "Get Order Info" and the history keep an order that is done for 90 days.
    reach=timedelta(days=30),
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
