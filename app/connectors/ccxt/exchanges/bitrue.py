"""Bitrue: its rows. Errors: https://github.com/Bitrue-exchange/Spot-official-api-docs#error-codes"""

from __future__ import annotations

from app.connectors.ccxt.row import LIMIT_AND_MARKET, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://github.com/Bitrue-exchange/Spot-official-api-docs#error-codes"

_REFUSALS = Refusals(
    # The codes about a request's parameters and filters, and -2010's texts. Left out: -1000, -1001, -1016 (down), all of margin.
    order=codes(
        "-1013 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1112 -1114 -1115 -1116 -1117 -1118 -1128 -1130 -1131 -1160 "
        "-2011 MAX_POSITION"
    )
    | frozenset(("quantity less then minQty",)),
    rules=codes("-1121"),
    balance=codes("-2017")
    | frozenset(("Account has insufficient balance for requested action.", "Insufficient account balance")),
    keys=codes("-1002 -1022 -2008 -2014 -2015") | frozenset(("API key does not exist", "has no operation privilege")),
    rate=codes("-1003 -1015"),
    clock=codes("-1021"),
    no_such_order=codes("-2013"),
)

SPOT = Row(
    name="bitrue",
    title="Bitrue",
    ccxt_id="bitrue",
    market="spot",
    fields=KNOWN_FIELDS["bitrue"],
    secrets={"bitrue_api_key": "apiKey", "bitrue_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    code_field="code",
    # Asked by our id, ccxt sends an id of the exchange beside it, which is "None".
    ask_client_id="",
    settles="by_listing",
    open_orders_by_pair=True,
    order_types=LIMIT_AND_MARKET,
)

ROWS = (SPOT,)
