"""Kraken: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://docs.kraken.com/api/docs/guides/spot-errors
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://docs.kraken.com/api/docs/guides/spot-errors"

_REFUSALS = Refusals(
    order=frozenset(
        (
            "EGeneral:Invalid arguments:price",
            "EOrder:Unknown order",
            "EOrder:Invalid price:Invalid price argument",
            "EOrder:Order minimum not met",
            "EGeneral:Invalid arguments",
            "EFunding:No funding method",
        )
    ),
    rules=frozenset(
        (
            "EQuery:Invalid asset pair",
            "EQuery:Unknown asset",
            "EFunding:Unknown asset",
        )
    ),
    balance=frozenset(
        (
            "EFunding:Invalid amount",
            "EOrder:Insufficient funds",
        )
    ),
    keys=frozenset(
        (
            "EAPI:Invalid key",
            "EGeneral:Permission denied",
            "ESession:Invalid session",
            "ETrade:User Locked",
        )
    ),
    rate=frozenset(
        (
            "EAPI:Rate limit exceeded",
            "EOrder:Rate limit exceeded",
            "EGeneral:Temporary lockout",
            "EGeneral:Too many requests",
        )
    ),
    clock=frozenset(("EAPI:Invalid nonce",)),
)

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
    settles="by_listing",
    ask_number="",
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (SPOT,)
