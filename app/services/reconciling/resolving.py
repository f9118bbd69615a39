"""Ending orders that can't be settled, on an operator's word.

No question settles some orders: their symbol was delisted, their credentials are gone, the exchange can't be asked by our id. Who
has looked at the exchange says what became of such an order, with a reason and the evidence, and that is recorded as an event whose
source is ``operator``. It is a statement, not knowledge: fills are never made up from it, and whatever the exchange shows of the
order later takes it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

import structlog
from msgspec import Struct

from app.clock import Clock
from app.domain.decimals import ZERO, plain
from app.domain.enums import EventKind, OrderState
from app.domain.errors import ChangeConflict, InvalidArgument, OrderNotFound, OrderNotInDoubt, RequestInProgress
from app.domain.lifecycle import FINAL
from app.domain.order import RESOLVED, Order, OrderKey
from app.journal.journal import Journal
from app.journal.units.guard import UNGUARDED, Guard
from app.services.orders.recorder import Recorder
from app.services.reconciling.settling import Settling
from app.settings import Settings

log = structlog.get_logger(__name__)

_KINDS: Mapping[OrderState, EventKind] = MappingProxyType(
    {
        OrderState.FILLED: EventKind.FILLED,
        OrderState.CANCELED: EventKind.CANCELED,
        OrderState.EXPIRED: EventKind.EXPIRED,
        OrderState.REJECTED: EventKind.REJECTED,
    }
)


class Resolution(Struct, frozen=True, kw_only=True):
    """What an operator says of an order. ``filled_amount`` is what the exchange's pages show, in base units; None if unknown."""

    outcome: OrderState
    reason: str
    evidence: str
    filled_amount: Decimal | None = None


class Resolving:
    """The verb resolve."""

    def __init__(
        self, *, journal: Journal, recorder: Recorder, settling: Settling, settings: Settings, clock: Clock
    ) -> None:
        self._journal = journal
        self._recorder = recorder
        self._settling = settling
        self._timeout = settings.exchange_timeout
        self._clock = clock

    def next_question_at(self, key: OrderKey) -> datetime | None:
        """When this process asks the exchange about an order next; None where it does not, or does so now."""
        return self._settling.next_question_at(key)

    async def resolve(self, key: OrderKey, said: Resolution, guard: Guard = UNGUARDED) -> Order:
        """Record ``said`` as the end of the order and return it. Saying the same again records nothing.

        Raises ``OrderNotFound``, ``InvalidArgument`` if the outcome contradicts the fills, ``RequestInProgress`` while the order's
        call may be under way, ``OrderNotInDoubt`` if the order is final, or the exchange, asked now, shows it, and
        ``ChangeConflict`` if anything was recorded of the order since then; and what ``guard`` refuses it with.
        """
        order = await self._find(key)
        if order.is_resolved and order.state is said.outcome:
            return order
        self._check(order, said)
        order = await self._asked_once_more(order)
        self._check(order, said)
        recorded = await self._recorder.note(
            key,
            _KINDS[said.outcome],
            "operator",
            reason_code=RESOLVED,
            reason=said.reason,
            evidence=_evidence(said),
            # What came after the question is better than any word.
            as_seen=order,
            guard=guard,
        )
        if not recorded.is_resolved:
            raise ChangeConflict(f"Order '{key.order_id}' has changed at this moment: look at it again")
        log.warning("order resolved by an operator", order_id=key.order_id, outcome=said.outcome.value)
        return recorded

    def _check(self, order: Order, said: Resolution) -> None:
        if order.state in FINAL:
            raise _is_final(order)
        deadline = order.attempted_at + self._timeout
        if order.state is OrderState.PENDING and self._clock.now() < deadline:
            raise RequestInProgress(
                f"The call of order '{order.order_id}' may still be under way",
                order_id=order.order_id,
                retry_after=deadline - self._clock.now(),
            )
        if said.outcome is OrderState.REJECTED and (order.filled_amount > ZERO or said.filled_amount):
            raise InvalidArgument("outcome 'rejected' contradicts the filled amount: an order with fills was placed")

    async def _asked_once_more(self, order: Order) -> Order:
        """The order after the exchange was asked, whose word is better than anybody's. Raises ``OrderNotInDoubt`` if it shows the
        order; an exchange that can't be asked, or denies the order, leaves it to the operator.
        """
        try:
            now = (await self._settling.settle(order.key)).order
        except Exception as error:  # noqa: BLE001 - that it can't be asked is why the verb exists
            log.info("order to be resolved can't be asked about", order_id=order.order_id, error=type(error).__name__)
            return await self._find(order.key)
        if now.state in FINAL:
            raise _is_final(now)
        if now.state is OrderState.OPEN:
            raise OrderNotInDoubt(
                f"Order '{now.order_id}' is open as far as the exchange shows: cancel it instead", order_id=now.order_id
            )
        return now

    async def _find(self, key: OrderKey) -> Order:
        order = await asyncio.to_thread(self._journal.find_order, key)
        if order is None:
            raise OrderNotFound(f"Order '{key.order_id}' not found")
        return order


def _is_final(order: Order) -> OrderNotInDoubt:
    return OrderNotInDoubt(f"Order '{order.order_id}' is {order.state} already", order_id=order.order_id)


def _evidence(said: Resolution) -> str:
    if said.filled_amount is None:
        return said.evidence
    return f"{said.evidence} (filled by this account of it: {plain(said.filled_amount)})"
