"""The unit that records balances: what has changed, and nothing else."""

from __future__ import annotations

from decimal import Decimal

from app.domain.reports import Balance, BalanceReport
from app.journal.journal import Journal
from tests.clock import FakeClock


def balance(asset: str, total: str, available: str | None = None) -> Balance:
    return Balance(asset=asset, total=Decimal(total), available=Decimal(total if available is None else available))


async def recorded(journal: Journal, clock: FakeClock, *balances: Balance, account: str = "a") -> list[Balance] | None:
    """Record a report; the balances in the entry that it made, or None if it made none."""
    head = journal.head()
    await journal.record_balances(account, "paper", BalanceReport(balances=balances, reported_at=clock.now()))
    entries = [entry for entry in journal.tail(head, limit=10) if entry.balances is not None]
    assert len(entries) == journal.head() - head <= 1
    return list(entries[0].balances.balances) if entries and entries[0].balances is not None else None


async def test_only_what_differs_is_recorded(journal: Journal, clock: FakeClock) -> None:
    """A report that says what is known makes no entry; one balance that differs is recorded alone."""
    btc, usdt = balance("BTC", "1"), balance("USDT", "100")
    assert await recorded(journal, clock, btc, usdt) == [btc, usdt]
    assert await recorded(journal, clock, btc, usdt) is None
    less = balance("USDT", "100", available="60")
    assert await recorded(journal, clock, btc, less) == [less]


async def test_of_two_rows_about_one_asset_the_last_counts(journal: Journal, clock: FakeClock) -> None:
    """An exchange that tells both is taken at its last word."""
    assert await recorded(journal, clock, balance("BTC", "1"), balance("BTC", "2")) == [balance("BTC", "2")]
    assert await recorded(journal, clock, balance("BTC", "2")) is None


async def test_an_asset_that_a_report_leaves_out_keeps_its_balance(journal: Journal, clock: FakeClock) -> None:
    """A report need not be whole."""
    await recorded(journal, clock, balance("BTC", "1"), balance("ETH", "3"))
    assert await recorded(journal, clock, balance("BTC", "2")) == [balance("BTC", "2")]
    assert await recorded(journal, clock, balance("ETH", "3")) is None


async def test_accounts_do_not_mix(journal: Journal, clock: FakeClock) -> None:
    """The same balance of another account is news."""
    btc = balance("BTC", "1")
    assert await recorded(journal, clock, btc) == [btc]
    assert await recorded(journal, clock, btc, account="b") == [btc]
