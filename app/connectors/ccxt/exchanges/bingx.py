"""BingX: its rows. Errors: https://bingx-api.github.io/docs/#/en-us/spot/introduce.html"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://bingx-api.github.io/docs/#/en-us/spot/introduce.html"

_REFUSALS = Refusals(
    # Left out: 80001 (request failed), 80012, 100410, 100500, 100503, 109500 (busy), and 101481 and 109201, duplicates that may be
    # this very order.
    order=codes("80014 100400 100440 101205 101400 109400 110425"),
    rules=codes("100421 100490 109418 109425"),
    balance=codes("100202 101204"),
    keys=codes("100001 100004 100412 100413 100414 100419"),
    rate=codes("429"),
    no_such_order=codes("80016 109421"),
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
    # "range: 10s-120s": https://bingx-api.github.io/docs/#/en-us/spot/trade-api.html
    countdown=(10, 120),
    countdown_status=("data", "status"),
    done_verbs=("fetch_canceled_and_closed_orders",),
    # "pageIndex" begins at 1, "pageSize" is 100 at most: https://bingx-api.github.io/docs/#/en-us/spot/trade-api.html
    done_pages=Pages(size=100, parameter="pageIndex", counts="pages"),
    reach=timedelta(days=1),
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (SPOT,)
