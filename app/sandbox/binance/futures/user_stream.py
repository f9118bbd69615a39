"""The futures market's user stream: listen keys, which expire an hour after they were last requested, and their sockets.

An account has one key. A socket with an invalid or expired key gets ``listenKeyExpired`` and no events.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from app.clock import Clock
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Security, shutdown_notice, weighing
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.feed import UserFeed
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.parameters import anything, optional
from app.sandbox.binance.sockets.events import StreamEvents
from app.sandbox.binance.sockets.market import MarketSession, MarketSockets, everything
from app.sandbox.binance.sockets.session import StreamSession
from app.sandbox.faults import FaultPlan
from app.sandbox.market import Shared
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

_LIFE = timedelta(minutes=60)

#: Binance's keys have 64 letters and digits; no stream's name does.
_KEY_BYTES = 32
_KEY_PATTERN = "[0-9A-Za-z]{64}"

#: How many messages per second a client may send on one connection to market streams.
_MAX_PER_SECOND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListenKey:
    name: str
    account: str
    ends_at: datetime


class ListenKeys:
    """The keys of all accounts, and the endpoints that create, extend and delete them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, _ListenKey] = {}
        self._watchers: list[tuple[str, Callable[[], None]]] = []

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            _endpoint("POST", self.create, "start"),
            _endpoint("PUT", self.extend, "ping"),
            _endpoint("DELETE", self.delete, "stop"),
        )

    async def create(self, call: Call) -> dict[str, Any]:
        """The account's key, extended by an hour, or a new one."""
        key = self._valid(call.account)
        if key is None and call.account in self._keys:  # it expired, and its sockets may not know yet
            self._end(self._keys[call.account])
        name = secrets.token_hex(_KEY_BYTES) if key is None else key.name
        self._keys[call.account] = _ListenKey(name=name, account=call.account, ends_at=call.now + _LIFE)
        return {"listenKey": name}

    async def extend(self, call: Call) -> dict[str, Any]:
        key = self._asked(call)
        self._keys[call.account] = replace(key, ends_at=call.now + _LIFE)
        return {"listenKey": key.name}

    async def delete(self, call: Call) -> dict[str, Any]:
        self._end(self._asked(call))
        return {}

    def watch(self, name: str, notify: Callable[[], None]) -> Callable[[], None]:
        """Call ``notify`` when the key expires or is deleted. Returns a function that ends this."""
        timer = asyncio.create_task(self._expire(name))
        watcher = (name, notify)
        self._watchers.append(watcher)

        def stop() -> None:
            timer.cancel()
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return stop

    def find(self, name: str) -> _ListenKey | None:
        """The key of that name, if it is valid."""
        keys = (self._valid(account) for account in tuple(self._keys))
        return next((key for key in keys if key is not None and key.name == name), None)

    async def _expire(self, name: str) -> None:
        """End the key once it has expired, however often it is extended."""
        while (key := self.find(name)) is not None:
            await self._clock.sleep((key.ends_at - self._clock.now()).total_seconds())
        for ended in [each for each in self._keys.values() if each.name == name]:
            self._end(ended)

    def _end(self, key: _ListenKey) -> None:
        del self._keys[key.account]
        for name, notify in tuple(self._watchers):
            if name == key.name:
                notify()

    def _valid(self, account: str) -> _ListenKey | None:
        key = self._keys.get(account)
        return key if key is not None and self._clock.now() < key.ends_at else None

    def _asked(self, call: Call) -> _ListenKey:
        key = self._valid(call.account)
        if key is None or call.values.get("listenKey", key.name) != key.name:
            raise ApiError(-1125, "This listenKey does not exist.")
        return key


