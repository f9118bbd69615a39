"""MEXC: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.mexc.com/api-docs/spot-v3/public-api-definitions#error-code
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.mexc.com/api-docs/spot-v3/public-api-definitions#error-code"

_REFUSALS = Refusals(
    order=codes(
        "-1128 -2011 601 603 2011 33333 44444 1002 30019 30005 2003 400 600 88013 10015 10072 10073 10095 10096 10097 "
        "10099 10100 10102 10201 10202 10206 10211 10212 10222 10268 30001 30002 30003 30010 30014 30016 30021 30026 "
        "30027 30028 30029 30032 30041 30087 700004 700006 700008 730001 730002 730600 730601 730602 730700 730701 "
        "730703 730704 730705 730707 "
    ),
    rules=codes("-1121 1001 10007"),
    balance=codes("10101 30004 2005 88004 88015"),
    keys=codes(
        "401 402 403 406 511 701 702 703 704 1000 70011 602 10001 30018 30020 700001 700002 700007 700013 140002 "
    ),
    rate=codes("429"),
    clock=codes("700003 700005"),
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
    open_orders_by_pair=True,
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT,)
