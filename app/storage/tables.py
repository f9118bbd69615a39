"""The tables. ``events`` is the journal; ``orders``, ``fills`` and ``balances`` are its projection.

The projection is written in the same transaction as its events. An order's ``id`` is the sequence number of its first event and a
fill's ``seq`` that of the event which brought it, so that no second counter exists. Events are never changed or deleted (a trigger
refuses it); a projection that was lost could be rebuilt from them. The migrations must agree with this file; a test compares them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

from app.storage.types import METADATA, Money, Name, Sequence, UtcTime

#: One row. A writer locks it first and holds the lock to the commit, so that the sequence is the order of the commits. Whoever
#: changes credentials locks it too, and counts ``credentials_version`` up: an intent comes either before the change or after it.
SEQUENCE = Table(
    "journal_sequence",
    METADATA,
    Column("id", Sequence, primary_key=True, autoincrement=False),
    Column("value", Sequence, nullable=False),
    # The checksum of the events up to ``chained`` (``types.link``), which is the last one unless an older version wrote it.
    Column("chained", Sequence, nullable=False, server_default="0"),
    Column("chain", LargeBinary),
    Column("credentials_version", Sequence, nullable=False, server_default="0"),
    # Counts every change of users and keys, of halts and limits: what a guard has read of them holds as long as it stands still.
    Column("safety_version", Sequence, nullable=False, server_default="0"),
    # The number and the checksum of the last row of the audit log.
    Column("audit_number", Sequence, nullable=False, server_default="0"),
    Column("audit_hash", LargeBinary),
)

#: The conditions of the partial indexes. A query must use the same words, as text, to be served by one.
ACTIVE_ONLY = text("state IN ('pending', 'unknown', 'open')")
UNSETTLED_ONLY = text("state IN ('pending', 'unknown')")
AWAITING_ONLY = text("state = 'awaiting'")
RENAMED_ONLY = text("exchange_client_order_id IS NOT NULL")


def _names(*names: str) -> list[Column[Any]]:
    """Columns of names, none of which is absent."""
    return [Column(name, Name, nullable=False) for name in names]


def _only(condition: TextClause) -> dict[str, Any]:
    """What makes an index one of the rows of ``condition`` alone."""
    return {"sqlite_where": condition, "postgresql_where": condition}


ORDERS = Table(
    "orders",
    METADATA,
    Column("id", Sequence, primary_key=True, autoincrement=False),
    *_names("account_name", "connector_name", "order_id", "trading_pair", "trade_type", "order_type"),
    Column("amount", Money),
    Column("price", Money),
    Column("quote_amount", Money),
    Column("position_action", Name, nullable=False),
    Column("time_in_force", Name),
    Column("reduce_only", Boolean, nullable=False),
    Column("idempotency_key", Name),
    Column("terms", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("state", Name, nullable=False),
    Column("status", Name, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("exchange_order_id", Name),
    Column("filled_amount", Money, nullable=False),
    Column("filled_quote", Money, nullable=False),
    Column("fees", Text, nullable=False),
    Column("cancel_requested_at", UtcTime),
    Column("error_code", Text),
    Column("error_message", Text),
    # What an amendment at the exchange changed beside amount and price.
    Column("exchange_client_order_id", Name),
    Column("amended_at", UtcTime),
    Column("exchange_account", Text),
    Column("retried_at", UtcTime),
    Column("held_until", UtcTime),
    Column("key_id", Name),
    Column("reserved_price", Money),
    # The id first: the same index finds an order by its id alone.
    UniqueConstraint("order_id", "account_name", "connector_name"),
    Index(
        "uq_orders_idempotency_key",
        "idempotency_key",
        "account_name",
        "connector_name",
        unique=True,
        **_only(text("idempotency_key IS NOT NULL")),
    ),
    Index(
        "ix_orders_exchange_client_order_id",
        "exchange_client_order_id",
        "account_name",
        "connector_name",
        **_only(RENAMED_ONLY),
    ),
    Index("ix_orders_created_at", "created_at", "id"),
    Index("ix_orders_kind", "account_name", "connector_name", "trading_pair", "status", "created_at", "id"),
    Index("ix_orders_active", "order_id", "account_name", "connector_name", **_only(ACTIVE_ONLY)),
    Index("ix_orders_unsettled", "account_name", "connector_name", "id", **_only(UNSETTLED_ONLY)),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    *_names("kind", "account_name", "connector_name"),
    Column("trading_pair", Name),
    Column("order_id", Name),
    Column("order_number", Sequence, ForeignKey("orders.id")),
    Column("state", Name),
    Column("status", Name),
    Column("filled_amount", Money),
    Column("payload", Text, nullable=False),
    # Empty in events of an older version.
    Column("chain", LargeBinary),
    Index("ix_events_order_number", "order_number", "seq"),
)

FILLS = Table(
    "fills",
    METADATA,
    Column("seq", Sequence, ForeignKey("events.seq"), primary_key=True, autoincrement=False),
    Column("order_number", Sequence, ForeignKey("orders.id"), nullable=False),
    *_names("account_name", "connector_name", "trading_pair", "exchange_fill_id"),
    Column("price", Money, nullable=False),
    Column("amount", Money, nullable=False),
    Column("fee", Money),
    Column("fee_currency", Text),
    Column("filled_at", UtcTime, nullable=False),
    Column("liquidity", Name),
    # Of one order, not of one pair: where an account trades with itself, both of its orders carry the same fill id.
    UniqueConstraint("order_number", "exchange_fill_id"),
    Index("ix_fills_filled_at", "filled_at", "seq"),
    Index("ix_fills_trading_pair", "account_name", "connector_name", "trading_pair", "filled_at", "seq"),
)


def _counts(name: str, *key: str) -> Table:
    """A table with a ``number`` for each ``key``."""
    return Table(name, METADATA, *_names(*key), Column("number", Sequence, nullable=False), PrimaryKeyConstraint(*key))


#: How many orders and fills there are of each kind (``app.journal.pages``) and month (``2026-01``, of ``created_at`` and
#: ``filled_at`` in UTC); triggers of the database maintain both.
ORDER_COUNTS = _counts(
    "order_counts", "account_name", "connector_name", "trading_pair", "trade_type", "status", "month"
)
FILL_COUNTS = _counts("fill_counts", "account_name", "connector_name", "trading_pair", "trade_type", "month")

BALANCES = Table(
    "balances",
    METADATA,
    *_names("account_name", "connector_name", "asset"),
    Column("total", Money, nullable=False),
    Column("available", Money, nullable=True),
    PrimaryKeyConstraint("account_name", "connector_name", "asset"),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("name", Name, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
)

CREDENTIALS = Table(
    "credentials",
    METADATA,
    Column("account_name", Name, nullable=False),
    Column("connector_name", Name, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("version", Sequence, nullable=False, server_default=text("0")),
    Column("exchange_account", Text),
    PrimaryKeyConstraint("account_name", "connector_name"),
    ForeignKeyConstraint(["account_name"], ["accounts.name"], ondelete="CASCADE"),
)

USERS = Table(
    "users",
    METADATA,
    Column("username", Name, primary_key=True),
    Column("password_hash", Text, nullable=False),
    # None of the user of the environment, present or former, who may do everything while the environment names them.
    Column("role", Name),
    Column("disabled_at", UtcTime),
    # Changes with everything that narrows or ends what the user may do, as a key's does.
    Column("version", Sequence, nullable=False, server_default="0"),
    # The sealed secret of the user's codes, None where the password is enough, and the time step of the last code that was used.
    Column("totp", LargeBinary),
    Column("totp_step", Sequence),
)

#: A deleted key keeps its row, since orders and the audit log name it. ``bounds`` is JSON: scopes, accounts, connectors, pairs and
#: addresses.
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Name, primary_key=True),
    Column("name", Text, nullable=False),
    Column("environment", Name, nullable=False),
    Column("bounds", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    Column("previous_until", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcTime),
    Column("disabled_at", UtcTime),
    Column("deleted_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("version", Sequence, nullable=False),
    Column("told", Text, nullable=False, server_default="[]"),  # ids of keys, as a JSON list
)

#: Sessions at the console that somebody ended, kept for as long as they would have lasted.
ENDED_SESSIONS = Table(
    "ended_sessions",
    METADATA,
    Column("session_id", Name, primary_key=True),
    Column("expires_at", UtcTime, nullable=False),
)

#: Who did what, never changed or deleted (a trigger refuses it). ``seq`` is the last number of the journal at that moment, ``hash``
#: the chained checksum (``app.domain.audit``).
AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Sequence, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("key_id", Name),
    Column("address", Name),
    Column("request_id", Name),
    Column("operation", Name, nullable=False),
    Column("object", Text),
    Column("outcome", Name, nullable=False),
    Column("seq", Sequence, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

#: A released lease keeps its row, so that the token, which tells one acquisition from the next, never goes back.
LEASES = Table(
    "leases",
    METADATA,
    Column("name", Name, primary_key=True),
    Column("holder", Name, nullable=False),
    Column("token", Sequence, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

#: What each account held on a connector, every five minutes. ``slot`` numbers the five minutes since 1970, ``asked_at`` is when the
#: exchange said it, which lies further back where it could not be asked.
PORTFOLIO_SNAPSHOTS = Table(
    "portfolio_snapshots",
    METADATA,
    Column("slot", Sequence, nullable=False),
    Column("account_name", Name, nullable=False),
    Column("connector_name", Name, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("holdings", Text, nullable=False),
    PrimaryKeyConstraint("slot", "account_name", "connector_name"),
    Index("ix_portfolio_snapshots_account_name", "account_name", "connector_name", "slot"),
)

#: The halts of each scope, of which the last one is here; an absent part of the scope is empty. It holds until ``resumed_at``.
HALTS = Table(
    "halts",
    METADATA,
    *_names("account_name", "connector_name", "trading_pair", "key_id", "mode", "cancel"),
    Column("reason", Text, nullable=False),
    Column("halted_at", UtcTime, nullable=False),
    Column("halted_by", Text, nullable=False),
    Column("seq", Sequence, ForeignKey("events.seq"), nullable=False),
    Column("resumed_at", UtcTime),
    # The key that set it; None of a person's, of the gateway's own, and of one that several have set.
    Column("halted_by_key", Name),
    PrimaryKeyConstraint("account_name", "connector_name", "trading_pair", "key_id"),
)

#: The limits of each scope, as JSON, and the event that set them. A scope without limits keeps its row.
LIMITS = Table(
    "limits",
    METADATA,
    *_names("account_name", "connector_name", "trading_pair", "key_id"),
    Column("limits", Text, nullable=False),
    Column("unlimited_reason", Text),
    Column("seq", Sequence, ForeignKey("events.seq"), nullable=False),
    PrimaryKeyConstraint("account_name", "connector_name", "trading_pair", "key_id"),
)

#: What the last comparison of each account with its exchange came to, as JSON.
RECONCILIATIONS = Table(
    "reconciliations",
    METADATA,
    Column("account_name", Name, nullable=False),
    Column("connector_name", Name, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("account_name", "connector_name"),
)

#: The dead-man's switch of each account and connector that ever had one. A renewal changes the row and is no event.
DEAD_MAN = Table(
    "dead_man",
    METADATA,
    Column("account_name", Name, nullable=False),
    Column("connector_name", Name, nullable=False),
    Column("timeout_seconds", Sequence, nullable=False),
    *_names("keep", "after_firing", "required"),
    Column("by_exchange", Boolean, nullable=False),
    Column("renewed_by", Text, nullable=False),
    Column("beat", Sequence, nullable=False),
    Column("armed_until", UtcTime),
    Column("covered", Text, nullable=False),
    Column("ending", Text, nullable=False),
    Column("fired_at", UtcTime),
    Column("fired_seq", Sequence, ForeignKey("events.seq")),
    Column("clearing", Name),
    Column("seq", Sequence, ForeignKey("events.seq"), nullable=False),
    Column("armed_by_key", Name),  # None where a person set the terms
    PrimaryKeyConstraint("account_name", "connector_name"),
)

#: Orders that need an approval, in the state that the last event about each left it. ``asked`` is JSON: how it was asked for.
#: ``order_id`` is the caller's own at first, then that of the order which was placed.
APPROVALS = Table(
    "approvals",
    METADATA,
    # The sequence number of the event by which it was asked for.
    Column("number", Sequence, primary_key=True, autoincrement=False),
    *_names("account_name", "connector_name", "trading_pair"),
    Column("terms", Text, nullable=False),
    Column("idempotency_key", Name),
    Column("order_id", Name),
    Column("asked", Text, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("state", Name, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    Column("reason", Text),
    Column("seq", Sequence, ForeignKey("events.seq"), nullable=False),
    Index(
        "uq_approvals_idempotency_key",
        "idempotency_key",
        "account_name",
        "connector_name",
        unique=True,
        **_only(text("idempotency_key IS NOT NULL")),
    ),
    Index("ix_approvals_order_id", "order_id", "account_name", "connector_name", **_only(text("order_id IS NOT NULL"))),
    Index("ix_approvals_awaiting", "expires_at", **_only(AWAITING_ONLY)),
)

#: What an operator chose at run time, as JSON by name; what the environment says is in ``app.settings``.
SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", Name, primary_key=True),
    Column("value", Text, nullable=False),
)

#: What positions paid (negative) and received as funding. An exchange's id may stand for several payments of a pair: in hedge mode
#: one side pays what the other receives, under one id.
FUNDING_PAYMENTS = Table(
    "funding_payments",
    METADATA,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    *_names("account_name", "connector_name", "trading_pair", "exchange_funding_id"),
    Column("payment", Money, nullable=False),
    Column("currency", Name, nullable=False),
    Column("rate", Money),
    Column("position_size", Money),
    Column("position_side", Name),
    Column("paid_at", UtcTime, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    UniqueConstraint("account_name", "connector_name", "trading_pair", "exchange_funding_id", "paid_at", "payment"),
    Index("ix_funding_payments_paid_at", "paid_at", "id"),
    Index("ix_funding_payments_account_name", "account_name", "connector_name", "paid_at", "id"),
)
