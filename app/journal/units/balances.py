"""The unit that records balances: it is about an account, and no order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.order import OrderKey
from app.domain.reports import BalanceReport
from app.journal.batch import Batch, IdempotencyKey
from app.journal.records import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBalances:
    """Record the balances in ``report`` that differ from those recorded last."""

    account_name: str
    connector_name: str
    report: BalanceReport
    at: datetime
    is_intent: bool = False
    asked: None = None
    keys: tuple[OrderKey, ...] = ()
    idempotency_keys: tuple[IdempotencyKey, ...] = ()

    def stage(self, batch: Batch) -> None:
        known = batch.balances(self.account_name, self.connector_name)
        latest = {balance.asset: balance for balance in self.report.balances}
        changed = tuple(balance for balance in latest.values() if known.get(balance.asset) != balance)
        if not changed:
            return
        entry = JournalEntry(
            seq=batch.head + 1,
            at=self.at,
            account_name=self.account_name,
            connector_name=self.connector_name,
            balances=replace(self.report, balances=changed),
        )
        batch.change_balances(entry)
