"""OKX: its rows. Errors: https://www.okx.com/docs-v5/en/#error-code"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import LOWEST, Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.okx.com/docs-v5/en/#error-code"

_REFUSALS = Refusals(
    # The general errors of a request and the section "Trade": https://www.okx.com/docs-v5/en/#error-code-rest-api-trade.
    # Left out: 1 and 2 (which say that something failed, and not what), 50001, 50004, 50005, 50026, 51054, 51149: late or down.
    order=codes(
        "50002 50006 50014 50015 50016 50024 51000 51003 51004 51005 51006 51007 51020 51023 51025 51031 51100 51101 51102 51103 "
        "51104 51105 51106 51107 51108 51109 51110 51112 51116 51117 51118 51120 51121 51122 51124 51128 51129 51132 51133 51134 "
        "51135 51136 51137 51138 51139 51150 51169 51174 51185 51201 51202 51203 51204 51205"
        # Of a cancel: the order is not there, canceled, or filled.
        " 51400 51401 51402"
    ),
    rules=codes("51001 51015 51021 51022 51027 51028 51029 51030"),
    balance=codes("51008 51119 51127 51131"),
    duplicate=codes("51016 50071"),
    keys=codes("50007 50008 50009 50027 50101 50103 50104 50105 50106 50107 50110 50111 50113 50114 51009 51010 51024"),
    rate=codes("50011 50061 51113"),
    clock=codes("50102 50112"),
    no_such_order=codes("51603"),
    # Comes with 429, and says nothing about the order: https://www.okx.com/docs-v5/en/#error-code-rest-api
    busy=codes("50013"),
)

#: Orders that were canceled without a fill are kept for two hours, others and fills for three months:
#: https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-history-last-7-days
_REACH = timedelta(hours=2)

#: An account may have 500 open orders on a pair, and the list has 100 of them at most, the newest first:
#: https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-list
_OPEN = Pages(size=100, parameter="after", cursor=("data", LOWEST, "ordId"))
#: https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-transaction-details-last-3-months
_FILLS = Pages(size=100, parameter="after", cursor=("data", LOWEST, "billId"))

SPOT = Row(
    name="okx",
    title="OKX",
    ccxt_id="okx",
    market="spot",
    fields=KNOWN_FIELDS["okx"],
    secrets={
        "okx_api_key": "apiKey",
        "okx_secret_key": "secret",
        "okx_passphrase": "password",
    },
    subdomain=("okx_registration_sub_domain", "okx.com"),
    docs=_DOCS,
    refusals=_REFUSALS,
    proof="local_exchange",
    market_parameters={"tgtCcy": "base_ccy"},
    client_id_pattern="[A-Za-z0-9]{1,32}",
    fills_number="ordId",
    asks_together=True,
    open_pages=_OPEN,
    fill_pages=_FILLS,
    reach=_REACH,
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="okx_perpetual",
    title="OKX",
    ccxt_id="okx",
    market="swap",
    fields=KNOWN_FIELDS["okx_perpetual"],
    secrets={
        "okx_perpetual_api_key": "apiKey",
        "okx_perpetual_secret_key": "secret",
        "okx_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    proof="local_exchange",
    client_id_pattern="[A-Za-z0-9]{1,32}",
    fills_number="ordId",
    asks_together=True,
    open_pages=_OPEN,
    fill_pages=_FILLS,
    reach=_REACH,
    ticker_in_contracts=True,
    candles_in_base=True,
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