class UserSockets:
    """The sockets of user streams: ``/private/ws?listenKey=``, ``/private/stream?streams=``, and the older ``/ws/<key>``.

    A key is a stream that can be subscribed to.
    """

    def __init__(
        self, keys: ListenKeys, feed: UserFeed, clock: Clock, *, faults: FaultPlan, connections: Connections
    ) -> None:
        self._keys = keys
        self._feed = feed
        self._clock = clock
        self._faults = faults
        self._connections = connections
        self._stops: dict[tuple[StreamSession, str], list[Callable[[], None]]] = {}
        self.messages: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/private/ws", self._raw),
            web.get("/private/ws/{key}", self._raw),
            web.get("/private/stream", self._combined),
            web.get("/ws/{key:" + _KEY_PATTERN + "}", self._raw),
        ]

    async def subscribe(self, session: StreamSession, streams: list[str]) -> None:
        for name in streams:
            if name not in session.streams:
                session.streams[name] = None
                await self._begin(session, name)

    async def unsubscribe(self, session: StreamSession, streams: list[str]) -> None:
        for name in streams:
            session.streams.pop(name, None)
            self._end(session, name)

    async def _begin(self, session: StreamSession, name: str) -> None:
        key = self._keys.find(name)
        if key is None:
            return self._expire(session, name)
        listening = await self._feed.listen(key.account, lambda event: session.send(name, event, "user"))
        watching = self._keys.watch(name, lambda: self._expire(session, name))
        self._stops[session, name] = [listening, watching]
        return None

    def _expire(self, session: StreamSession, name: str) -> None:
        self._end(session, name)
        event = {"e": "listenKeyExpired", "E": milliseconds(self._clock.now()), "listenKey": name}
        session.tell(name, event)

    def _end(self, session: StreamSession, name: str) -> None:
        for stop in self._stops.pop((session, name), ()):
            stop()

    async def _raw(self, request: web.Request) -> web.WebSocketResponse:
        name = request.query.get("listenKey") or request.match_info.get("key", "")
        return await self._serve(request, [name] if name else [], is_combined=False)

    async def _combined(self, request: web.Request) -> web.WebSocketResponse:
        names = request.query.get("listenKey") or request.query.get("streams", "")
        return await self._serve(request, [name for name in names.split("/") if name], is_combined=True)

    async def _serve(self, request: web.Request, names: list[str], *, is_combined: bool) -> web.WebSocketResponse:
        connection = Connection(request, self._clock, self._faults)
        session = StreamSession(connection, self, is_combined=is_combined)
        # Before the handshake is answered, so that the client misses nothing.
        await self.subscribe(session, names)
        self._connections.add(connection, lambda: connection.send(shutdown_notice(self._clock)))
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            await self.unsubscribe(session, list(session.streams))


class FuturesSockets(MarketSockets):
    """The market streams' sockets. Where a path carries everything, listen keys are streams of it, too."""

    def __init__(self, venue: FuturesVenue, events: StreamEvents, users: UserSockets, shared: Shared) -> None:
        super().__init__(venue, events, shared.faults, shared.connections, _PATHS, _MAX_PER_SECOND)
        self._users = users

    async def subscribe(self, session: StreamSession, streams: list[str]) -> None:
        keys, others = _parted(session, streams)
        await self._users.subscribe(session, keys)
        await super().subscribe(session, others)

    async def unsubscribe(self, session: StreamSession, streams: list[str]) -> None:
        keys, others = _parted(session, streams)
        await self._users.unsubscribe(session, keys)
        await super().unsubscribe(session, others)


def _parted(session: StreamSession, streams: list[str]) -> tuple[list[str], list[str]]:
    """The listen keys among ``streams``, and the others."""
    assert isinstance(session, MarketSession)
    has_keys = session.carries is everything
    keys = [name for name in streams if has_keys and re.fullmatch(_KEY_PATTERN, name)]
    return keys, [name for name in streams if name not in keys]


def _is_public(stream: str) -> bool:
    """Whether Binance carries the stream below ``/public``, where the fast ones are; the others are below ``/market``."""
    kind = stream.partition("@")[2]
    return kind.startswith(("depth", "bookTicker", "trade")) or stream == "!bookTicker"


def _is_other(stream: str) -> bool:
    return not _is_public(stream)


#: The path "/fstream" bears the name of Binance's host: as there before April 2026, it carries all streams.
_HOST_PATH = "/fstream"
_PATHS = {"/market": _is_other, "/public": _is_public, _HOST_PATH: everything}


def _endpoint(method: str, answer: Handler, action: str) -> Endpoint:
    return Endpoint(
        method=method,
        path="/fapi/v1/listenKey",
        answer=answer,
        parameters=(optional("listenKey", anything),),
        security=Security.KEY,
        route="account",
        weigh=weighing(1),
        ws_method=f"userDataStream.{action}",
    )
