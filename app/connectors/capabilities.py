"""What an exchange can do, and what it must be given: the tables by which services decide before they ask a connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from app.domain.enums import OrderType, PositionMode, TimeInForce
from app.domain.wire_ids import WireIdForm

#: What of a market can be followed.
MarketKind = Literal["candles", "trades", "order_book", "ticker"]

#: How certain the gateway can be of an order after a lost answer. ``by_id``: the exchange is asked by the client id.
#: ``by_listing``: its lists of open and done orders are searched for it. ``by_operator``: nothing proves an absence.
Settles = Literal["by_id", "by_listing", "by_operator"]

#: How a credential is written.
CredentialForm = Literal["", "base64", "ed25519_seed", "hex_key", "address", "base58"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTopic:
    """One thing to follow. ``interval`` is a candle's length, as ``fetch_candles`` takes it."""

    kind: MarketKind
    trading_pair: str
    interval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceNames:
    """Balances that are no coins: by name the coin that each stands for one to one, and prefixes before a coin's own name."""

    prefixes: tuple[str, ...] = ()
    stand_for: Mapping[str, str] = field(default_factory=dict)


#: The fewest and the most seconds of a countdown, where the exchange says no more of it.
ANY_COUNTDOWN = (1, 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an exchange can do. Services refuse early by it, and conformance tests skip by it.

    ``countdown`` says what the exchange cancels by itself when it is not told otherwise in time (``set_countdown``): nothing, all
    orders of the account on a pair, or all of its orders; ``countdown_seconds`` are the fewest and the most that it counts.
    ``wire_id`` is the form of its client order ids. ``absence_grace`` is how long after an order's last event a "no such order"
    becomes proof that it never arrived; None where it never does, because the exchange can't be asked by client id.
    ``overload_grace`` is the same after ``Overloaded``: the call has come to its end then, and only the exchange's engine may
    still be at work. ``funding_history`` is how far back funding payments can be asked for, None without a limit.
    ``open_orders_by_pair`` says that open orders are listed only pair by pair. ``candles_page`` is the most candles that one
    call of ``fetch_candles`` returns, 0 without candles. ``followed`` is what of a market the exchange pushes,
    ``followed_levels`` the depth of the books that it pushes.

    ``asks_together`` says that orders of one moment can be asked about with a few questions (``fetch_orders``).

    ``settles`` says how certain the outcome of an order is after a lost answer. ``stream`` is whether the exchange pushes an
    account's orders or is polled, ``market_buy_in`` the currencies that a MARKET order to buy may be measured in, ``proof`` what
    the connector was tried against: an exchange that runs here, or requests and answers as the exchange documents them.
    """

    order_types: tuple[OrderType, ...]
    times_in_force: tuple[TimeInForce, ...] = (TimeInForce.GTC,)
    reduce_only: bool = False
    quote_amount: bool = False
    is_perpetual: bool = False
    position_modes: tuple[PositionMode, ...] = ()
    client_id_pattern: str = "[A-Za-z0-9_-]{1,32}"
    countdown: Literal["none", "pair", "account"] = "none"
    countdown_seconds: tuple[int, int] = ANY_COUNTDOWN
    wire_id: WireIdForm = "same"
    absence_grace: timedelta | None = None
    overload_grace: timedelta | None = None
    funding_history: timedelta | None = None
    open_orders_by_pair: bool = False
    asks_together: bool = False
    candles_page: int = 0
    followed: tuple[MarketKind, ...] = ()
    followed_levels: int = 0
    settles: Settles = "by_id"
    stream: Literal["push", "poll"] = "push"
    market_buy_in: tuple[Literal["base", "quote"], ...] = ("base", "quote")
    proof: Literal["local_exchange", "wire_tests"] = "local_exchange"
    balance_names: BalanceNames = field(default_factory=BalanceNames)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialField:
    """One field of a connector's ``config-map``. ``type`` is the Python type name that callers read there. ``form`` is what the
    value is decoded from before it signs, so that another one can't be right; empty where any text may be.
    """

    type: str = "SecretStr"
    required: bool = True
    allowed_values: tuple[str, ...] = ()
    help: str = ""
    form: CredentialForm = ""
