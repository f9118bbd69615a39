"""Binance.US: its rows. Errors: https://docs.binance.us/#error-codes"""

from __future__ import annotations

from app.connectors.capabilities import CredentialField
from app.connectors.ccxt.pages import HIGHEST, Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes

_DOCS = "https://docs.binance.us/#error-codes"

_REFUSALS = Refusals(
    # The codes about a request's parameters and filters. Left out: -1000, -1001, -1004, -1006,
    # -1007, -1016: busy, late or down; -2010, which an order of the same id gets too, that may be this one.
    order=codes(
        "-1013 -1014 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1114 -1115 -1116 -1117 -1118 -1128 -1130 -2011"
    ),
    rules=codes("-1108 -1121") | frozenset(("Market is closed.",)),
    balance=frozenset(("Account has insufficient balance for requested action.",)),
    would_take=frozenset(("Order would immediately match and take.",)),
    keys=codes("-1002 -1022 -2014 -2015")
    | frozenset(
        ("API key does not exist", "This account may not place or cancel orders.", "You don't have permission.")
    ),
    rate=codes("-1003 -1015"),
    clock=codes("-1021"),
    no_such_order=codes("-2013"),
)

SPOT = Row(
    name="binance_us",
    title="Binance.US",
    ccxt_id="binanceus",
    market="spot",
    fields={"binance_us_api_key": CredentialField(), "binance_us_api_secret": CredentialField()},
    secrets={"binance_us_api_key": "apiKey", "binance_us_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    code_field="code",
    # Trades from a time on, oldest first: https://docs.binance.us/#get-trades
    fill_pages=Pages(size=1_000, parameter="startTime", cursor=(HIGHEST, "time")),
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT,)
