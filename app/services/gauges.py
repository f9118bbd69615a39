"""The metrics that can't be counted as they happen: gauges, set when the metrics are requested."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.domain.enums import HaltMode
from app.domain.errors import ReferencePriceMissing
from app.journal.journal import Journal
from app.metrics import COMMIT, Metrics, Quantiles
from app.services.event_streams import EventStreams
from app.services.safety.approving import Approving
from app.services.safety.safety import Safety, headroom
from app.services.sessions import Sessions

#: Ages by which orders without an outcome are told apart, in seconds.
_AGES = (1, 10, 60, 600)


#: The labels of a sample that name what bounds are about.
_ACCOUNT, _CONNECTOR = re.compile(rb'[{,]account="([^"]*)"'), re.compile(rb'[{,]connector="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How this process does, by what it measured lately. ``steps`` are by part (``gateway`` or ``exchange``), connector and verb;
    ``outcomes`` by minute, and then by connector, verb and outcome. ``oldest_unsettled`` is the age of the oldest order without an
    outcome, in seconds.
    """

    steps: Mapping[tuple[str, str, str], Quantiles]
    outcomes: Mapping[datetime, Mapping[tuple[str, str, str], int]]
    commits: Quantiles | None
    journal_head: int
    journal_queue: int
    unsettled: int
    oldest_unsettled: float | None
    streams: int


class Gauges:
    """Sets the gauges and renders all metrics."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        journal: Journal,
        event_streams: EventStreams,
        sessions: Sessions,
        safety: Safety,
        approving: Approving,
        clock: Clock,
    ) -> None:
        self._safety = safety
        self._approving = approving
        self._metrics = metrics
        self._journal = journal
        self._event_streams = event_streams
        self._sessions = sessions
        self._clock = clock

    async def text(self, sees: Callable[[str | None, str], bool] | None = None) -> bytes:
        """All metrics as they are now, in Prometheus' text format; of accounts and connectors only what ``sees`` lets pass, if it
        is given.
        """
        metrics = self._metrics
        metrics.journal_queue.set(self._journal.queue_length)
        metrics.journal_head.set(await asyncio.to_thread(self._journal.head))
        metrics.stream_clients.set(self._event_streams.open_count)
        await self._set_unsettled()
        await self._set_safety()
        for connector_name, ratio in self._sessions.headroom().items():
            metrics.rate_limit_headroom.labels(connector_name).set(ratio)
        for connector_name, counts in self._sessions.unreadable().items():
            for name, count in counts.items():
                metrics.unreadable_rows.labels(connector_name, name).set(count)
        text = metrics.text()
        return text if sees is None else b"".join(_seen(text.splitlines(keepends=True), sees))

    async def performance(self) -> Performance:
        """What this process measured lately, and how its journal and streams are. Raises ``JournalUnavailable``."""
        recent = self._metrics.recent
        head, orders = await asyncio.gather(
            asyncio.to_thread(self._journal.head), asyncio.to_thread(self._journal.unsettled_orders)
        )
        measured = {step: recent.quantiles(step) for step in recent.steps()}
        ages = [(self._clock.now() - order.attempted_at).total_seconds() for order in orders]
        return Performance(
            steps={
                (step[0], step[1], step[2]): found
                for step, found in measured.items()
                if found is not None and step != COMMIT
            },
            outcomes={minute: dict(counts) for minute, counts in sorted(recent.outcomes.items())},
            commits=measured.get(COMMIT),
            journal_head=head,
            journal_queue=self._journal.queue_length,
            unsettled=len(orders),
            oldest_unsettled=max(ages, default=None),
            streams=self._event_streams.open_count,
        )

    async def _set_unsettled(self) -> None:
        orders = await asyncio.to_thread(self._journal.unsettled_orders)
        now = self._clock.now()
        counts = Counter(order.connector_name for order in orders)
        metrics = self._metrics
        metrics.unsettled.clear()
        metrics.oldest_unsettled.clear()
        ages = [(now - order.attempted_at).total_seconds() for order in orders]
        for seconds in _AGES:
            metrics.unsettled_by_age.labels(str(seconds)).set(sum(age >= seconds for age in ages))
        for connector_name, count in counts.items():
            oldest = min(order.attempted_at for order in orders if order.connector_name == connector_name)
            metrics.unsettled.labels(connector_name).set(count)
            metrics.oldest_unsettled.labels(connector_name).set((now - oldest).total_seconds())

    async def _set_safety(self) -> None:
        metrics = self._metrics
        state = await self._journal.safety()
        for mode in HaltMode:
            metrics.halts.labels(mode.value).set(sum(halt.mode is mode for halt in state.halts))
        metrics.dead_man_clearing.clear()
        for account, seconds in self._safety.dead_men.clearing_for(state).items():
            metrics.dead_man_clearing.labels(*account).set(seconds)
        metrics.dead_man_seconds.clear()
        for account, left in (await self._safety.dead_men.seconds_left()).items():
            metrics.dead_man_seconds.labels(*account).set(left)
        metrics.approvals_waiting.set(await self._approving.count())
        metrics.limit_headroom.clear()
        if not any(each.limits.given for each in state.sets):
            return
        with suppress(ReferencePriceMissing):
            for name, ratio in headroom(await self._safety.limiting.usage()).items():
                metrics.limit_headroom.labels(name).set(ratio)


def _seen(lines: Iterable[bytes], sees: Callable[[str | None, str], bool]) -> Iterator[bytes]:
    for line in lines:
        account, connector = _ACCOUNT.search(line), _CONNECTOR.search(line)
        if connector is None or sees(None if account is None else account[1].decode(), connector[1].decode()):
            yield line
