"""Placing: the order path.

    1 check      what the connector and the pair's rules refuse is refused, and nothing is written; the exchange may be asked
                 for rules, and for prices and countdowns that limits and dead-man's switches need. Not so a key that holds
                 something by then, such as an approval that waits: it is answered by that
    2 intent     the journal's transaction decides whether caller, halts and limits let the order pass, and commits it
    3 call       the exchange is called with no transaction open: once, and once more if it refused only the timestamp
    4 outcome    accepted, refused or unknown is committed, and only then answered

The work runs in a task of its own, so a caller that hangs up, or a server that stops, does not interrupt it between 2 and 4. A
process that dies in between leaves a pending order, which recovery settles by asking. No order whose fate is not proven is sent a
second time. Nothing is sent or awaited past the deadline (the attempt's beginning plus the exchange's time-out), after which
recovery treats a pending order as the order of a dead process.

An order that surely was not placed, for a reason that passes by itself, is sent again when its caller repeats the request, and once
by the gateway itself after a refused timestamp: under the same id, as a new attempt of the same order, so that at most one rests
per key. That the attempt begins is decided in the journal's transaction, as an intent is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from app import failpoints
from app.clock import Clock
from app.concurrency.threads import Threads
from app.connectors.base import Connector, Overloaded
from app.domain.enums import EventKind, OrderState
from app.domain.errors import ClockRefused, DuplicateOrderId, IdempotencyConflict, OrdergateError, Refused
from app.domain.lifecycle import UNSETTLED
from app.domain.order import OVERLOADED, Order, OrderKey, OrderRequest
from app.domain.reports import OrderReport
from app.domain.wording import in_words, text_of
from app.journal.journal import Journal
from app.journal.records import Opened
from app.journal.units.guard import UNGUARDED, Guard
from app.metrics import Metrics, Stopwatch
from app.services.installation import Installations
from app.services.markets.market_data import MarketData
from app.services.markets.rules import Rules
from app.services.orders.admitting import Admissions
from app.services.orders.cancelling import Cancels
from app.services.orders.checks import check_not_rejected, check_replay, check_unchanged
from app.services.orders.inflight import Calls, InFlight
from app.services.orders.leaving import Leaving
from app.services.orders.placed import Placed
from app.services.orders.preparing import Preparing
from app.services.orders.preview_tokens import PreviewTokens
from app.services.orders.previewing import Previews
from app.services.orders.recorder import Recorder
from app.services.orders.retrying import Retries
from app.services.orders.settler import Settler
from app.services.sessions import Sessions
from app.settings import Settings
from app.vault import Vault

log = structlog.get_logger(__name__)

#: Look-ups of the journal at once. They have threads of their own, so that no question of others holds up an order.
_LOOK_UPS = 4
#: The statuses of refusals that are about who asks, whatever became of the order: not signed in, not allowed.
_ABOUT_WHO_ASKS = (401, 403)


class Orders:
    """The verbs place and cancel."""

    def __init__(
        self,
        *,
        journal: Journal,
        recorder: Recorder,
        sessions: Sessions,
        rules: Rules,
        settling: Settler,
        inflight: InFlight,
        metrics: Metrics,
        settings: Settings,
        clock: Clock,
        random_bits: Callable[[int], int],
        installations: Installations,
        admissions: Admissions,
        market_data: MarketData,
        vault: Vault,
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._recorder = recorder
        self._retries = Retries(recorder, settling, admissions)
        self._leaving = Leaving(journal, clock)
        self._sessions = sessions
        self._settling = settling
        self._inflight = inflight
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._tokens = PreviewTokens(vault, market_data, clock)
        self._threads = Threads(_LOOK_UPS, "orders")
        self._preparing = Preparing(
            journal=journal,
            sessions=sessions,
            rules=rules,
            admissions=admissions,
            installations=installations,
            threads=self._threads,
            clock=clock,
            random_bits=random_bits,
        )
        self.previews = Previews(
            preparing=self._preparing,
            recorder=recorder,
            sessions=sessions,
            market_data=market_data,
            tokens=self._tokens,
            metrics=metrics,
            settings=settings,
            clock=clock,
        )
        self._calls = Calls(metrics, settings.exchange_timeout, clock)
        self._cancels = Cancels(
            journal=journal,
            recorder=recorder,
            sessions=sessions,
            settling=settling,
            metrics=metrics,
            calls=self._calls,
            threads=self._threads,
            clock=clock,
        )

    def close(self) -> None:
        """Stop the threads. May be called twice."""
        self._threads.close()

    async def place(
        self, request: OrderRequest, guard: Guard = UNGUARDED, *, preview_token: str | None = None
    ) -> Placed:
        """Place an order; with ``preview_token`` only as it was previewed. Raises ``RequestError``, ``NotNow`` or ``Refused``, and
        what ``guard`` refuses an attempt with; every other outcome is in the result.
        """
        return await self._inflight.run(self._place(request, guard, preview_token))

    async def cancel(self, key: OrderKey, guard: Guard = UNGUARDED) -> Order:
        """Cancel an order and return it as it then stands: final, or still open where the outcome is unknown.

        Raises ``OrderNotFound`` if it is not active, ``Refused`` if the exchange refuses, and what ``guard`` refuses it with.
        """
        return await self._inflight.run(self._cancels.cancel(key, guard), is_cancel=True)

    # -- placing --------------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest, guard: Guard, token: str | None) -> Placed:
        stopwatch = Stopwatch(self._clock.monotonic)
        connector = await self._sessions.connector(request.account)
        earlier = None if guard.decision is not None else await self._preparing.earlier(request)
        if earlier is not None:
            return await self._repeat(request, connector, earlier, guard, token, stopwatch)
        try:
            connector, opened, started = await self._open(request, connector, guard, token, stopwatch)
        except OrdergateError as refusal:
            is_final = refusal.status in _ABOUT_WHO_ASKS or isinstance(refusal, IdempotencyConflict)
            if is_final or guard.decision is not None:
                raise
            held = await self._preparing.held(request)
            if held is None:
                raise
            # The key or id has an answer of its own, so it must not be told that nothing was placed: perhaps something will be.
            opened = held
        if not opened.is_new:
            if opened.approval is not None:
                return Placed(order=opened.order, approval=opened.approval, replayed=not opened.is_asked)
            return await self._repeat(request, connector, opened.order, guard, token, stopwatch)
        failpoints.reach("orders.intent_recorded")
        return await self._carry_out(connector, opened.order, guard, started, stopwatch)

    async def _open(
        self, request: OrderRequest, connector: Connector, guard: Guard, token: str | None, stopwatch: Stopwatch
    ) -> tuple[Connector, Opened, float]:
        """Record the intent of ``request``, unless it is there. Return its connector, what is recorded, and when that began."""
        sendable = await self._preparing.checked(request, connector)
        connector.check_available()
        if token is not None:
            await self._tokens.check(token, request, sendable)
        stopwatch.lap("validate")
        started = self._clock.monotonic()
        connector, opened = await self._preparing.write(
            connector, sendable, guard, request.terms(), self._recorder.intend
        )
        stopwatch.lap("journal")
        return connector, opened, started

    async def _carry_out(
        self, connector: Connector, order: Order, guard: Guard, started: float, stopwatch: Stopwatch
    ) -> Placed:
        """Send ``order``, whose intent is recorded since ``started``."""
        with self._recorder.awaited.answer(order.key):
            order = await self._send(connector, order, guard, started, stopwatch)
        check_not_rejected(order)
        stopwatch.lap("journal")
        self._metrics.observe_placing(order.connector_name, stopwatch.laps["validate"] + stopwatch.laps["journal"])
        outcome = "unknown" if order.state in UNSETTLED else "accepted"
        self._metrics.count_outcome(order.connector_name, "place", outcome)
        return Placed(order=order, laps=stopwatch.laps)

    async def _repeat(
        self,
        request: OrderRequest,
        connector: Connector,
        order: Order,
        guard: Guard,
        token: str | None,
        stopwatch: Stopwatch,
    ) -> Placed:
        """Answer a request that was made before: by the order as it stands, or by another attempt if it surely was not placed."""
        check_replay(request, order, now=self._clock.now(), deadline=order.attempted_at + self._timeout)
        if not order.is_retryable:
            return _replayed(order)
        sendable = await self._preparing.checked(request, connector)
        check_unchanged(sendable, order)
        with _naming(order):
            connector.check_available()
            if token is not None:
                await self._tokens.check(token, request, sendable)
            order = await self._retries.look_for(connector, order)
        if not order.is_retryable:
            return _replayed(order)
        stopwatch.lap("validate")
        started = self._clock.monotonic()
        opened = await self._retries.begin(
            connector, order, "caller", f"the request was repeated after {order.error_code}", guard
        )
        stopwatch.lap("journal")
        if not opened.is_new:
            # Another caller was quicker: its call is running, or has brought a result.
            return await self._repeat(request, connector, opened.order, guard, token, stopwatch)
        return await self._carry_out(connector, opened.order, guard, started, stopwatch)

    # -- the call -------------------------------------------------------------------------------------------------------

    async def _send(
        self, connector: Connector, order: Order, guard: Guard, started: float, stopwatch: Stopwatch
    ) -> Order:
        """Send ``order``, and once more if the exchange refused only its timestamp."""
        try:
            return await self._send_once(connector, order, started, stopwatch)
        except ClockRefused:
            started = self._clock.monotonic()
            again = await self._retries.begin(
                connector, order, "answer", "the exchange refused the timestamp, and its clock was read anew", guard
            )
            if not again.is_new:
                # A caller with the same key was quicker, or the refusal was not recorded: the order is told as it stands.
                return again.order
        return await self._send_once(connector, again.order, started, stopwatch)

    async def _send_once(self, connector: Connector, order: Order, started: float, stopwatch: Stopwatch) -> Order:
        try:
            submit = partial(connector.submit_order, order)
            report = await self._leaving.send(
                order,
                connector,
                partial(
                    self._calls.make, submit, order.connector_name, "place", started, order.attempted_at, stopwatch
                ),
            )
        except Refused as refusal:
            if isinstance(refusal, DuplicateOrderId) and order.owns_id:
                return await self._record_doubt(order, refusal)
            return await self._record_refusal(order, refusal.about(order.order_id))
        except Exception as error:  # noqa: BLE001 - rule 3: an exception that nobody classified is an unknown outcome
            return await self._record_doubt(order, error)
        failpoints.reach("orders.exchange_answered")
        return await self._record_acceptance(order, report, connector)

    async def _record_acceptance(self, order: Order, report: OrderReport, connector: Connector) -> Order:
        try:
            observed = await self._recorder.observe(order.key, report, "answer", "the exchange answered the order")
        except Exception as error:  # noqa: BLE001 - the order is at the exchange even if that was not recorded; recovery records it
            return self._left_to_recovery(order, error)
        failpoints.reach("orders.outcome_recorded")
        if observed.missing_fills:
            self._settling.follow(observed.order, connector)
        return observed.order

    async def _record_refusal(self, order: Order, refusal: Refused) -> Order:
        """Raise ``refusal`` once it is recorded, or return the order if the exchange has shown it meanwhile."""
        try:
            recorded = await self._recorder.refuse(order, refusal)
        except Exception as error:  # noqa: BLE001 - the refusal is true even if it was not recorded; recovery learns of it again
            self._left_to_recovery(order, error)
        else:
            if recorded.state is not OrderState.REJECTED:
                log.error("the exchange refused an order that it has", order_id=order.order_id, refusal=refusal.code)
                self._settling.wake(order.key)
                return recorded
        self._metrics.count_outcome(order.connector_name, "place", "refused")
        raise refusal

    async def _record_doubt(self, order: Order, error: Exception) -> Order:
        log.warning("order outcome unknown", order_id=order.order_id, error=type(error).__name__, text=text_of(error))
        code = OVERLOADED if isinstance(error, Overloaded) else None
        if isinstance(error, DuplicateOrderId):
            code = error.code
        try:
            recorded = await self._recorder.note(
                order.key,
                EventKind.UNCONFIRMED,
                "answer",
                reason_code=code,
                reason=None if code is None else str(error),
                evidence=f"no answer that settles it: {in_words(error)}",
                # The stream may have reported the outcome already.
                pending_as=order,
            )
        except Exception as fault:  # noqa: BLE001 - the order stays pending, which is in doubt as well
            return self._left_to_recovery(order, fault)
        self._settling.wake(order.key)
        return recorded

    def _left_to_recovery(self, order: Order, error: Exception) -> Order:
        log.error("outcome not recorded", order_id=order.order_id, error=type(error).__name__, text=text_of(error))
        self._settling.wake(order.key)
        return order


def _replayed(order: Order) -> Placed:
    """The result of an earlier request, as its order stands now."""
    check_not_rejected(order)
    return Placed(order=order, replayed=True)


@contextmanager
def _naming(order: Order) -> Iterator[None]:
    """Within it a refusal gets the id of ``order``."""
    try:
        yield
    except Refused as refusal:
        raise refusal.about(order.order_id) from refusal
