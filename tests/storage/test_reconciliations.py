"""The last comparisons: what one process stores, another reads."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from app.domain.enums import OrderState
from app.domain.order import AccountKey
from app.domain.reconciliation import Difference, Reconciliation, ReconciliationState
from app.storage.database import Database
from app.storage.reconciliations import StoredReconciliations

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ACCOUNT, OTHER = AccountKey("a", "paper"), AccountKey("b", "paper")
STATE = ReconciliationState(
    last=Reconciliation(
        at=AT,
        is_whole=True,
        orders=2,
        difference_count=1,
        differences=(
            Difference(
                order_id="x",
                trading_pair="BTC-USDT",
                state=OrderState.OPEN,
                filled_amount=Decimal("0.100000000000000001"),
                exchange_state=None,
                exchange_filled_amount=None,
            ),
        ),
        foreign_orders=3,
        unasked_pairs=("ETH-USDT",),
    ),
    failed_at=AT,
    problem="it took too long",
)


def test_what_is_stored_comes_back(database_url: str) -> None:
    """Exactly, in place of what was stored before, and for each account by itself."""
    database = Database(database_url)
    try:
        stored = StoredReconciliations(database)
        assert stored.get(ACCOUNT) == ReconciliationState()
        stored.put({ACCOUNT: ReconciliationState(problem="no"), OTHER: ReconciliationState(problem="other")})
        stored.put({ACCOUNT: STATE})
        stored.put({})
        assert stored.get(ACCOUNT) == STATE
        assert stored.get(OTHER) == ReconciliationState(problem="other")
    finally:
        database.dispose()
