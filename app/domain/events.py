"""What we recorded about an order, in the past tense. The journal appends these and never changes one.

``at`` is when *we* learned it, ``exchange_at`` when the exchange says it happened. ``source`` says where we learned it, and
``evidence`` how we know, in words an operator can check; a conclusion without evidence is not an event.

``amount``, ``price`` and ``exchange_client_order_id`` of an ``amended`` event are the new terms, None where they did not change.
``held_until`` of a ``rejected`` event is when the exchange, which refused the order for now, takes calls again. ``actor`` is the
person or program that caused the event, None where none did, and in events from before this was recorded.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from app.domain.caller import Actor
from app.domain.enums import EventKind
from app.domain.fill import Fill

#: ``caller``: a request to us. ``answer``: the exchange's reply to our call. ``stream``: an event the exchange pushed.
#: ``recovery``: an answer to a question that recovery asked.
#: ``operator``: somebody's word about an order that no question settles.
Source = Literal["caller", "answer", "stream", "recovery", "operator"]


class OrderEvent(Struct, frozen=True, kw_only=True):
    """One thing that happened to one order."""

    kind: EventKind
    at: datetime
    source: Source
    exchange_at: datetime | None = None
    exchange_order_id: str | None = None
    exchange_client_order_id: str | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    fill: Fill | None = None
    reason_code: str | None = None
    reason: str | None = None
    evidence: str | None = None
    held_until: datetime | None = None
    actor: Actor | None = None
