"""Hyperliquid: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses
"""

from __future__ import annotations

from app.connectors.ccxt.row import Refusals, Row, on_test_network
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_DOCS = "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses"

_REFUSALS = Refusals()

SPOT = Row(
    name="hyperliquid",
    title="Hyperliquid",
    ccxt_id="hyperliquid",
    market="spot",
    fields=KNOWN_FIELDS["hyperliquid"],
    secrets={"hyperliquid_address": "walletAddress", "hyperliquid_secret_key": "privateKey"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="0x_hex",
    needs_price_for_market=True,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

PERPETUAL = Row(
    name="hyperliquid_perpetual",
    title="Hyperliquid",
    ccxt_id="hyperliquid",
    market="swap",
    fields=KNOWN_FIELDS["hyperliquid_perpetual"],
    secrets={"hyperliquid_perpetual_address": "walletAddress", "hyperliquid_perpetual_secret_key": "privateKey"},
    docs=_DOCS,
    refusals=_REFUSALS,
    wire_id="0x_hex",
    needs_price_for_market=True,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
)

ROWS = (
    SPOT,
    on_test_network(SPOT, "hyperliquid_testnet"),
    PERPETUAL,
    on_test_network(PERPETUAL, "hyperliquid_perpetual_testnet"),
)
