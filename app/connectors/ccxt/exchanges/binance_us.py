"""Binance.US: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://docs.binance.us/#error-codes
"""

from __future__ import annotations

from app.connectors.capabilities import CredentialField
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes

_DOCS = "https://docs.binance.us/#error-codes"

_REFUSALS = Refusals(
    order=codes(
        "-1004 -1013 -1014 -1016 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1114 -1115 -1116 -1117 -1118 "
        "-1119 -1120 -1127 -1128 -1130 -2010 -4000 -4001 -4002 -4003 -4004 -4005 -4006 -4007 -4008 -4009 -4010 -4011 "
        "-4012 -4013 -4014 -4015 -4016 -4017 -4018 -4019 -4020 -4021 -4022 -4023 -4024 -4025 -4026 -4027 -4028 -4029 "
        "-4030 -4031 -4032 -4033 -4044 -4045 -4046 -4047 -4048 -4049 -4052 -4053 -4054 -4055 -4058 -4059 -4060 -4061 "
        "-4062 -4067 -4068 -4082 -4083 -4084 -4086 -4104 -4135 -4137 -4138 -4139 -20124 -20130 -20132 -20194 -20195 "
        "-20196 -20198 -20204 "
    )
    | frozenset(
        (
            "Limit orders require GTC for self phase.",
            "This type of sub-account exceeds the maximum number limit",
        )
    ),
    rules=codes("-1108 -1121 -20121") | frozenset(("Market is closed.",)),
    balance=codes("-4050 -4051") | frozenset(("Account has insufficient balance for requested action.",)),
    would_take=codes("-4142")
    | frozenset(
        (
            "Order would trigger immediately.",
            "Stop price would trigger immediately.",
            "Order would immediately match and take.",
        )
    ),
    keys=codes("-1002 -1022 -1125 -2014 -2015 -4056 -4057")
    | frozenset(
        (
            "You are not authorized to execute self request.",
            "API key does not exist",
            "Rest API trading is not enabled.",
            "This account may not place or cancel orders.",
            "You don't have permission.",
            "This action is disabled on self account.",
            "This symbol is restricted for self account.",
            "This symbol is not permitted for self account.",
        )
    ),
    rate=codes("-1003 -1015"),
    clock=codes("-1021"),
    no_such_order=codes("-2011 -2013"),
)

SPOT = Row(
    name="binance_us",
    title="Binance.US",
    ccxt_id="binanceus",
    market="spot",
    fields={"binance_us_api_key": CredentialField(), "binance_us_api_secret": CredentialField()},
    secrets={"binance_us_api_key": "apiKey", "binance_us_api_secret": "secret"},
    docs=_DOCS,
    refusals=_REFUSALS,
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT,)
