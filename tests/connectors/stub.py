"""A small strict HTTP server on loopback that answers as each test scripts it, and keeps every request as it came.

It knows no rules of Binance. An answer is a ``Reply``, or a way not to answer: ``HANG``, ``RESET`` (after the request was read),
``GARBLE`` (half a body). A route that is not scripted answers 599, which no test expects.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

Silence = Literal["hang", "reset", "garble"]
HANG: Silence = "hang"
RESET: Silence = "reset"
GARBLE: Silence = "garble"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: ``raw`` are the exact bytes that hold the parameters, of the query or of the body."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: str

    @property
    def parameters(self) -> dict[str, str]:
        pairs = parse_qsl(self.raw, keep_blank_values=True, strict_parsing=bool(self.raw))
        assert len(dict(pairs)) == len(pairs), "a parameter came twice"
        return dict(pairs)


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(payload: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer. Underscores in header names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=json.dumps(payload).encode(), headers=named)


def error(status: int, code: int, message: str = "No.", **headers: str) -> Reply:
    """An error as Binance's API writes it."""
    return reply({"code": code, "msg": message}, status, **headers)


Answer = Reply | Silence | Callable[[Request], "Reply | Silence"]


class StubExchange:
    """``script`` queues answers for a route; the last one stays for all later requests."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, method: str, path: str, *answers: Answer) -> None:
        self._answers[method, path] = list(answers)

    def scripted(self, method: str, path: str) -> Answer:
        """The next answer of a route."""
        return self._answers[method, path][0]

    def asked(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def stop_listening(self) -> None:
        """Take no new connection."""
        assert self._server is not None
        self._server.close()

    async def __aenter__(self) -> StubExchange:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                if request is None:
                    return
                self.requests.append(request)
                if not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        answers = self._answers[request.method, request.path]
        answer: Any = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else Reply(status=599)
        if callable(answer):
            answer = answer(request)
        if answer == HANG:
            await asyncio.get_running_loop().create_future()
        if answer == RESET:
            writer.transport.abort()
            return False
        if answer == GARBLE:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"orderId":')
            await writer.drain()
            return False
        headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(answer.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode() + answer.body)
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode("ascii")
    path, _, query = target.partition("?")
    assert not (query and body), "parameters in two places"
    return Request(method=method, path=path, headers=headers, raw=query or body)
