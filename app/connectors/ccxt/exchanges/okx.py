"""OKX: its rows.

The refusals are error codes of its documentation, which say that the request was rejected: https://www.okx.com/docs-v5/en/#error-code
"""

from __future__ import annotations

from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes
from app.connectors.known import KNOWN_FIELDS

_DOCS = "https://www.okx.com/docs-v5/en/#error-code"

_REFUSALS = Refusals(
    order=codes(
        "50000 50002 50006 50014 50044 50115 51000 51003 51004 51005 51006 51007 51020 51021 51022 51027 51028 51029 "
        "51030 51031 51046 51047 51051 51072 51073 51074 51090 51091 51092 51093 51094 51095 51096 51098 51099 51100 "
        "51101 51102 51103 51104 51105 51106 51107 51108 51109 51110 51111 51112 51115 51116 51117 51118 51121 51122 "
        "51124 51125 51126 51128 51129 51132 51133 51134 51135 51136 51137 51138 51139 51156 51166 51174 51185 51201 "
        "51202 51203 51204 51205 51250 51251 51252 51253 51254 51255 51256 51257 51258 51259 51260 51261 51262 51263 "
        "51264 51265 51267 51268 51269 51270 51271 51272 51273 51274 51275 51276 51277 51278 51279 51280 51321 51322 "
        "51324 51325 51327 51328 51329 51330 51403 51404 51407 51765 51768 51770 54008 54009 54011 54051 54094 55100 "
        "55101 55102 55103 55104 55111 55113 58125 58126 58127 58128 58221 58222 58227 58228 59128 59410 59412 59413 "
        "59414 59642 59684 59686 60012 60013 60017 60019 60027 60028 64000 64001 64002 64004 70010 70013 70016 70061 "
        "70062 70065 70067 1009 4002 4006 "
    ),
    rules=codes("51001 51002 51012 51014 51015 51026 51130"),
    balance=codes("51008 51119 51127 51131 51502 51736 51764 51772 58229 58350 59103 59108 59200 59201 59411"),
    duplicate=codes("51011 51016"),
    keys=codes(
        "50007 50008 50009 50027 50101 50103 50104 50105 50106 50107 50110 50111 50112 50113 50114 51009 51010 51024 "
        "51732 51733 51734 51763 51773 58001 58002 58004 58101 58204 58213 59113 59260 59262 59508 60001 60002 60003 "
        "60004 60005 60007 60008 60009 60010 60011 60021 60022 60024 60026 60029 60030 60031 60032 64003 4001 4007 "
    ),
    rate=codes("50011 51113 58102 60014 60023 4003 4008"),
    clock=codes("50102 60006"),
    no_such_order=codes("51400 51401 51402 51503 51509 51603"),
)

SPOT = Row(
    name="okx",
    title="OKX",
    ccxt_id="okx",
    market="spot",
    fields=KNOWN_FIELDS["okx"],
    secrets={
        "okx_api_key": "apiKey",
        "okx_secret_key": "secret",
        "okx_passphrase": "password",
        "okx_registration_sub_domain": "options.subdomain",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    market_parameters={"tgtCcy": "base_ccy"},
    client_id_pattern="[A-Za-z0-9]{1,32}",
    times_in_force=ALL_TIMES,
)

PERPETUAL = Row(
    name="okx_perpetual",
    title="OKX",
    ccxt_id="okx",
    market="swap",
    fields=KNOWN_FIELDS["okx_perpetual"],
    secrets={
        "okx_perpetual_api_key": "apiKey",
        "okx_perpetual_secret_key": "secret",
        "okx_perpetual_passphrase": "password",
    },
    docs=_DOCS,
    refusals=_REFUSALS,
    client_id_pattern="[A-Za-z0-9]{1,32}",
    times_in_force=ALL_TIMES,
)

ROWS = (SPOT, PERPETUAL)
