"""``WS /ws/orders``: the journal's events over a WebSocket, the same messages as ``GET /trading/events``.

The query string filters (``account_names``, ``connector_names``, ``trading_pairs``, each repeatable) and says where to continue
(``since``). The first message is ``connected``; an idle socket gets a ``heartbeat``. ``{"action": "ping"}`` is answered by
``pong``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.domain.errors import JournalUnavailable, RequestError
from app.handlers.events import check_filter, is_seq, messages, start_of, stream_filter
from app.journal.filters import EventFilter
from app.services.acting import ActingGateway
from app.services.gateway import Gateway
from app.web.contract.names import Names
from app.web.edge import SocketRoute
from app.web.sockets.calling import acting_gateway

_NAMES = Names("query", ("account_names", "connector_names", "trading_pairs", "since"))

#: Characters of a message; anything longer is no known action.
_LONGEST_MESSAGE = 1000
_BAD_QUERY = 1008
_FILTERS = ("account_names", "connector_names", "trading_pairs")
_GOING_AWAY = 1001
_TRY_AGAIN_LATER = 1013


def order_socket(gateway: Gateway) -> SocketRoute:
    """The route of the socket."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await _serve(acting_gateway(gateway), WebSocket(scope, receive, send))

    return SocketRoute(path="/ws/orders", endpoint=serve)


async def _serve(gateway: ActingGateway, socket: WebSocket) -> None:
    await socket.accept()
    query = socket.query_params
    since = query.get("since")
    if since is not None and not is_seq(since):
        await _send(socket, type="error", message="since must be a whole number, the seq of the last event seen")
        await socket.close(_BAD_QUERY)
        return
    ignored = _NAMES.unknown(query.keys())
    advice = next((said for said in map(_NAMES.advice, ignored) if said is not None), None)
    if advice is not None:
        await _send(socket, type="error", message=advice)
        await socket.close(_BAD_QUERY)
        return
    wanted = stream_filter(
        query.getlist("account_names"), query.getlist("connector_names"), query.getlist("trading_pairs")
    )
    try:
        gateway.check_named({name: query.getlist(name) for name in _FILTERS})
        await check_filter(gateway, wanted, start_of(None, since))
        await gateway.event_streams.check_start(start_of(None, since), "since")
    except (RequestError, JournalUnavailable) as refusal:
        said = refusal.detail if refusal.hint is None else f"{refusal.detail}. {refusal.hint}"
        await _send(socket, type="error", message=said)
        await socket.close(_TRY_AGAIN_LATER if isinstance(refusal, JournalUnavailable) else _BAD_QUERY)
        return
    await _send(socket, type="connected", **({"ignored": ignored} if ignored else {}))
    answering = asyncio.ensure_future(_answer_messages(socket))
    sending = asyncio.ensure_future(_send_events(gateway, socket, start_of(None, since), wanted))
    try:
        await asyncio.wait((answering, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (answering, sending):
            task.cancel()
        ends = await asyncio.gather(answering, sending, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
            raise end


async def _send_events(gateway: ActingGateway, socket: WebSocket, since: int | None, wanted: EventFilter) -> None:
    async for batch in gateway.event_streams.follow(since, wanted, messages):
        if not batch:
            await _send(socket, type="heartbeat", seq=batch.end)
        for text in batch.rendered_by(messages):
            await socket.send_text(text)
    await socket.close(_GOING_AWAY)


async def _answer_messages(socket: WebSocket) -> None:
    try:
        while True:
            if _action(await _text(socket)) == "ping":
                await _send(socket, type="pong")
            else:
                await _send(socket, type="error", message="Unknown action. Valid actions: ping")
    except WebSocketDisconnect:
        return


async def _text(socket: WebSocket) -> str:
    """The next message's text; none where it is binary, which no action is. Raises ``WebSocketDisconnect``."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    return message.get("text") or ""


def _action(text: str) -> str | None:
    if len(text) > _LONGEST_MESSAGE:
        return None
    try:
        asked = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return asked.get("action") if isinstance(asked, dict) else None


async def _send(socket: WebSocket, **message: Any) -> None:
    await socket.send_text(msgspec.json.encode(message).decode())
