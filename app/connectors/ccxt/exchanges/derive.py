"""Derive: its rows. Errors: https://docs.derive.xyz/reference/error-codes"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes, on_test_network
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://docs.derive.xyz/reference/post_private-order"

_REFUSALS = Refusals(
    # The section on orders: what the request itself lacks, and what the engine says of an order that never rested nor filled.
    # 11002 (rejected from the queue) and 11017 (nonce used before) are left out: they don't say what became of the first one.
    order=codes(
        "-32700 -32600 -32602 10004 10010 11007 11009 11010 11011 11012 11013 11014 11015 11018 11019 11022 11023 11024 "
        "11025 11027 11029 14014 14023"
    ),
    rules=codes("11021 12000 12001"),
    balance=codes("11000 11020"),
    would_take=codes("11008"),
    # The section on accounts and keys; none of these gets as far as the engine.
    keys=codes("14000 14001 14002 14020 14021 14025 14026 14029 14030 14031 16000 16001"),
    rate=codes("-32000"),
    no_such_order=codes("11006"),
)

#: All open orders come at once: https://docs.derive.xyz/reference/post_private-get-open-orders. Done ones and trades come by
#: pages, from 1 on: https://docs.derive.xyz/reference/post_private-get-order-history
_HISTORY = Pages(size=100, parameter="page", counts="pages")

SPOT = Row(
    name="derive",
    title="Derive",
    ccxt_id="derive",
    market="spot",
    fields=KNOWN_FIELDS["derive"],
    secrets={
        "derive_api_key": "options.deriveWalletAddress",
        "derive_api_secret": "privateKey",
        "sub_id": "options.subaccount_id",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    signs_by_key=True,
    wire_id="0x_hex",
    # Derive refuses an order whose fee may exceed this, in USDC per unit of the base. It is no tariff: what is charged is the
    # exchange's rate. 0.1 % of the price of any asset is far below it. The code would be that of ccxt's makers.
    parameters={"max_fee": "1000", "referral_code": ""},
    cancel_client_id="",
    ask_client_id="",
    settles="by_listing",
    done_verbs=("fetch_canceled_and_closed_orders",),
    done_pages=_HISTORY,
    fill_pages=_HISTORY,
    lists_all_pairs=True,
    listing_lag=timedelta(minutes=2),
    times_in_force=ALL_TIMES,
    needs_price_for_market=True,
    market_collar=Decimal("0.05"),
)

PERPETUAL = replace(
    SPOT,
    name="derive_perpetual",
    market="swap",
    fields=KNOWN_FIELDS["derive_perpetual"],
    secrets={
        "derive_perpetual_api_key": "options.deriveWalletAddress",
        "derive_perpetual_api_secret": "privateKey",
        "sub_id": "options.subaccount_id",
    },
)

ROWS = (
    SPOT,
    on_test_network(SPOT, "derive_testnet"),
    PERPETUAL,
    on_test_network(PERPETUAL, "derive_perpetual_testnet"),
)
