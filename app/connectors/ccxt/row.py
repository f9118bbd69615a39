"""What is particular about one name of the family: a row of data, which a test can read.

A row states what is not the same everywhere: which exchange and market of ccxt it is, which credential goes where, the form of
client order ids and by what an order can be asked about and canceled, what the exchange enforces, and which of its error codes
prove that nothing was placed. What a row claims, the wire tests hold against the requests that leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from app.connectors.capabilities import CredentialField, Settles
from app.connectors.ccxt.pages import HUNDRED, WHOLE, Pages
from app.connectors.known import KNOWN_FIELDS
from app.domain.enums import OrderType, TimeInForce
from app.domain.errors import (
    ClockRefused,
    CredentialsRefused,
    DuplicateOrderId,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
    WouldTake,
)
from app.domain.wire_ids import WireIdForm

#: The order types that nearly every exchange has.
LIMIT_AND_MARKET = (OrderType.LIMIT, OrderType.MARKET)
ALL_TYPES = (OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER)

GTC = (TimeInForce.GTC,)
ALL_TIMES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)


#: The attributes and options of ccxt that name an account, whichever key of it signs.
_ACCOUNTS = frozenset(("walletAddress", "options.deriveWalletAddress", "options.subaccount_id", "options.accountId"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The error codes, or texts that serve as codes, which prove that nothing was placed.

    ``no_such_order`` are the positive answers to a question; ``clock`` are about the timestamp or the nonce, ``rate`` about too
    many requests, ``keys`` about the credentials. ``rules`` are those of ``order`` which say that a pair or a filter is not as
    we know it. ``busy`` prove nothing, whatever status they come with.
    """

    order: frozenset[str] = frozenset()
    balance: frozenset[str] = frozenset()
    would_take: frozenset[str] = frozenset()
    duplicate: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    rate: frozenset[str] = frozenset()
    clock: frozenset[str] = frozenset()
    no_such_order: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()

    def kinds(self) -> Mapping[int | str, type[Refused]]:
        """The class of refusal by code."""
        return {
            **dict.fromkeys(self.order | self.no_such_order | self.rules, OrderRefused),
            **dict.fromkeys(self.balance, InsufficientBalance),
            **dict.fromkeys(self.would_take, WouldTake),
            **dict.fromkeys(self.duplicate, DuplicateOrderId),
            **dict.fromkeys(self.keys, CredentialsRefused),
            **dict.fromkeys(self.rate, RateLimited),
            **dict.fromkeys(self.clock, ClockRefused),
        }


