"""A server of ours on a real port, in a thread of the test's process, and callers that talk to it by bytes."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import uvicorn
from starlette.types import Receive, Scope, Send

from app.web.messages import CONNECTION
from app.web.server.connections import Connections
from app.web.server.limits import Limits
from app.web.server.protocol import BoundedProtocol
from app.web.server.websocket import BoundedSocket

#: Seconds in which a caller must be answered, on a machine however busy.
PATIENCE = 30.0


@dataclass(slots=True)
class Served:
    """A running server, and what its application has seen."""

    address: tuple[str, int]
    connections: Connections
    seen: list[str] = field(default_factory=list)

    def wait_until_closed(self) -> None:
        """Wait until no connection is left."""
        deadline = time.monotonic() + PATIENCE
        while len(self.connections):
            assert time.monotonic() < deadline, "a connection stays open"
            time.sleep(0.01)


@contextmanager
def served(limits: Limits | None = None, *, loop: str = "uvloop", keep_alive: float = 60.0) -> Iterator[Served]:
    """A server for a block. Its application answers with the number of headers and the size of the body; see ``_application``."""
    connections = Connections(limits or Limits())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = Served(listening.getsockname(), connections)
        config = uvicorn.Config(
            partial(_application, running.seen),
            http=partial(BoundedProtocol, connections=connections),  # type: ignore[arg-type]  # makes a protocol, as a class does
            ws=BoundedSocket,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # a fraction of a second will do, too
            ws_ping_interval=None,
        )
        server = uvicorn.Server(config)
        main = partial(server.serve, sockets=[listening])
        factory = None if loop == "asyncio" else __import__("uvloop").new_event_loop

        loops: list[asyncio.AbstractEventLoop] = []

        def run() -> None:
            with asyncio.Runner(loop_factory=factory) as runner:
                loops.append(runner.get_loop())
                runner.run(main())

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield running
        finally:
            loops[0].call_soon_threadsafe(_abort_all, connections)
            server.should_exit = server.force_exit = True
            thread.join()


def _abort_all(connections: Connections) -> None:
    """What waits for a turn is not read, so that the server would not see its caller go."""
    strangers = [each for groups in connections._strangers.values() for group in groups for each in group]
    for each in [*strangers, *connections._known]:
        each.abort()


async def _application(seen: list[str], scope: Scope, receive: Receive, send: Send) -> None:
    """``/early`` and ``/unread`` answer before the body, ``/large`` with sixteen megabytes, ``/wait`` when the caller has gone.

    ``/in`` signs its connection in; everything else answers with the number of headers and the size of the body.
    """
    path = scope["path"]
    seen.append(path)
    if scope["type"] == "websocket":
        await _echo(scope, receive, send)
        return
    if path == "/in":
        scope[CONNECTION].signed_in("admin")
        scope[CONNECTION].answered(200)
    if path == "/early":
        await _answer(send, 413, b"too large", [(b"connection", b"close")])
        return
    if path == "/unread":
        scope[CONNECTION].answered(401)
        await _answer(send, 401, b"no", [])
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if path == "/wait":
        await receive()
        return
    body = b"x" * 16_000_000 if path == "/large" else f"{len(scope['headers'])} {size}".encode()
    await _answer(send, 200, body, [])


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4001})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        text = str(len(message.get("text") or message.get("bytes") or ""))
        await send({"type": "websocket.send", "text": text.ljust(10_000) if scope["path"] == "/loud" else text})


def connect(address: tuple[str, int], source: str = "127.0.0.1", *, receives: int = 0) -> socket.socket:
    """A connection from one of this machine's addresses, which perhaps can receive only a few bytes unread."""
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    if receives:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.bind((source, 0))
    connection.connect(address)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Everything that the server sends until it closes the connection, orderly or not."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass
    return received


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status and the body of one answer with a length; what comes behind it stays unread."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        assert part, f"closed after {head!r}"
        head += part
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = b""
    while len(body) < length:
        part = connection.recv(min(65536, length - len(body)))
        assert part, "closed within an answer"
        body += part
    return int(head.split(b" ")[1]), body


def is_alive(connection: socket.socket) -> bool:
    """Whether a request on it is answered."""
    try:
        connection.sendall(b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")
        return read_answer(connection)[0] == 200
    except (ConnectionError, AssertionError):
        return False


def statuses(received: bytes) -> list[int]:
    """The statuses of all answers in ``received``."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
