"""The spot market's user stream events."""

from __future__ import annotations

from collections.abc import Sequence

from app.paper.orders import PaperEvent
from app.sandbox.binance.feed import Payload, UserFeed
from app.sandbox.binance.spot.payloads import user_event
from app.sandbox.binance.spot.venue import SpotVenue


class SpotFeed(UserFeed):
    """The events of all accounts."""

    _venue: SpotVenue

    def __init__(self, venue: SpotVenue) -> None:
        super().__init__(venue)

    def _payloads(self, event: PaperEvent) -> Sequence[Payload]:
        is_cancel = event.order is not None and event.name == "canceled"
        cancel_id = self._venue.cancel_id(event.order.exchange_order_id) if is_cancel and event.order else None
        return (user_event(event, self._venue.symbols, self._venue.clock.now(), cancel_id),)
