"""Bitget: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.bitget.com/api-doc/common/error-code/restapi-error-code
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.bitget.com/api-doc/common/error-code/restapi-error-code"

_REFUSALS = Refusals(
    order=codes(
        "00001 40020 30007 30020 30021 30023 30025 32005 32006 32007 32008 32009 32030 32031 32048 32050 32051 32055 "
        "32059 32060 32061 32062 32063 33013 33015 33021 33022 33024 33025 33027 33028 33029 33059 33060 35008 35010 "
        "35012 35014 35015 35019 35020 35021 35030 35031 35040 35049 35050 35059 35060 35061 35062 35063 35064 35066 "
        "35067 35068 35069 35070 35071 35072 35073 35074 35075 35076 35077 35078 35079 35080 35081 35082 35083 35084 "
        "35085 35086 35087 35088 35089 35095 36001 36203 36205 36206 36207 36208 36209 36210 36211 36212 36213 36217 "
        "36218 36219 36220 36221 36222 36223 36224 36225 36226 36227 36228 36229 36230 400 405 415 40007 40017 400172 "
        "40019 40103 40108 40201 40203 40204 40205 40206 40207 40208 40209 40302 40303 40304 40305 40402 40403 40404 "
        "40405 40406 40500 40700 40705 40706 40707 40708 40808 41103 43011 45110 40917 45122 50014 50015 50016 50017 "
        "50018 50019 50021 50026 41117 45113 "
    )
    | frozenset(
        (
            "invalid period",
            "invalid amount",
            "invalid type",
            "invalid orderId",
            "invalid accountId",
            "invalid address",
            "more than a daily rate of cash",
            "more than the maximum daily withdrawal amount",
            "Cash Withdrawal Is Less Than The Minimum Value",
            "Cash Withdrawal Is More Than The Maximum Value",
            "order cancel fail",
            "order queryorder invalid",
            "market no need price",
            "limit need price",
            "invalid start time",
            "invalid end time",
        )
    ),
    rules=codes("30024 30032 40309 50004")
    | frozenset(
        (
            "invalid currency",
            "invalid symbol",
            "base symbol error",
        )
    ),
    balance=codes("33003 33008 33017 34008 35025 35046 35047 35052 35055 36108 40711 40712 40762 43012 50020")
    | frozenset(("your balance is low",)),
    keys=codes(
        "4010 30001 30002 30003 30004 30006 30010 30011 30012 30013 30015 30022 30027 30028 30029 32001 32002 32028 "
        "32038 33001 33002 34001 34016 34017 34018 34019 34020 34023 35005 36101 36102 36103 36104 36105 36106 36107 "
        "36109 36201 36202 401 403 40001 40002 40003 40006 40009 40010 40011 40012 40014 40016 40018 40031 40037 40301 "
        "40506 40507 50006 50007 40085 43111 "
    )
    | frozenset(
        (
            "invalid sign",
            "accesskey not None",
            "illegal accesskey",
            "sign not null",
            "permissions not right",
            "illegal sign invalid",
            "user locked",
            "user forbid",
            "User Prohibited Cash Withdrawal",
            "the account with in 24 hours ban coin",
            "api signature not valid",
        )
    ),
    rate=codes("30014 30026 429 1001") | frozenset(("Request Frequency Is Too High",)),
    clock=codes("30005 40004 40005 40008") | frozenset(("req_time is too much difference from server time",)),
    no_such_order=codes("33014 35029 36216 40109 40768 43001"),
)

SPOT = Row(
    name="bitget",
    title="Bitget",
    ccxt_id="bitget",
    market="spot",
    fields=KNOWN_FIELDS["bitget"],
    secrets={"bitget_api_key": "apiKey", "bitget_secret_key": "secret", "bitget_passphrase": "password"},
    docs=_DOCS,
    refusals=_REFUSALS,
    market_buy_in="quote",
    options={"uta": False},
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="bitget_perpetual",
    title="Bitget",
    ccxt_id="bitget",
    market="swap",
    fields=KNOWN_FIELDS["bitget_perpetual"],
    secrets={
        "bitget_perpetual_api_key": "apiKey",
        "bitget_perpetual_secret_key": "secret",
        "bitget_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    options={"uta": False},
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
