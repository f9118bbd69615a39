"""What the last comparison of each account with its exchange came to, whichever process made it.

A process notes its own comparisons in memory. Where several share a database, it stores what is new every few seconds, all accounts
in one write and apart from the comparing, and questions are answered from there. One process alone needs no store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

import structlog

from app.clock import Clock
from app.domain.errors import JournalUnavailable, OrdergateError
from app.domain.order import AccountKey
from app.domain.reconciliation import Reconciliation, ReconciliationState
from app.domain.wording import in_words
from app.storage.reconciliations import StoredReconciliations

log = structlog.get_logger(__name__)

#: Seconds for which comparisons are collected before they are stored.
_COLLECT = 3.0


class Reconciliations:
    """The last comparisons. ``stored`` is None where this process has the database to itself."""

    def __init__(self, stored: StoredReconciliations | None, clock: Clock) -> None:
        self._stored = stored
        self._clock = clock
        self._states: dict[AccountKey, ReconciliationState] = {}
        self._unstored: set[AccountKey] = set()
        self._has_news = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to store what is noted, where others have to know."""
        if self._stored is not None:
            self._loop = asyncio.get_running_loop().create_task(self._store_for_ever(self._stored))

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    def note(self, account: AccountKey, found: Reconciliation) -> None:
        """A comparison came to its end."""
        self._put(account, ReconciliationState(last=found))

    @contextmanager
    def noting_failure(self, account: AccountKey) -> Iterator[None]:
        """Within it a comparison is made. If it fails, what the last one found stays known beside the reason."""
        try:
            yield
        except Exception as error:
            problem = error.detail if isinstance(error, OrdergateError) else in_words(error)
            before = self._states.get(account, ReconciliationState())
            self._put(account, ReconciliationState(last=before.last, failed_at=self._clock.now(), problem=problem))
            raise

    async def last(self, account: AccountKey) -> ReconciliationState:
        """What is known of an account's last comparison. Raises ``JournalUnavailable``."""
        if self._stored is None:
            return self._states.get(account, ReconciliationState())
        return await asyncio.to_thread(self._stored.get, account)

    def _put(self, account: AccountKey, state: ReconciliationState) -> None:
        self._states[account] = state
        self._unstored.add(account)
        self._has_news.set()

    async def _store_for_ever(self, stored: StoredReconciliations) -> None:
        while True:
            await self._has_news.wait()
            await self._clock.sleep(_COLLECT)
            self._has_news.clear()
            accounts, self._unstored = self._unstored, set()
            try:
                await asyncio.to_thread(_store, stored, {account: self._states[account] for account in accounts})
            except JournalUnavailable as error:
                log.warning("comparisons not stored", error=error.detail)
                self._unstored |= accounts
                self._has_news.set()


def _store(stored: StoredReconciliations, states: Mapping[AccountKey, ReconciliationState]) -> None:
    """Where nothing but failures is known here, what another process found before stays."""
    whole = {
        account: state if state.last is not None else replace(state, last=stored.get(account).last)
        for account, state in states.items()
    }
    stored.put(whole)
