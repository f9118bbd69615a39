"""MEXC: its rows. Errors: https://www.mexc.com/api-docs/spot-v3/public-api-definitions#error-code"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.mexc.com/api-docs/spot-v3/public-api-definitions#error-code"

_REFUSALS = Refusals(
    # The table of the spot API's third version. Left out: 500, 501, 503, 504, 603 (repeated request), and all of contracts.
    order=codes(
        "-1128 -2011 10095 10096 10097 10102 30001 30002 30003 30010 30016 30025 30027 30028 30029 30032 30041 30087 88013 700004 "
        "700008"
    ),
    rules=codes("-1121 10007 30014 30021"),
    balance=codes("10101 30004 30005 Oversold") | frozenset(("Insufficient position", "Insufficient balance!")),
    keys=codes("402 602 10072 30018 30020 70011 700001 700002 700006 700007 700013"),
    rate=codes("429 510"),
    clock=codes("10073 700003"),
    no_such_order=codes("-2013"),
)

SPOT = Row(
    name="mexc",
    title="MEXC",
    ccxt_id="mexc",
    market="spot",
    fields=KNOWN_FIELDS["mexc"],
    secrets={"mexc_api_key": "apiKey", "mexc_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    code_field="code",
    reach=timedelta(days=7),
    open_orders_by_pair=True,
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT,)
