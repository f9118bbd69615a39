"""What a hostile network does to a server, from one process: ``--kind`` says what.

Prints ``ready`` once it has begun; stops at the end of its standard input and prints one line of JSON with what it did.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

#: Connections at once of those that wait, and of those that ask again and again.
_MANY, _BUSY = 1500, 64
#: Seconds that a guesser waits for an answer: thousands of guesses a second.
_IMPATIENCE = 0.02
_HEAD = b"POST /trading/orders HTTP/1.1\r\nHost: x\r\n"
_HANDSHAKE = (
    b"GET /ws/orders HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_PINGS = (b"\x89\xfd" + bytes(4) + b"x" * 125) * 100


class Attack:
    """One kind of attack on one port, and what came of it."""

    def __init__(self, port: int, user: str) -> None:
        self._port = port
        self._authorization = b"Authorization: Basic " + base64.b64encode(user.encode()) + b"\r\n"
        self.did: Counter[str] = Counter()
        self._guess = 0

    async def sign_ins(self) -> None:
        """Another wrong password every few milliseconds on a new connection, whether there was an answer or not."""
        await self._again(self._guess_on)

    async def idle(self) -> None:
        """Connections on which nothing comes."""
        await self._hold(b"", b"")

    async def line_breaks(self) -> None:
        """Connections on which only line breaks come."""
        await self._hold(b"\r\n", b"\r\n")

    async def slow_heads(self) -> None:
        """A byte of a head each second."""
        await self._hold(_HEAD + b"X: ", b"x")

    async def slow_bodies(self) -> None:
        """A byte of a body each second."""
        await self._hold(_HEAD + b"Content-Length: 900000\r\n\r\n", b"x")

    async def never_reading(self) -> None:
        """Requests of a long answer that nobody reads."""
        await self._hold(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 10, b"")

    async def packed(self) -> None:
        """Bodies that would be large if anybody unpacked them."""
        await self._again(self._pack_on)

    async def smuggled(self) -> None:
        """Requests that two servers could read differently."""
        await self._again(self._smuggle_on)

    async def pings(self) -> None:
        """Signed-in WebSockets that send pings and read nothing."""
        await asyncio.gather(*(self._ping_on() for _ in range(8)))

    async def _again(
        self, ask: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        async def caller() -> None:
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    while not reader.at_eof():
                        await ask(reader, writer)
                        self.did["requests"] += 1
                    writer.close()
                except (OSError, asyncio.IncompleteReadError):
                    self.did["closed"] += 1

        await asyncio.gather(*(caller() for _ in range(_BUSY)))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        self.did[head[9:12].decode()] += 1
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length[15:]))

    async def _guess_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guess += 1
        guess = base64.b64encode(b"admin:guess%d" % self._guess)
        asking = b"GET /accounts/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + guess + b"\r\n\r\n"
        try:
            async with asyncio.timeout(_IMPATIENCE):
                await self._ask(reader, writer, asking)
        except TimeoutError:
            self.did["not waited for"] += 1
            writer.close()
            await writer.wait_closed()
            raise ConnectionAbortedError from None

    async def _pack_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
        await self._ask(reader, writer, _HEAD + self._authorization + kind + bytes(1000))

    async def _smuggle_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._ask(
            reader, writer, _HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )

    async def _hold(self, begin: bytes, drip: bytes) -> None:
        async def caller() -> None:
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1)
                    self.did["opened"] += 1
                    writer.write(begin)
                    while not writer.is_closing():
                        await asyncio.sleep(1)
                        writer.write(drip)
                except OSError:
                    self.did["closed"] += 1

        await asyncio.gather(*(caller() for _ in range(_MANY)))

    async def _ping_on(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1)
                writer.write(_HANDSHAKE + self._authorization + b"\r\n")
                await asyncio.sleep(0.2)
                while True:
                    writer.write(_PINGS)
                    await writer.drain()
                    self.did["pings"] += 100
            except OSError:
                self.did["closed"] += 1


async def _run(asked: argparse.Namespace) -> Counter[str]:
    attack = Attack(asked.port, asked.user)
    attacking = asyncio.ensure_future(getattr(attack, asked.kind)())
    await asyncio.sleep(1)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    attacking.cancel()
    return attack.did


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True, help="user:password")
    parser.add_argument("--kind", required=True)
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))
