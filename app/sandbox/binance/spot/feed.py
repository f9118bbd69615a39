"""The spot market's user stream events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
        symbols, now = self._venue.symbols, self._venue.clock.now()
        if event.order is None:
            return (user_event(event, symbols, now, None),)
        named = self._venue.named(event.order, event.at)
        as_named = replace(event, order=named)
        if event.name == "amended":
            amendment = self._venue.amendment_at(event.order, event.at)
            before = event.order.client_order_id if amendment is None else amendment.client_order_id
            as_named = replace(event, order=replace(named, client_order_id=before))
            return (user_event(as_named, symbols, now, named.client_order_id),)
        is_cancel = event.name == "canceled"
        cancel_id = self._venue.cancel_id(named.exchange_order_id) if is_cancel else None
        return (user_event(as_named, symbols, now, cancel_id),)
