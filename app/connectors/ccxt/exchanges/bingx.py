"""BingX: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://bingx-api.github.io/docs/#/en-us/spot/introduce.html
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://bingx-api.github.io/docs/#/en-us/spot/introduce.html"

_REFUSALS = Refusals(
    order=codes("400 404 100204 100400 80001 80014 100437 101205 101400 110425 109400")
    | frozenset(("illegal transferType",)),
    rules=codes("100421 100490 109418 109425"),
    balance=codes("100202 80012 101204") | frozenset(("Insufficient assets",)),
    duplicate=codes("101481 109201"),
    keys=codes("401 403 418 100001 100004 100412 100413 100414 100419"),
    rate=codes("429"),
    no_such_order=codes("80016 80017 109421"),
)

SPOT = Row(
    name="bing_x",
    title="BingX",
    ccxt_id="bingx",
    market="spot",
    fields=KNOWN_FIELDS["bing_x"],
    secrets={"bingx_api_key": "apiKey", "bingx_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    # Asked by our id, ccxt sends an id of the exchange beside it, which is "None".
    ask_client_id="",
    settles="by_listing",
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (SPOT,)
