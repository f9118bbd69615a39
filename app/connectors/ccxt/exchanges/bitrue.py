"""Bitrue: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://github.com/Bitrue-exchange/Spot-official-api-docs#error-codes
"""

from __future__ import annotations

from app.connectors.ccxt.row import LIMIT_AND_MARKET, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://github.com/Bitrue-exchange/Spot-official-api-docs#error-codes"

_REFUSALS = Refusals(
    order=codes(
        "-1013 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1112 -1114 -1115 -1116 -1117 -1166 -1118 -1119 "
        "-1120 -1127 -1128 -1130 -1131 -1160 -1156 -4028 "
    )
    | frozenset(("quantity less then minQty",)),
    rules=codes("-1121"),
    balance=codes("-2017 -2019 -3005 -3006 -3008 -3020 -3041 -5013 -11008 -4051")
    | frozenset(("Account has insufficient balance for requested action.",)),
    would_take=frozenset(
        (
            "Order would trigger immediately.",
            "Stop price would trigger immediately.",
            "Order would immediately match and take.",
        )
    ),
    keys=codes("-1002 -1022 -1125 -2008 -2014 -2015 -3022")
    | frozenset(
        (
            "You are not authorized to execute self request.",
            "API key does not exist",
            "You don't have permission.",
        )
    ),
    rate=codes("-1003 -1015"),
    clock=codes("-1021"),
    no_such_order=codes("-2011 -2013"),
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
    # Asked by our id, ccxt sends an id of the exchange beside it, which is "None".
    ask_client_id="",
    settles="by_listing",
    open_orders_by_pair=True,
    order_types=LIMIT_AND_MARKET,
)

ROWS = (SPOT,)
