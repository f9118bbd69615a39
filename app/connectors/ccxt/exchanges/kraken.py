"""Kraken: its rows. Errors: https://docs.kraken.com/api/docs/guides/spot-errors"""

from __future__ import annotations

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import Refusals, Row
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://docs.kraken.com/api/docs/guides/spot-errors"

_REFUSALS = Refusals(
    # https://docs.kraken.com/api/docs/guides/spot-errors. Left out: EService:Unavailable, Busy and Timeout, EGeneral:Internal
    # error. Those that begin with a colon are the parts that ccxt knows of longer texts.
    order=frozenset(
        (
            "EGeneral:Invalid arguments:price",
            "EGeneral:Invalid arguments",
            "EOrder:Invalid price:Invalid price argument",
            "EOrder:Order minimum not met",
            "EOrder:Cost minimum not met",
            "EOrder:Tick size check failed",
            "EOrder:Invalid price",
            "EOrder:Orders limit exceeded",
            "EGeneral:Invalid arguments:volume",
            "EGeneral:Invalid arguments:cl_ord_id",
            "EOrder:Unknown order",
            "EService:Market in cancel_only mode",
            "EService:Market in post_only mode",
            ":Invalid order",
            ":Invalid arguments:volume",
        )
    ),
    rules=frozenset(("EQuery:Invalid asset pair", "EQuery:Unknown asset")),
    balance=frozenset(("EOrder:Insufficient funds",)),
    duplicate=frozenset(("EOrder:Duplicate client order id",)),
    keys=frozenset(
        (
            "EAPI:Invalid key",
            "EAPI:Invalid signature",
            "EGeneral:Permission denied",
            "ESession:Invalid session",
            "ETrade:User Locked",
        )
    ),
    rate=frozenset(
        (
            "EAPI:Rate limit exceeded",
            "EOrder:Rate limit exceeded",
            ":Rate limit exceeded",
            "EGeneral:Temporary lockout",
            "EGeneral:Too many requests",
        )
    ),
    clock=frozenset(("EAPI:Invalid nonce", ":Invalid nonce")),
)

#: https://docs.kraken.com/api/docs/rest-api/get-closed-orders
_FIFTY = Pages(size=50, parameter="ofs", counts="rows")

SPOT = Row(
    name="kraken",
    title="Kraken",
    ccxt_id="kraken",
    market="spot",
    fields=KNOWN_FIELDS["kraken"],
    secrets={"kraken_api_key": "apiKey", "kraken_secret_key": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="uuid",
    ask_verbs=("fetch_open_orders", "fetch_closed_orders"),
    code_field="error",
    proof="local_exchange",
    settles="by_listing",
    # https://docs.kraken.com/api/docs/rest-api/cancel-all-orders-after: "it should be less than 86400 seconds".
    countdown=(1, 86_399),
    # "Get Open Orders" gives all of them, "Get Closed Orders" and "Get Trades History" 50 at a time, of all pairs.
    done_pages=_FIFTY,
    fill_pages=_FIFTY,
    lists_all_pairs=True,
    # "vol" is the volume of the order, "vol_exec" what is executed: https://docs.kraken.com/api/docs/rest-api/get-open-orders
    tells_terms=True,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (SPOT,)
