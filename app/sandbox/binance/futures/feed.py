"""Tails the futures exchange: its orders' events as they are, and of each account what changed in its money and positions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.domain.enums import TimeInForce
from app.paper.orders import PaperEvent
from app.paper.perpetual.orders import PerpetualFill
from app.sandbox.binance.futures import payloads as futures_payloads
from app.sandbox.binance.futures.updates import Picture, account_update, picture
from app.sandbox.binance.futures.venue import FuturesVenue, perpetual_fill, perpetual_order, recorded
from app.sandbox.binance.spot.feed import Listener, Told, UserFeed


class FuturesFeed(UserFeed):
    """The events of all accounts. What listeners of an account were last told is remembered, so that only changes are told."""

    _venue: FuturesVenue

    def __init__(self, venue: FuturesVenue) -> None:
        super().__init__(venue)
        self._pictures: dict[str, Picture] = {}
        self._fills: dict[str, list[PerpetualFill]] = defaultdict(list)

    async def listen(self, account: str, listener: Listener) -> Callable[[], None]:
        if not self._has_listeners(account):
            self._pictures[account] = await self._venue.run(self._picture, account)
            self._fills.pop(account, None)
        return await super().listen(account, listener)

    def _told(self, events: Sequence[PaperEvent]) -> Told:
        """An account's update stands at its last event of those that were read together: its picture is of now."""
        heard = [event for event in events if self._has_listeners(event.account)]
        last = {event.account: event.seq for event in heard if event.order is None}
        # Everything that can fail comes first: what is remembered changes only with what will be told.
        pictures = {account: self._picture(account) for account in last}
        refused = {event.seq for event in heard if self._is_of_a_killed_order(event)}
        told: list[tuple[PaperEvent, Sequence[Mapping[str, Any]]]] = []
        for event in events:
            payloads: list[Mapping[str, Any]] = []
            if event.fill is not None and self._has_listeners(event.account):
                self._fills[event.account].append(perpetual_fill(event.fill))
            if self._has_listeners(event.account) and event.seq not in refused:
                payloads += self._payloads(event)
            if last.get(event.account) == event.seq:
                payloads += self._changes(event, pictures[event.account])
            told.append((event, payloads))
        return told

    def _payloads(self, event: PaperEvent) -> Sequence[Mapping[str, Any]]:
        if event.order is None:
            return ()
        order, now = perpetual_order(event.order), self._venue.clock.now()
        return (futures_payloads.order_update(event, order, self._venue.symbols, now),)

    def _changes(self, event: PaperEvent, after: Picture) -> Sequence[Mapping[str, Any]]:
        before, fills = self._pictures.get(event.account, after), self._fills.pop(event.account, [])
        self._pictures[event.account] = after
        update = account_update(before, after, fills, event.at, self._venue.clock.now())
        return () if update is None else (update,)

    def _picture(self, account: str) -> Picture:
        return picture(self._venue.exchange.balances(account), self._venue.exchange.positions(account))

    def _is_of_a_killed_order(self, event: PaperEvent) -> bool:
        """Whether the event is about a fill-or-kill order that was refused, of which the wire knows nothing."""
        order = event.order
        if order is None or order.time_in_force is not TimeInForce.FOK or event.fill is not None:
            return False
        record = self._venue.exchange.order(event.account, exchange_order_id=order.exchange_order_id)
        return recorded(record) is None
