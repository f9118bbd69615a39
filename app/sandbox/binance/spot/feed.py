"""Tails what happened at the exchange and hands each event to whoever listens for its account."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.paper.orders import PaperEvent
from app.paper.refusals import PaperUnavailable
from app.sandbox.binance.spot import payloads
from app.sandbox.venue import Venue

Listener = Callable[[Mapping[str, Any]], None]
Told = Sequence[tuple[PaperEvent, Sequence[Mapping[str, Any]]]]

#: As many events as are read in one go.
_PAGE = 1_000

#: Another process holds the store for milliseconds at a time.
_RETRY_SECONDS = 0.1


class UserFeed:
    """The events of all accounts. ``start`` before anybody listens; ``close`` ends it."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._listeners: dict[str, list[_Listening]] = defaultdict(list)
        self._woken = asyncio.Event()
        self._seq = 0
        self._deafen: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin with what happens from now on."""
        loop = asyncio.get_running_loop()
        exchange = self._venue.exchange
        self._seq = await self._venue.run(exchange.last_event)

        def wake() -> None:
            loop.call_soon_threadsafe(self._woken.set)

        self._deafen = exchange.listen(wake)
        self._task = asyncio.create_task(self._tail())

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._deafen is not None:
            self._deafen()
            self._deafen = None
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def listen(self, account: str, listener: Listener) -> Callable[[], None]:
        """Give ``listener`` every event of ``account`` from now on; the answer ends that."""
        entry = _Listening(listener)
        self._listeners[account].append(entry)
        entry.begin(await self._venue.run(self._venue.exchange.last_event))
        return lambda: self._listeners[account].remove(entry)

    async def _tail(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                while told := await self._venue.run(self._read):
                    for event, payloads_of_it in told:
                        self._hand_over(event, payloads_of_it)
            except PaperUnavailable:  # somebody else holds the store: what is there now will be read a moment later
                await self._venue.clock.sleep(_RETRY_SECONDS)
                self._woken.set()

    def _read(self) -> Told:
        return self._told(self._venue.exchange.events_since(self._seq, limit=_PAGE))

    def _told(self, events: Sequence[PaperEvent]) -> Told:
        """What the stream says of each event; nothing where nobody listens. Used on the exchange's thread."""
        return [(event, self._payloads(event) if self._has_listeners(event.account) else ()) for event in events]

    def _payloads(self, event: PaperEvent) -> Sequence[Mapping[str, Any]]:
        canceled = event.order is not None and event.name == "canceled"
        cancel_id = self._venue.cancel_id(event.order.exchange_order_id) if canceled and event.order else None
        return (payloads.user_event(event, self._venue.symbols, self._venue.clock.now(), cancel_id),)

    def _has_listeners(self, account: str) -> bool:
        return bool(self._listeners.get(account))

    def _hand_over(self, event: PaperEvent, told: Sequence[Mapping[str, Any]]) -> None:
        self._seq = event.seq
        for listener in tuple(self._listeners.get(event.account, ())):
            for payload in told:
                listener.hear(event.seq, payload)


class _Listening:
    """One listener. What comes before it is known where its events begin waits, so that none is missed and none is too old."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._since: int | None = None
        self._waiting: list[tuple[int, Mapping[str, Any]]] = []

    def begin(self, since: int) -> None:
        self._since = since
        for seq, payload in self._waiting:
            self.hear(seq, payload)

    def hear(self, seq: int, payload: Mapping[str, Any]) -> None:
        if self._since is None:
            self._waiting.append((seq, payload))
        elif seq > self._since:
            self._listener(payload)
