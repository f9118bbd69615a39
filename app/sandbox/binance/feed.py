"""The user stream's events: tails what happened at the exchange, and passes it to the listeners of each account."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.paper.orders import PaperEvent
from app.paper.refusals import PaperUnavailable
from app.sandbox.binance.venue import BinanceVenue

Payload = Mapping[str, Any]
Listener = Callable[[Payload], None]

#: How many events are read at once.
_PAGE = 1_000

#: The pause after the store was locked; other processes lock it for milliseconds.
_RETRY_SECONDS = 0.1


class UserFeed(ABC):
    """The events of all accounts. ``start`` before anybody listens; ``close`` ends it."""

    def __init__(self, venue: BinanceVenue) -> None:
        self._venue = venue
        self._subscriptions: dict[str, list[_Subscription]] = defaultdict(list)
        self._seq = 0
        self._unlisten: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tail the events from now on."""
        loop = asyncio.get_running_loop()
        exchange = self._venue.exchange
        self._seq = await self._venue.run(exchange.last_event)
        self._committed = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(self._committed.set)

        self._unlisten = exchange.listen(wake)
        self._task = asyncio.create_task(self._tail())

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def listen(self, account: str, listener: Listener) -> Callable[[], None]:
        """Pass every event of ``account`` from now on to ``listener``. Returns a function that ends this."""
        subscription = _Subscription(listener)
        self._subscriptions[account].append(subscription)
        subscription.start(await self._venue.run(self._venue.exchange.last_event))
        return lambda: self._subscriptions[account].remove(subscription)

    async def _tail(self) -> None:
        while True:
            await self._committed.wait()
            self._committed.clear()
            try:
                while events := await self._venue.run(self._read):
                    for event, payloads in events:
                        self._deliver(event, payloads)
            except PaperUnavailable:  # another process has locked the store: the events are read a moment later
                await self._venue.clock.sleep(_RETRY_SECONDS)
                self._committed.set()

    def _read(self) -> Sequence[tuple[PaperEvent, Sequence[Payload]]]:
        events = self._venue.exchange.events_since(self._seq, limit=_PAGE)
        return list(zip(events, self._payloads_of(events), strict=True))

    def _payloads_of(self, events: Sequence[PaperEvent]) -> Sequence[Sequence[Payload]]:
        """The payloads of each event, none where nobody listens. Used on the exchange's thread."""
        return [self._payloads(event) if self._has_listeners(event.account) else () for event in events]

    @abstractmethod
    def _payloads(self, event: PaperEvent) -> Sequence[Payload]:
        """The user stream's payloads of ``event``. Used on the exchange's thread."""

    def _has_listeners(self, account: str) -> bool:
        return bool(self._subscriptions.get(account))

    def _deliver(self, event: PaperEvent, payloads: Sequence[Payload]) -> None:
        self._seq = event.seq
        for subscription in tuple(self._subscriptions.get(event.account, ())):
            for payload in payloads:
                subscription.deliver(event.seq, payload)


class _Subscription:
    """One listener. Payloads wait until it is known after which event it begins, so that none is missed and none is too old."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._since: int | None = None
        self._waiting: list[tuple[int, Payload]] = []

    def start(self, since: int) -> None:
        self._since = since
        for seq, payload in self._waiting:
            self.deliver(seq, payload)

    def deliver(self, seq: int, payload: Payload) -> None:
        if self._since is None:
            self._waiting.append((seq, payload))
        elif seq > self._since:
            self._listener(payload)
