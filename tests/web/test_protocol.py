"""The bounds on a request's head, on a real socket: before anybody is asked who it is, nobody may make the server hold much."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.web import protocol
from app.web.protocol import MAX_HEAD, BoundedProtocol

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


async def _count(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of headers and the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = f"{len(scope['headers'])} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Where a server with the protocol listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(_count, http=BoundedProtocol, lifespan="off", log_config=None))
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listening]),))
        thread.start()
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


def talk(address: tuple[str, int], *parts: bytes, answers: int = 1) -> bytes:
    """What the server says until it closes the connection, or until the last of so many answers has come."""
    answer = b""
    with socket.create_connection(address, timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while answer.count(b"\r\n\r\n") < answers or answer.endswith(b"\r\n\r\n"):
                received = connection.recv(65536)
                if not received:
                    break
                answer += received
        except ConnectionError:
            pass  # closed while we were still sending, which is what a head without an end is for
    return answer


def test_a_usual_request_and_one_after_it_pass(address: tuple[str, int]) -> None:
    """The limit is on the head alone: a body of any size and the next head start from nothing."""
    body = b"x" * (2 * MAX_HEAD)
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert talk(address, one).endswith(f"2 {len(body)}".encode())
    two = HEAD + b"Content-Length: 0\r\nX: " + b"y" * (MAX_HEAD // 2) + b"\r\n\r\n"
    both = talk(address, one, two, answers=2)
    assert both.count(b"HTTP/1.1 200 OK") == 2
    assert both.endswith(b"3 0")


@pytest.mark.parametrize("start", [HEAD + b"X-A: ", b"GET /", HEAD], ids=["value", "url", "many"])
def test_a_head_without_an_end_is_refused(address: tuple[str, int], start: bytes) -> None:
    """One endless header, an endless address or endless headers end the connection with 431."""
    part = b"a: b\r\n" * 1000 if start == HEAD else b"a" * 6000
    answer = talk(address, start, *[part] * (MAX_HEAD // 6000 + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_trailers_are_not_kept(address: tuple[str, int]) -> None:
    """What a caller sends after a chunked body changes nothing."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n"
    assert talk(address, chunked).endswith(b"2 3")


def test_a_caller_that_sends_nothing_is_let_go_of(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which no whole head comes in time is closed without a word."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    assert talk(address) == b""
    assert talk(address, b"GET / HT") == b""
