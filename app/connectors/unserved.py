"""Why a known name can't be traded on: what is told with the 501 and in docs/connect/exchanges.md, instead of a bare "not yet"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NOT_IN_CCXT = "the library that the exchanges are connected through, ccxt, does not have it"
_LIGHTER = (
    "its orders are signed by a native library of the exchange, which ccxt 4.5.90 does not bring along (it raises NotSupported"
    " without the option libraryPath) and this gateway can't check"
)

#: By name, as the end of a sentence.
UNSERVED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "aevo_perpetual",
                "aevo_perpetual_testnet",
                "architect_perpetual",
                "architect_perpetual_sandbox",
                "bitmart",
                "bitmart_perpetual",
                "decibel_perpetual",
                "decibel_perpetual_testnet",
                "dexalot",
                "dexalot_testnet",
                "evedex_perpetual",
                "injective_v2",
                "injective_v2_perpetual",
                "lambdaplex",
                "xrpl",
            ),
            _NOT_IN_CCXT,
        ),
        **dict.fromkeys(("lighter", "lighter_perpetual", "lighter_perpetual_testnet", "lighter_testnet"), _LIGHTER),
        "dydx_v4_perpetual": (
            "ccxt 4.5.90 asks for the account and the height of the chain within the order's call (fetchDydxAccount,"
            " fetchLatestBlockHeight), so that a failed question can't be told from a lost order, needs protobuf, which it does not"
            " bring along, and takes a private key where this name's credential is a secret phrase"
        ),
    }
)
