"""The futures market's user stream: listen keys, which expire an hour after they were last requested, and their sockets.

An account has one key. A socket with an invalid or expired key gets ``listenKeyExpired`` and no events.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from app.clock import Clock
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Security, shutdown_notice, weighing
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.feed import UserFeed
from app.sandbox.binance.parameters import anything, optional
from app.sandbox.faults import FaultPlan
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

_LIFE = timedelta(minutes=60)

#: Binance's keys have 64 letters and digits; no stream's name does.
_KEY_BYTES = 32
_KEY_PATTERN = "[0-9A-Za-z]{64}"


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
            _endpoint("POST", self.create),
            _endpoint("PUT", self.extend),
            _endpoint("DELETE", self.delete),
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
    """The sockets of user streams: ``/private/ws?listenKey=``, and the older ``/ws/<key>``."""

    def __init__(
        self, keys: ListenKeys, feed: UserFeed, clock: Clock, *, faults: FaultPlan, connections: Connections
    ) -> None:
        self._keys = keys
        self._feed = feed
        self._clock = clock
        self._faults = faults
        self._connections = connections

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/private/ws", self._serve),
            web.get("/private/ws/{key}", self._serve),
            web.get("/ws/{key:" + _KEY_PATTERN + "}", self._serve),
        ]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        name = request.query.get("listenKey") or request.match_info.get("key", "")
        connection, key = Connection(request, self._clock, self._faults), self._keys.find(name)
        stops: list[Callable[[], None]] = []

        def end() -> None:
            while stops:
                stops.pop()()
            connection.send({"e": "listenKeyExpired", "E": milliseconds(self._clock.now()), "listenKey": name})

        if key is None:
            end()
        else:
            # Before the handshake is answered, so that the client misses nothing.
            stops.append(await self._feed.listen(key.account, lambda event: connection.send_event(event, "user")))
            stops.append(self._keys.watch(name, end))
        return await self._until_closed(connection, stops)

    async def _until_closed(self, connection: Connection, stops: list[Callable[[], None]]) -> web.WebSocketResponse:
        async def take(text: bytes) -> None:
            """Ignore the message: there are no requests."""

        self._connections.add(connection, lambda: connection.send(shutdown_notice(self._clock)))
        try:
            return await connection.serve(take)
        finally:
            self._connections.remove(connection)
            while stops:
                stops.pop()()


def _endpoint(method: str, answer: Handler) -> Endpoint:
    return Endpoint(
        method=method,
        path="/fapi/v1/listenKey",
        answer=answer,
        parameters=(optional("listenKey", anything),),
        security=Security.KEY,
        route="account",
        weigh=weighing(1),
    )
