"""Hyperliquid: its rows. Errors: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses"""

from __future__ import annotations

from app.connectors.ccxt.pages import HIGHEST, Pages
from app.connectors.ccxt.row import Refusals, Row, on_test_network
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses"

_REFUSALS = Refusals(
    # The exchange answers with sentences, of which ccxt knows these parts. One about a cancel says that the order is done, or never
    # was; that is no answer to a question.
    order=frozenset(
        (
            "Price must be divisible by tick size.",
            "Order must have minimum value of $10",
            "Reduce only order would increase position.",
            "Order could not immediately match against any resting orders.",
            "No liquidity available for market order.",
            "Order has invalid size",
            "Order has zero size.",
            "Order price cannot be more than 80% away from the reference price",
            "Order was never placed, already canceled, or filled.",
        )
    ),
    duplicate=frozenset(("Duplicate cloid.",)),
    no_such_order=frozenset(("unknownOid",)),
    balance=frozenset(("Insufficient margin to place order.", "Insufficient spot balance asset")),
    would_take=frozenset(("Post only order would have immediately matched,",)),
    keys=frozenset(("User or API Wallet ",)),
    rate=frozenset(("Too many cumulative requests sent",)),
)

#: All open orders come at once, and fills in answers of 2,000 at most, oldest first, from a time on:
#: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint#retrieve-a-users-fills-by-time
_FILLS = Pages(size=2_000, parameter="startTime", cursor=(HIGHEST, "time"))

SPOT = Row(
    name="hyperliquid",
    title="Hyperliquid",
    ccxt_id="hyperliquid",
    market="spot",
    fields=KNOWN_FIELDS["hyperliquid"],
    secrets={"hyperliquid_address": "walletAddress", "hyperliquid_secret_key": "privateKey"},
    docs=_DOCS,
    refusals=_REFUSALS,
    vault="use_vault",
    price_digits=5,
    price_places=8,
    wire_id="0x_hex",
    needs_price_for_market=True,
    # "origSz" is the order's size, "sz" what remains of it.
    tells_terms=True,
    fill_pages=_FILLS,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

PERPETUAL = Row(
    name="hyperliquid_perpetual",
    title="Hyperliquid",
    proof="local_exchange",
    ccxt_id="hyperliquid",
    market="swap",
    fields=KNOWN_FIELDS["hyperliquid_perpetual"],
    secrets={"hyperliquid_perpetual_address": "walletAddress", "hyperliquid_perpetual_secret_key": "privateKey"},
    docs=_DOCS,
    refusals=_REFUSALS,
    vault="use_vault",
    price_digits=5,
    price_places=6,
    wire_id="0x_hex",
    needs_price_for_market=True,
    # "origSz" is the order's size, "sz" what remains of it.
    tells_terms=True,
    fill_pages=_FILLS,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (
    SPOT,
    on_test_network(SPOT, "hyperliquid_testnet"),
    PERPETUAL,
    on_test_network(PERPETUAL, "hyperliquid_perpetual_testnet"),
)
