"""The futures market's user stream events: orders' events, and the changes of each account's balances and positions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from app.domain.enums import TimeInForce
from app.paper.orders import PaperEvent
from app.paper.perpetual.orders import PerpetualFill
from app.sandbox.binance.feed import Listener, Payload, UserFeed
from app.sandbox.binance.futures.account_update import AccountSnapshot, account_snapshot, account_update
from app.sandbox.binance.futures.payloads import order_update
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, perpetual_fill, perpetual_order


class FuturesFeed(UserFeed):
    """The events of all accounts. An account's last snapshot is stored while it has listeners, so that only changes are sent."""

    _venue: FuturesVenue

    def __init__(self, venue: FuturesVenue) -> None:
        super().__init__(venue)
        self._snapshots: dict[str, AccountSnapshot] = {}
        self._fills: dict[str, list[PerpetualFill]] = defaultdict(list)

    async def listen(self, account: str, listener: Listener) -> Callable[[], None]:
        if not self._has_listeners(account):
            self._snapshots[account] = await self._venue.run(self._snapshot, account)
            self._fills.pop(account, None)
        return await super().listen(account, listener)

    def _payloads_of(self, events: Sequence[PaperEvent]) -> Sequence[Sequence[Payload]]:
        """An account's update belongs to its last event of those that are read together: its snapshot is of now."""
        relevant = [event for event in events if self._has_listeners(event.account)]
        last = {event.account: event.seq for event in relevant if event.order is None}
        # Everything that can fail comes first, so that the state changes only with what will be sent.
        snapshots = {account: self._snapshot(account) for account in last}
        killed = {event.seq for event in relevant if self._is_of_a_killed_order(event)}
        result: list[Sequence[Payload]] = []
        for event in events:
            payloads: list[Payload] = []
            if event.fill is not None and self._has_listeners(event.account):
                self._fills[event.account].append(perpetual_fill(event.fill))
            if self._has_listeners(event.account) and event.seq not in killed:
                payloads += self._payloads(event)
            if last.get(event.account) == event.seq:
                payloads += self._changes(event, snapshots[event.account])
            result.append(payloads)
        return result

    def _payloads(self, event: PaperEvent) -> Sequence[Payload]:
        if event.order is None:
            return ()
        order, now = perpetual_order(event.order), self._venue.clock.now()
        return (order_update(event, order, self._venue.symbols, now),)

    def _changes(self, event: PaperEvent, after: AccountSnapshot) -> Sequence[Payload]:
        before, fills = self._snapshots.get(event.account, after), self._fills.pop(event.account, [])
        self._snapshots[event.account] = after
        update = account_update(before, after, fills, event.at, self._venue.clock.now())
        return () if update is None else (update,)

    def _snapshot(self, account: str) -> AccountSnapshot:
        return account_snapshot(self._venue.exchange.balances(account), self._venue.exchange.positions(account))

    def _is_of_a_killed_order(self, event: PaperEvent) -> bool:
        """Whether the event is of a fill-or-kill order that was refused, which Binance does not record."""
        order = event.order
        if order is None or order.time_in_force is not TimeInForce.FOK or event.fill is not None:
            return False
        record = self._venue.exchange.order(event.account, exchange_order_id=order.exchange_order_id)
        return record is None or is_killed(record.order)
