"""What the gateway counts, for Prometheus. One object per process, passed to everything that counts.

Durations are in seconds. Gauges that describe a state (queues, unknown orders, head-room) are set on a scrape, not while orders
are placed. Labels are names of operations, connectors and outcomes, never of accounts or orders.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics import MetricWrapperBase

T = TypeVar("T", bound=MetricWrapperBase)

#: The step that is one transaction of the journal.
COMMIT = ("commit",)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

#: From a tenth of a millisecond, which our own part takes, to the twelve seconds after which a call is given up.
_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0)
#: A group is as large as the number of orders that wait at once.
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


#: The durations of each step that are kept for quantiles, and the minutes of outcomes.
_KEPT, _MINUTES = 2_000, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Of the last durations of a step, in seconds; ``count`` is how many they are."""

    count: int
    p50: float
    p95: float
    p99: float


class Recent:
    """The last durations of each step, and what came of orders minute by minute, for a page that somebody looks at.
    Prometheus keeps the history, by buckets.
    """

    def __init__(self, now: Callable[[], datetime] | None) -> None:
        self._now = now
        self._durations: dict[tuple[str, ...], deque[float]] = {}
        #: Of each minute, by connector, verb and outcome; the oldest first.
        self.outcomes: dict[datetime, Counts[tuple[str, str, str]]] = {}

    def add(self, step: tuple[str, ...], seconds: float) -> None:
        """Note how long ``step`` took. Threads may call it."""
        durations = self._durations.get(step)
        if durations is None:
            durations = self._durations.setdefault(step, deque(maxlen=_KEPT))
        durations.append(seconds)

    def count(self, outcome: tuple[str, str, str]) -> None:
        """Note what came of an order or a cancel."""
        if self._now is None:
            return
        minute = self._now().replace(second=0, microsecond=0)
        counts = self.outcomes.get(minute)
        if counts is None:
            counts = self.outcomes[minute] = Counts()
            while len(self.outcomes) > _MINUTES:
                del self.outcomes[min(self.outcomes)]
        counts[outcome] += 1

    def steps(self) -> list[tuple[str, ...]]:
        """The steps that have been measured."""
        return sorted(self._durations)

    def quantiles(self, step: tuple[str, ...]) -> Quantiles | None:
        """The quantiles of a step by the nearest rank; None if it was never measured."""
        durations = sorted(self._durations.get(step, ()))
        if not durations:
            return None
        p50, p95, p99 = (durations[-(-len(durations) * part // 100) - 1] for part in (50, 95, 99))
        return Quantiles(count=len(durations), p50=p50, p95=p95, p99=p99)


class Metrics:
    """All counters, histograms and gauges. ``now`` is for outcomes minute by minute, which are not kept without it."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.recent = Recent(now)
        self.registry = CollectorRegistry()
        self._children: dict[tuple[object, ...], MetricWrapperBase] = {}
        self.request_seconds = self._histogram(
            "ordergate_request_seconds", "Time to answer a request, the exchange's part included", "operation", "status"
        )
        self.gateway_seconds = self._histogram(
            "ordergate_place_gateway_seconds", "The gateway's own part of placing an order: checks and journal"
        )
        self.exchange_seconds = self._histogram(
            "ordergate_exchange_call_seconds",
            "Time of one call that places or cancels at an exchange",
            "connector",
            "verb",
        )
        came_of = "Orders and cancels by outcome: accepted, refused, unknown"
        self.outcomes = self._counter("ordergate_order_outcomes", came_of, "connector", "verb", "outcome")
        cuts = "Times that an exchange no longer told as far back as was needed, by the kind of history"
        self.history_cuts = self._counter("ordergate_history_cuts", cuts, "connector", "history")
        self.commit_size = self._histogram(
            "ordergate_journal_commit_size", "Writes that shared one commit", buckets=_SIZES
        )
        self.commit_seconds = self._histogram(
            "ordergate_journal_commit_seconds", "Time of one transaction of the journal"
        )
        failed = "Sign-ins that were refused: wrong, throttled after too many wrong ones, or busy because too many wait"
        undelivered = "Attempts to post a checkpoint of the audit log that failed"
        self.checkpoint_failures = self._counter("ordergate_audit_checkpoint_failures", undelivered)
        self.sign_in_failures = self._counter("ordergate_sign_in_failures", failed, "reason")
        self.journal_queue = self._gauge("ordergate_journal_queue", "Writes that wait for the journal")
        self.journal_head = self._gauge("ordergate_journal_head", "The last sequence number of the journal")
        self.unsettled = self._gauge("ordergate_unsettled_orders", "Orders that are pending or unknown", "connector")
        oldest = "Age of the oldest pending or unknown order"
        self.oldest_unsettled = self._gauge("ordergate_oldest_unsettled_seconds", oldest, "connector")
        self.stream_clients = self._gauge("ordergate_stream_clients", "Open event streams and sockets")
        odd = "Rows and events of an exchange that could not be read since the start, by the list that they were in"
        self.unreadable_rows = self._gauge("ordergate_unreadable_rows", odd, "connector", "list")
        self.rate_limit_headroom = self._gauge(
            "ordergate_rate_limit_headroom_ratio", "What is left of an exchange's request weight, 1 is all", "connector"
        )

        self._add_safety()

    def _add_safety(self) -> None:
        """What tells of halts, limits and the audit log."""
        whole = "Whether the audit log was what was written, as of the last look"
        self.audit_chain_ok = self._gauge("ordergate_audit_chain_ok", whole)
        waiting = "Orders that wait for another person's approval"
        self.approvals_waiting = self._gauge("ordergate_approvals_waiting", waiting)
        held = "Halts that hold, by their mode"
        self.halts = self._gauge("ordergate_halts", held, "mode")
        left = "What is left of a limit in the scope where it is the least, 1 is all"
        self.limit_headroom = self._gauge("ordergate_limit_headroom_ratio", left, "limit")
        until = "Seconds until a dead-man's switch fires unless it is renewed; no value where none is armed"
        self.dead_man_seconds = self._gauge("ordergate_dead_man_seconds_left", until, "account", "connector")
        clearing = (
            "Seconds since a dead-man's switch has fired of which not all is done that was to be canceled or ended"
        )
        self.dead_man_clearing = self._gauge("ordergate_dead_man_clearing_seconds", clearing, "account", "connector")
        by_age = "Orders that are pending or unknown for at least so many seconds"
        self.unsettled_by_age = self._gauge("ordergate_unsettled_orders_by_age", by_age, "seconds")

    def observe_request(self, operation: str, status: int, seconds: float) -> None:
        """Note how long a request took."""
        self._child(self.request_seconds, operation, str(status)).observe(seconds)

    def observe_call(self, connector_name: str, verb: str, seconds: float) -> None:
        """Note how long a call to an exchange took."""
        self.recent.add(("exchange", connector_name, verb), seconds)
        self._child(self.exchange_seconds, connector_name, verb).observe(seconds)

    def observe_placing(self, connector_name: str, seconds: float) -> None:
        """Note how long the gateway's own part of placing an order took."""
        self.recent.add(("gateway", connector_name, "place"), seconds)
        self.gateway_seconds.observe(seconds)

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Within it the journal does one transaction. The writer's thread calls it."""
        started = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - started
            self.recent.add(COMMIT, seconds)
            self.commit_seconds.observe(seconds)

    def count_outcome(self, connector_name: str, verb: str, outcome: str) -> None:
        """Note what came of an order or a cancel."""
        self.recent.count((connector_name, verb, outcome))
        self._child(self.outcomes, connector_name, verb, outcome).inc()

    def count_history_cut(self, connector_name: str, history: str) -> None:
        """Note that an exchange no longer tells as far back as is needed."""
        self._child(self.history_cuts, connector_name, history).inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _child(self, metric: T, *labels: str) -> T:
        """``metric`` for ``labels``. Cached, because the library's own look-up takes a lock and builds its key each time."""
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return cast(T, child)

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = _BUCKETS) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)


class Stopwatch:
    """The seconds of each step of one piece of work. A step that is measured twice is added up."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last = monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, step: str) -> float:
        """End the present lap as ``step`` and return its seconds."""
        now = self._monotonic()
        passed = now - self._last
        self._last = now
        self.laps[step] = self.laps.get(step, 0.0) + passed
        return passed
