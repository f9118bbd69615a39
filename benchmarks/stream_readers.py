"""Reads many open event streams as fast as they come, and reports how much came.

Prints ``ready`` when every stream has begun; stops at the end of its standard input and prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
from functools import partial
from typing import cast

import uvloop


class Stream(asyncio.Protocol):
    """One open stream. ``messages`` are counted on the first one only, because counting on all would be a load of its own."""

    def __init__(self, request: bytes, *, is_counted: bool) -> None:
        self._request = request
        self._is_counted = is_counted
        self.begun = asyncio.get_running_loop().create_future()
        self.is_lost = False
        self.bytes = 0
        self.messages = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of asyncio's class, but are not of it.
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            self.begun.set_result(data.startswith(b"HTTP/1.1 200"))
        self.bytes += len(data)
        if self._is_counted:
            self.messages += data.count(b"\ndata: ")

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self.begun.done():
            self.begun.set_result(False)


async def _run(asked: argparse.Namespace) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    credentials = base64.b64encode(asked.user.encode())
    request = b"GET /trading/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %b\r\n\r\n" % credentials
    streams = []
    for number in range(asked.streams):
        _, stream = await loop.create_connection(
            partial(Stream, request, is_counted=number == 0), "127.0.0.1", asked.port
        )
        streams.append(stream)
    if not all(await asyncio.gather(*(stream.begun for stream in streams))):
        raise RuntimeError("a stream was refused")
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    return {
        "messages": streams[0].messages,
        "bytes": sum(stream.bytes for stream in streams),
        "lost": sum(stream.is_lost for stream in streams),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True, help="user:password")
    parser.add_argument("--streams", type=int, default=100)
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))
