"""The unit that finds out what an order would come to, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from app.domain.order import OrderKey
from app.domain.safety.admission import Measured
from app.domain.safety.ledger import place_of
from app.journal.batch import Batch, IdempotencyKey
from app.journal.records import Weighed
from app.journal.units.firing import account_of, switch_at
from app.journal.units.orders import OpenOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighOrder:
    """Find out what ``opening`` would come to at this moment, and write nothing. What limits need, it raises ``Missing`` for."""

    opening: OpenOrder
    is_intent: bool = False
    asked: None = None

    @property
    def keys(self) -> tuple[OrderKey, ...]:
        return self.opening.keys

    @property
    def idempotency_keys(self) -> tuple[IdempotencyKey, ...]:
        return self.opening.idempotency_keys

    def stage(self, batch: Batch) -> Weighed:
        opening = self.opening
        earlier = opening.find_earlier(batch)
        if earlier is not None and not earlier.is_retryable:
            return Weighed(order=earlier, is_new=False, as_of_seq=batch.head)
        order, event = opening.on_account(batch), opening.event
        measured: list[Measured] = []
        above: list[Measured] = []
        if batch.permits.state.switches:
            switch_at(batch, account_of(order), event.at)
        held = partial(batch.held, order)
        objections = [
            *opening.guard.objections(batch, order, event),
            *batch.permits.objections(order, opening.admission, event.at, held, measured, above),
        ]
        return Weighed(
            order=order,
            is_new=True,
            as_of_seq=batch.head,
            objections=tuple(objections),
            measured=tuple(measured),
            limit_sets=batch.permits.state.covering(place_of(order)),
            needs_approval=bool(above),
        )
