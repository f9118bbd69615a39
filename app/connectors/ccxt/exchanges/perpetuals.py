"""GRVT and Pacifica, which have perpetuals only: their rows.

Errors: https://api-docs.grvt.io/trading_api/#create-order and https://docs.pacifica.fi/api-documentation/api/error-codes
"""

from __future__ import annotations

from datetime import timedelta

from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row, codes, on_test_network
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import TimeInForce

_GRVT_DOCS = "https://api-docs.grvt.io/trading_api/#create-order"

_GRVT_REFUSALS = Refusals(
    # The errors listed under "Create Order", except internal and unknown ones (1002, 1005) and those without an order.
    order=codes(
        "1003 1012 2002 2005 2006 2007 2008 2010 2011 2020 2021 2030 2032 2040 2041 2042 2050 2051 2062 2063 2064 2065 "
        "2070 2090 2400 2401 2402 7201"
    ),
    rules=codes("2060 2061 3000"),
    balance=codes("2080"),
    duplicate=codes("2012"),
    keys=codes("1000 1001 1008 1400 2000 2003"),
    rate=codes("1006"),
    clock=codes("2001"),
    no_such_order=codes("1004"),
)

GRVT = Row(
    name="grvt_perpetual",
    title="GRVT",
    ccxt_id="grvt",
    market="swap",
    fields=KNOWN_FIELDS["grvt_perpetual"],
    secrets={
        "grvt_perpetual_api_key": "apiKey",
        "grvt_perpetual_private_key": "privateKey",
        "grvt_perpetual_trading_account_id": "options.accountId",
    },
    docs=_GRVT_DOCS,
    refusals=_GRVT_REFUSALS,
    wire_id="bits_64",
    before_orders=("sign_in",),
    # A market order must take: https://api-docs.grvt.io/schemas/time_in_force/.
    market_parameters={"timeInForce": "IOC"},
    # All open orders come at once, fills with a cursor: https://api-docs.grvt.io/trading_api/#fill-history
    fill_pages=Pages(size=100, parameter="cursor", cursor=("next",)),
    done_verbs=("fetch_orders",),
    times_in_force=ALL_TIMES,
)

_PACIFICA_DOCS = "https://docs.pacifica.fi/api-documentation/api/rest-api/orders/create-limit-order"

_PACIFICA_REFUSALS = Refusals(
    # The business errors that a new order can meet. 14, 26 and 27 (database, closed channel, dropped answer) prove nothing.
    order=codes("4 7 8 10 20 21 22 23 25 28 30 41 52 53 59 invalid_amount INVALID_TICK_LEVEL"),
    rules=codes("3 56 BOOK_NOT_FOUND"),
    balance=codes("5 INSUFFICIENT_BALANCE"),
    duplicate=codes("36"),
    # Requests whose signature or signer is not taken are not passed on.
    keys=codes("1 38 401 402 403 signature_verification_failed ACCOUNT_NOT_FOUND")
    | frozenset(("Invalid signature", "Invalid public key", "Verification failed")),
    rate=codes("429"),
    no_such_order=codes("6 ORDER_NOT_FOUND"),
)

#: All open orders come at once, what is done with a cursor:
#: https://docs.pacifica.fi/api-documentation/api/rest-api/orders/get-order-history
_PACIFICA_HISTORY = Pages(size=100, parameter="cursor", cursor=("next_cursor",))

PACIFICA = Row(
    name="pacifica_perpetual",
    title="Pacifica",
    ccxt_id="pacifica",
    market="swap",
    fields=KNOWN_FIELDS["pacifica_perpetual"],
    secrets={
        "pacifica_perpetual_agent_wallet_public_key": "options.agentAddress",
        "pacifica_perpetual_agent_wallet_private_key": "privateKey",
        "pacifica_perpetual_user_wallet_public_key": "walletAddress",
        "pacifica_perpetual_api_config_key": "options.apiKey",
    },
    docs=_PACIFICA_DOCS,
    refusals=_PACIFICA_REFUSALS,
    wire_id="uuid",
    ask_client_id="",
    settles="by_listing",
    done_verbs=("fetch_orders",),
    done_pages=_PACIFICA_HISTORY,
    fill_pages=_PACIFICA_HISTORY,
    lists_all_pairs=True,
    listing_lag=timedelta(minutes=2),
    # The library makes GTC of FOK, which Pacifica does not have.
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
    maker={"timeInForce": "PO"},
)

ROWS = (
    GRVT,
    on_test_network(GRVT, "grvt_perpetual_testnet"),
    PACIFICA,
    on_test_network(PACIFICA, "pacifica_perpetual_testnet"),
)
