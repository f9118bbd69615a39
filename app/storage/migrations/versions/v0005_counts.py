"""Counts of orders and fills by kind and month, kept by triggers, and one index with the orders of a kind in their pages' order.

The index takes the place of three that served one filter each.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: ``orders`` and ``fills`` as they are now. ``:month`` stands for what each database makes of a time.
_COUNT_ORDERS = """
INSERT INTO order_counts
SELECT account_name, connector_name, trading_pair, trade_type, status, :month(created_at), count(*) FROM orders
GROUP BY account_name, connector_name, trading_pair, trade_type, status, :month(created_at)
"""
_COUNT_FILLS = """
INSERT INTO fill_counts
SELECT fills.account_name, fills.connector_name, fills.trading_pair, orders.trade_type, :month(filled_at), count(*)
FROM fills JOIN orders ON orders.id = fills.order_number
GROUP BY fills.account_name, fills.connector_name, fills.trading_pair, orders.trade_type, :month(filled_at)
"""

#: What a trigger does for one row; both databases understand it.
_ORDER_IN = """
INSERT INTO order_counts VALUES
(NEW.account_name, NEW.connector_name, NEW.trading_pair, NEW.trade_type, NEW.status, :month(NEW.created_at), 1)
ON CONFLICT (account_name, connector_name, trading_pair, trade_type, status, month)
DO UPDATE SET number = order_counts.number + 1;
"""
_ORDER_OUT = """
UPDATE order_counts SET number = number - 1
WHERE account_name = OLD.account_name AND connector_name = OLD.connector_name AND trading_pair = OLD.trading_pair
AND trade_type = OLD.trade_type AND status = OLD.status AND month = :month(OLD.created_at);
"""
_FILL_IN = """
INSERT INTO fill_counts
SELECT NEW.account_name, NEW.connector_name, NEW.trading_pair, orders.trade_type, :month(NEW.filled_at), 1 FROM orders
WHERE orders.id = NEW.order_number
ON CONFLICT (account_name, connector_name, trading_pair, trade_type, month)
DO UPDATE SET number = fill_counts.number + 1;
"""

_MONTH = re.compile(r":month\(([A-Za-z_.]+)\)")
#: Times are text on SQLite, and shown in the session's zone on PostgreSQL.
_SQLITE_MONTH = r"substr(\1, 1, 7)"
_POSTGRES_MONTH = r"to_char(\1 AT TIME ZONE 'UTC', 'YYYY-MM')"


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        # Every writer, of any version, begins with this lock. Without it, what a running process commits between the counting and
        # the triggers would never be counted, and the locks below would meet those of its transactions the other way round.
        op.execute("SELECT value FROM journal_sequence FOR UPDATE")
    _create("order_counts", "account_name", "connector_name", "trading_pair", "trade_type", "status", "month")
    _create("fill_counts", "account_name", "connector_name", "trading_pair", "trade_type", "month")
    if op.get_bind().dialect.name == "postgresql":
        _count_on_postgres()
    else:
        _count_on_sqlite()
    for index in ("ix_orders_account_name", "ix_orders_trading_pair", "ix_orders_status"):
        op.drop_index(index, table_name="orders")
    op.create_index(
        "ix_orders_kind",
        "orders",
        ["account_name", "connector_name", "trading_pair", "status", "created_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")


def _create(table: str, *key: str) -> None:
    op.create_table(
        table,
        *(sa.Column(name, Name, nullable=False) for name in key),
        sa.Column("number", Sequence, nullable=False),
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
    )


def _count_on_sqlite() -> None:
    count_orders, count_fills, order_in, order_out, fill_in = _spelled(_SQLITE_MONTH)
    op.execute(count_orders)
    op.execute(count_fills)
    op.execute(f"CREATE TRIGGER orders_are_counted AFTER INSERT ON orders BEGIN {order_in} END")
    op.execute(
        "CREATE TRIGGER orders_are_counted_anew AFTER UPDATE OF status ON orders WHEN OLD.status <> NEW.status"
        f" BEGIN {order_out} {order_in} END"
    )
    op.execute(f"CREATE TRIGGER fills_are_counted AFTER INSERT ON fills BEGIN {fill_in} END")


def _count_on_postgres() -> None:
    count_orders, count_fills, order_in, order_out, fill_in = _spelled(_POSTGRES_MONTH)
    op.execute(count_orders)
    op.execute(count_fills)
    _trigger("orders_are_counted", "INSERT ON orders FOR EACH ROW", order_in)
    _trigger(
        "orders_are_counted_anew",
        "UPDATE OF status ON orders FOR EACH ROW WHEN (OLD.status <> NEW.status)",
        order_out + order_in,
    )
    _trigger("fills_are_counted", "INSERT ON fills FOR EACH ROW", fill_in)


def _spelled(month: str) -> list[str]:
    """The statements with ``month`` for the month of a time."""
    return [_MONTH.sub(month, text) for text in (_COUNT_ORDERS, _COUNT_FILLS, _ORDER_IN, _ORDER_OUT, _FILL_IN)]


def _trigger(name: str, when: str, action: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action} RETURN NULL; END $$")
    op.execute(f"CREATE TRIGGER {name} AFTER {when} EXECUTE FUNCTION {name}()")
