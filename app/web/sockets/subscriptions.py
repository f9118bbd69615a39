"""A WebSocket with subscriptions: the frame that ``/ws/market-data`` and ``/ws/executors`` share.

The first message is ``connected``. A caller sends ``subscribe``, ``unsubscribe`` or ``ping`` and gets one answer each; data and
heartbeats come by themselves. Existing clients take the very next message for the answer to their request. So nothing is sent
between a request and its answer, and for a moment after an answer no data, because another request may be on its way.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.clock import Clock
from app.domain.errors import OrdergateError
from app.handlers.forms.market_views import unix_seconds
from app.web.messages import encode

log = structlog.get_logger(__name__)

#: Seconds without data after an answer: time for a client across the world to send its next request.
_QUIET = 0.5
#: A caller that sends requests without a pause gets data all the same, at the latest after these seconds.
_PATIENCE = 3.0
_HEARTBEAT = 30.0
#: Characters of one message; a subscription is under three hundred.
_LONGEST = 4_000
#: Subscriptions of one connection: a page of a hundred markets with book and trades each.
_MOST = 200
_GOING_AWAY = 1001


class Unsubscribable(Exception):
    """The request can't be fulfilled; the text is for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """``poll`` is called every ``interval`` seconds; what it returns is sent, None is not. ``close`` is called when it is over."""

    subscription_id: str
    interval: float  # seconds
    poll: Callable[[], Awaitable[Mapping[str, Any] | None]]
    close: Callable[[], None]
    #: What the request named that a subscription does not have.
    ignored: Sequence[str] = ()


#: Turns a ``subscribe`` message into a subscription that has started. Raises ``Unsubscribable``.
Subscribe = Callable[[Mapping[str, Any]], Awaitable[Subscription]]


class SubscriptionSocket:
    """One caller's connection."""

    def __init__(self, socket: WebSocket, clock: Clock, ended: asyncio.Event, subscribe: Subscribe) -> None:
        self._socket = socket
        self._clock = clock
        self._ended = ended
        self._subscribe = subscribe
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Locked from a request until its answer, and while data is being sent.
        self._turn = asyncio.Lock()
        #: Since when, and until when, nothing but answers is sent; on the clock's monotonic seconds.
        self._quiet_since = self._quiet_until = 0.0

    async def serve(self) -> None:
        """Serve until the caller goes or the server stops."""
        await self._socket.accept()
        loop = asyncio.get_running_loop()
        try:
            await self._send_answer({"type": "connected", "connection_id": secrets.token_hex(8)})
            own = [loop.create_task(each) for each in (self._receive(), self._send_heartbeats(), self._until_ended())]
            try:
                done, _ = await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _stop(*own, *self._tasks.values())
            for task in done:
                task.result()
        except WebSocketDisconnect:
            return

    # -- requests -------------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            async with self._turn:
                await self._send_answer(await self._answer_to(message.get("text") or message.get("bytes") or ""))

    async def _answer_to(self, text: str | bytes) -> Mapping[str, Any]:
        try:
            asked = _request(text)
            match asked.get("action"):
                case "ping":
                    return {"type": "pong"}
                case "subscribe":
                    return await self._begin(asked)
                case "unsubscribe":
                    return await self._drop(asked.get("subscription_id"))
                case action:
                    raise Unsubscribable(
                        f"Unknown action: {shown(action)}. Valid actions: subscribe, unsubscribe, ping"
                    )
        except Unsubscribable as problem:
            return {"type": "error", "message": str(problem)}

    async def _begin(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(self._tasks) >= _MOST:
            raise Unsubscribable(f"Too many subscriptions: {_MOST} are the most on one connection")
        subscription = await self._subscribe(asked)
        name = subscription.subscription_id
        if name in self._tasks:
            await _stop(self._tasks.pop(name))
        task = asyncio.get_running_loop().create_task(self._push(subscription))
        # Not in the task itself: one that is stopped before it began runs no code of its own.
        task.add_done_callback(lambda _: subscription.close())
        self._tasks[name] = task
        named = {"ignored": subscription.ignored} if subscription.ignored else {}
        return {"type": "subscribed", "subscription_id": name, **named}

    async def _drop(self, name: object) -> Mapping[str, Any]:
        if not isinstance(name, str) or not name:
            raise Unsubscribable("unsubscribe requires 'subscription_id'")
        task = self._tasks.pop(name, None)
        if task is None:
            raise Unsubscribable(f"Subscription not found: {name}")
        await _stop(task)
        return {"type": "unsubscribed", "subscription_id": name}

    # -- data and heartbeats --------------------------------------------------------------------------------------------

    async def _push(self, subscription: Subscription) -> None:
        name = subscription.subscription_id
        problem: str | None = None
        while True:
            try:
                message = await subscription.poll()
                problem = None
            except OrdergateError as error:
                # Sent once; the exchange is asked again and again until it answers.
                message = None if problem == error.detail else {"type": "error", "message": error.detail}
                problem = error.detail
            except Exception as fault:  # whatever it is, the caller must learn that the subscription has ended
                log.error("subscription failed", subscription_id=name, exc_info=fault)
                message = {"type": "error", "message": "The server failed on this subscription; its log has the reason"}
                await self._send_data({**message, "subscription_id": name})
                self._tasks.pop(name, None)
                return
            if message is not None:
                await self._send_data({**message, "subscription_id": name})
            await self._clock.sleep(subscription.interval)

    async def _send_heartbeats(self) -> None:
        while True:
            await self._clock.sleep(_HEARTBEAT)
            await self._send_data({"type": "heartbeat"})

    async def _until_ended(self) -> None:
        await self._ended.wait()
        await self._socket.close(_GOING_AWAY)

    # -- sending --------------------------------------------------------------------------------------------------------

    async def _send_answer(self, message: Mapping[str, Any]) -> None:
        await self._send(message)
        now = self._clock.monotonic()
        if now > self._quiet_until:
            self._quiet_since = now
        self._quiet_until = min(now + _QUIET, self._quiet_since + _PATIENCE)

    async def _send_data(self, message: Mapping[str, Any]) -> None:
        while True:
            wait = self._quiet_until - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
                continue
            async with self._turn:
                if self._quiet_until <= self._clock.monotonic():
                    await self._send(message)
                    return

    async def _send(self, message: Mapping[str, Any]) -> None:
        stamped = {**message, "timestamp": unix_seconds(self._clock.now())}
        await self._socket.send_text(encode(stamped).decode())


async def _stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def shown(value: Any) -> str:
    """A value of a message in the words of the message."""
    return value if isinstance(value, str) else encode(value).decode()


def _request(text: str | bytes) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        raise Unsubscribable(f"A message may have {_LONGEST} characters")
    try:
        asked = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        raise Unsubscribable("A message must be JSON") from None
    if not isinstance(asked, dict):
        raise Unsubscribable("A message must be a JSON object")
    return asked
