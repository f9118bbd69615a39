"""Names under which Binance lists balances that are no coins, and the coins that they stand for. For values only, never for orders.

Binance documents none of these names; they are what accounts show. What is traded under its own name (LDO, WBETH) is itself.
"""

from __future__ import annotations

from types import MappingProxyType

from app.connectors.capabilities import BalanceNames

NAMES = BalanceNames(
    #: Flexible Simple Earn, once Savings ("lending, daily"): LDBTC can be redeemed for as many BTC at any time.
    prefixes=("LD",),
    stand_for=MappingProxyType(
        {
            #: Flexible Simple Earn of coins whose short name differs.
            "LDBAKET": "BAKE",
            "LDERD": "EGLD",
            #: Staked ether, redeemed one for one.
            "BETH": "ETH",
            #: Credits of the futures wallet, one dollar each.
            "BNFCR": "USD",
        }
    ),
)