def codes(text: str) -> frozenset[str]:
    """The codes in a text, between spaces."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One name.

    ``title`` is the exchange's name in texts, ``ccxt_id`` the class in ccxt. ``secrets`` says which credential is which
    attribute of that class, or, with "options." before it, which of its options. ``options`` are options of ccxt that differ
    from its own.

    ``client_id`` is the parameter that carries our id when an order is placed, empty where the exchange knows orders by its own
    only, ``client_id_pattern`` what callers may choose for it. ``cancel_client_id`` and ``ask_client_id`` carry it when the order
    is canceled and asked about: empty where only the exchange's own id serves for that, and "id" where ours takes its place.
    ``ask_verbs`` are ccxt's calls that find one order; those that return lists are given ``ask_number`` as the parameter of the
    exchange's own id, and where that is empty, what they return is searched. ``settles`` is what follows; ``done_verbs`` are
    ccxt's calls that together list all done orders.
    ``open_pages``, ``done_pages`` and ``fill_pages`` say how the lists of open orders, of done orders and of fills come: one that
    could not be read to its end proves no absence. ``fills_number`` is the parameter of ``fetch_my_trades`` that carries the
    exchange's own id, empty where there is none, and ``fills_window`` the longest time that it shows at once, None for no limit.
    ``lists_all_pairs`` says that the exchange can't list by pair. ``asks_together`` says that the newest orders and fills are on
    the first pages of the lists that begin a moment ago, so that orders of one moment need no questions of their own.

    ``fills_tell_amount`` is the field of a fill that has the amount of its order, empty where there is none.

    ``parameters`` are those of every order, ``maker`` those of a LIMIT_MAKER order, ``market_parameters`` those of a MARKET order,
    ``closing`` those of one that may only reduce a position. ``before_orders`` are ccxt's calls that must have been made before
    an order, since ccxt would make them within the order's call. ``market_buy_in`` is what a MARKET order to buy is measured in.
    ``needs_price_for_market`` is for exchanges whose MARKET orders are LIMIT orders with a collar around that price:
    ``market_collar`` away from it, where ccxt puts no collar of its own. ``signs_by_key`` is for exchanges whose signer is named
    by the address of the private key. ``subdomain`` is the credential that names the exchange's sub-domain, and its domain;
    ``vault`` the credential that says whether the wallet is a vault, for which its leader's key signs.

    ``account`` is ccxt's call that tells whose account it is, and the way to its number in the answer; empty where an exchange has
    no such question, or not for every key: what the credentials sign in with stands for the account there.

    ``settle`` is the only currency of perpetuals that are served, where the exchange lists positions and orders by it.
    ``tells_funding`` says whether payments of funding can be listed over all pairs, ``funding_window`` the longest time that such a
    list shows at once, None for no limit. ``funding_parameters`` ask for long pages, and ``funding_is_cost`` says that what was
    paid is positive there.

    ``fills_since`` says that fills can be asked for since a time.

    ``price_digits`` are the most significant digits of a price that is no whole number, ``price_places`` the most places of
    price and amount together.

    ``tells_terms`` says that the amount and price of a resting order are its own, as amended, though the exchange tells no time of
    a change; elsewhere ``amount`` may be what remains.

    ``reach`` is how old an order may be for its absence to prove anything, None where the exchange forgets none. ``code_field`` is
    the field of an error that holds its code, for codes that ccxt's tables lack.

    ``ticker_in_contracts`` and ``candles_in_base`` say in what ccxt tells the volumes of perpetuals that count contracts: as a
    rule, those of tickers are in base and those of candles in contracts.

    ``countdown`` are the fewest and the most seconds of a countdown at whose end the exchange cancels all orders of the account,
    None where it has none that holds a dead-man's switch of this name alone. ``countdown_status`` is the way through its answer to
    what says whether it was taken, where an answer may say that it was not.

    ``unchanged`` are the codes by which the exchange refuses a setting that is as it should be.
    ``open_orders_by_pair`` says that open orders are listed only pair by pair. ``listing_lag`` is how long the exchange may
    take to show an order, ``docs`` where its API is documented. ``proof`` is what the row was
    tried against; a test network is not what runs locally.
    """

    name: str
    title: str
    ccxt_id: str
    market: Literal["spot", "swap"]
    fields: Mapping[str, CredentialField]
    secrets: Mapping[str, str]
    docs: str
    refusals: Refusals
    options: Mapping[str, Any] = field(default_factory=dict)
    is_test_domain: bool = False
    proof: Literal["local_exchange", "wire_tests"] = "wire_tests"
    wire_id: WireIdForm = "same"
    client_id: str = "clientOrderId"
    client_id_pattern: str = "[A-Za-z0-9_-]{1,32}"
    cancel_client_id: str = "clientOrderId"
    ask_client_id: str = "clientOrderId"
    ask_verbs: tuple[str, ...] = ("fetch_order",)
    ask_number: str = ""
    done_verbs: tuple[str, ...] = ("fetch_closed_orders",)
    open_pages: Pages = WHOLE
    done_pages: Pages = HUNDRED
    fill_pages: Pages = HUNDRED
    fills_number: str = ""
    fills_window: timedelta | None = None
    lists_all_pairs: bool = False
    asks_together: bool = False
    fills_tell_amount: str = ""
    settles: Settles = "by_id"
    order_types: tuple[OrderType, ...] = ALL_TYPES
    times_in_force: tuple[TimeInForce, ...] = GTC
    parameters: Mapping[str, Any] = field(default_factory=dict)
    maker: Mapping[str, Any] = field(default_factory=lambda: {"postOnly": True})
    market_parameters: Mapping[str, Any] = field(default_factory=dict)
    closing: Mapping[str, Any] = field(default_factory=lambda: {"reduceOnly": True})
    before_orders: tuple[str, ...] = ()
    market_buy_in: Literal["base", "quote"] = "base"
    needs_price_for_market: bool = False
    tells_terms: bool = False
    market_collar: Decimal = Decimal(0)
    signs_by_key: bool = False
    subdomain: tuple[str, str] | None = None
    vault: str = ""
    account: tuple[str, ...] = ()
    settle: str = ""
    tells_funding: bool = True
    funding_window: timedelta | None = None
    funding_parameters: Mapping[str, Any] = field(default_factory=dict)
    funding_is_cost: bool = False
    fills_since: bool = True
    price_digits: int | None = None
    price_places: int = 0
    reach: timedelta | None = None
    code_field: str = ""
    ticker_in_contracts: bool = False
    candles_in_base: bool = False
    countdown: tuple[int, int] | None = None
    countdown_status: tuple[str, ...] = ()
    unchanged: frozenset[str] = frozenset()
    open_orders_by_pair: bool = False
    listing_lag: timedelta = timedelta(seconds=30)
    poll_seconds: float = 5.0

    @property
    def is_perpetual(self) -> bool:
        return self.market == "swap"

    @property
    def names_of_account(self) -> tuple[str, ...]:
        """The credentials that name an account, or else the key, which opens one account for ever."""
        named = tuple(name for name, target in self.secrets.items() if target in _ACCOUNTS)
        return named or tuple(name for name, target in self.secrets.items() if target == "apiKey")


def on_test_network(row: Row, name: str) -> Row:
    """The same exchange's test network, whose credentials are named after it."""
    renamed = {
        name + field.removeprefix(row.name) if field.startswith(f"{row.name}_") else field: target
        for field, target in row.secrets.items()
    }
    return replace(row, name=name, fields=KNOWN_FIELDS[name], secrets=renamed, is_test_domain=True, proof="wire_tests")
