"""KuCoin: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.kucoin.com/docs-new/error-code
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.kucoin.com/docs-new/error-code"

_REFUSALS = Refusals(
    order=codes(
        "400 403 404 405 415 103000 130101 130106 130303 130304 130305 130306 130307 130308 130309 130311 130312 130313 "
        "130314 130315 126001 126003 126021 126022 126027 126028 126029 126030 126034 126036 126045 126046 210014 "
        "300000 400008 400100 400200 400330 400350 400370 400400 400760 401000 415000 600101 900014 100004 300012 "
        "404000 300011 300009 130204 126033 126044 408000 330012 330005 "
    )
    | frozenset(
        (
            "Order size below the minimum requirement.",
            "Order size increment invalid.",
            "The amount increment is invalid.",
            "The quantity is below the minimum requirement.",
            "not in the given range!",
            "recAccountType not in the given range",
        )
    ),
    rules=codes("400000 400600") | frozenset(("Unsupported trading pair.",)),
    balance=codes("130105 130203 130301 126013 200004 210021 230003 260100 600100 300003 330008")
    | frozenset(("Unsuccessful! Exceeded the max. funds out-transfer limit",)),
    duplicate=codes("126033 126044"),
    keys=codes(
        "401 101030 112010 130201 130302 126005 126047 126048 400001 400003 400004 400005 400006 400007 400401 411100 "
        "400303 "
    ),
    rate=codes("429 429000"),
    clock=codes("400002"),
    no_such_order=codes("order_not_exist order_not_exist_or_not_allow_to_cancel 130103 130108 126043 100001")
    | frozenset(
        (
            "Order not exist or not allow to be cancelled",
            "The order does not exist.",
            "order not exist",
            "order not exist.",
        )
    ),
)

SPOT = Row(
    name="kucoin",
    title="KuCoin",
    ccxt_id="kucoin",
    market="spot",
    fields=KNOWN_FIELDS["kucoin"],
    secrets={"kucoin_api_key": "apiKey", "kucoin_secret_key": "secret", "kucoin_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    times_in_force=ALL_TIMES,
)

HFT = Row(
    name="kucoin_hft",
    title="KuCoin",
    ccxt_id="kucoin",
    market="spot",
    fields=KNOWN_FIELDS["kucoin_hft"],
    secrets={"kucoin_hft_api_key": "apiKey", "kucoin_hft_secret_key": "secret", "kucoin_hft_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False, "hf": True},
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="kucoin_perpetual",
    title="KuCoin",
    ccxt_id="kucoinfutures",
    market="swap",
    fields=KNOWN_FIELDS["kucoin_perpetual"],
    secrets={
        "kucoin_perpetual_api_key": "apiKey",
        "kucoin_perpetual_secret_key": "secret",
        "kucoin_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, HFT, PERPETUAL)
