"""An HTTP proxy on loopback: it tunnels by CONNECT, passes plain requests on, and is the only one who knows where a host is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

_REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
_UNREACHABLE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


class HttpProxy:
    """``routes`` leads from ``host:port``, as callers name it, to a port on loopback; ``authorization`` is what they must send."""

    def __init__(
        self, routes: Mapping[str, int], *, authorization: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._routes = routes
        self._authorization = authorization
        self._tls = tls
        #: The first line of each request.
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> HttpProxy:
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
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        self.asked.append(lines[0])
        if self._authorization is not None and f"Proxy-Authorization: {self._authorization}" not in lines:
            writer.write(_REFUSED)
            return
        method, target, _ = lines[0].split(" ")
        authority = target if method == "CONNECT" else target.removeprefix("http://").partition("/")[0]
        if authority not in self._routes:
            writer.write(_UNREACHABLE)
            return
        answers, onward = await asyncio.open_connection("127.0.0.1", self._routes[authority])
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                onward.write(head.replace(f"http://{authority}".encode(), b"", 1))
            await asyncio.gather(_copy(reader, onward), _copy(answers, writer))
        finally:
            onward.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()
