"""The words of the API, one class each.

Generated from openapi/trading.yaml by openapi/generate.py: do not edit.
"""

from __future__ import annotations

from enum import StrEnum


class TradeType(StrEnum):
    """Whether the base asset is bought or sold."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """How the order meets the book: LIMIT_MAKER is a limit order that is refused if it would trade at once."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"


class PositionAction(StrEnum):
    """Whether a perpetual order opens or closes a position; without meaning on spot."""

    OPEN = "OPEN"
    CLOSE = "CLOSE"


class TimeInForce(StrEnum):
    """How long a limit order stays: until cancelled, immediate or cancel, fill or kill."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    """The status words that existing callers know; derived from ``OrderState``."""

    SUBMITTED = "SUBMITTED"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELLED = "CANCELLED"
    FILLED = "FILLED"
    FAILED = "FAILED"


class OrderState(StrEnum):
    """What is known of an order, exactly."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class EventKind(StrEnum):
    """What happened to an order, in the past tense. ``retried``: it surely was not at the exchange, and another
    attempt to send it began, because its request came again, or once by the gateway after a refused timestamp.
    More words may come.
    """

    INTENDED = "intended"
    ADOPTED = "adopted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETRIED = "retried"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    UNCONFIRMED = "unconfirmed"
    NEVER_ARRIVED = "never_arrived"
    VANISHED = "vanished"
    REAPPEARED = "reappeared"
    AMENDED = "amended"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_REFUSED = "cancel_refused"
    CANCEL_UNCONFIRMED = "cancel_unconfirmed"
    STUCK = "stuck"
    ANOMALY = "anomaly"


class Liquidity(StrEnum):
    """Whether a fill took liquidity from the book or had made it."""

    MAKER = "maker"
    TAKER = "taker"


class PositionMode(StrEnum):
    """One position a pair, or a long and a short one side by side."""

    ONEWAY = "ONEWAY"
    HEDGE = "HEDGE"


class PositionSide(StrEnum):
    """Which way a position points; BOTH in one-way mode where the sign of the amount says it."""

    LONG = "LONG"
    SHORT = "SHORT"
    BOTH = "BOTH"


class Scope(StrEnum):
    """What an operation demands of its caller."""

    READ = "read"
    ORDERS_PLACE = "orders:place"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_AMEND = "orders:amend"
    ORDERS_APPROVE = "orders:approve"
    ACCOUNTS_WRITE = "accounts:write"
    SAFETY_READ = "safety:read"
    SAFETY_HALT = "safety:halt"
    SAFETY_WRITE = "safety:write"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"


class Role(StrEnum):
    """A named set of scopes."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    OPERATOR = "operator"
    ADMIN = "admin"


class Environment(StrEnum):
    """What a connector trades with; real money, or one of three kinds of play money."""

    LIVE = "live"
    PAPER = "paper"
    SANDBOX = "sandbox"
    TESTNET = "testnet"


class HaltMode(StrEnum):
    """What a halt still takes: nothing, or what only reduces a position."""

    HALT = "halt"
    REDUCE_ONLY = "reduce_only"


class HaltCancel(StrEnum):
    """Which orders a halt cancels: none, those that do not only reduce a position, or all."""

    NONE = "none"
    ENTRIES = "entries"
    ALL = "all"


class DeadManKeep(StrEnum):
    """What a dead-man's switch leaves when it fires: nothing, or what only reduces a position."""

    NONE = "none"
    PROTECTIVE = "protective"


class DeadManThen(StrEnum):
    """What follows when a dead-man's switch has fired."""

    NOTHING = "nothing"
    HALT = "halt"


class DeadManRequire(StrEnum):
    """Who must hold a dead-man's switch."""

    ANY = "any"
    EXCHANGE = "exchange"


class ApprovalState(StrEnum):
    """What became of an order that needs an approval."""

    AWAITING = "awaiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class ApprovalDecision(StrEnum):
    """What is decided about an order that awaits an approval."""

    APPROVE = "approve"
    REFUSE = "refuse"
