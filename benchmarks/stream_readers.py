"""Reads many open event streams as fast as they come, and reports how much came.

Prints ``ready`` when every stream has begun; stops at the end of its standard input and prints one line of JSON. With ``--since``
every stream counts; a number on standard input is the last event of the journal then, and what comes up to it is waited for.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import time
from functools import partial
from typing import cast

import uvloop

_MESSAGE = b"\nevent: "
#: Seconds in which the last events must come.
_PATIENCE = 120


class Stream(asyncio.Protocol):
    """One open stream. Counting ``messages`` on all of them is a load of its own."""

    def __init__(self, request: bytes, *, is_counted: bool) -> None:
        self._request = request
        self._is_counted = is_counted
        self.begun = asyncio.get_running_loop().create_future()
        self.is_lost = False
        self.bytes = 0
        self.messages = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of asyncio's class, but are not of it.
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            self.begun.set_result(data.startswith(b"HTTP/1.1 200"))
        self.bytes += len(data)
        if self._is_counted:
            # A message may begin in one piece and end in the next.
            data = self._rest + data
            self.messages += data.count(_MESSAGE)
            self._rest = data[1 - len(_MESSAGE) :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self.begun.done():
            self.begun.set_result(False)


async def _run(asked: argparse.Namespace) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    credentials = base64.b64encode(asked.user.encode())
    path = "/trading/events" if asked.since is None else f"/trading/events?since={asked.since}"
    request = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %b\r\n\r\n" % (path.encode(), credentials)
    streams = []
    for number in range(asked.streams):
        _, stream = await loop.create_connection(
            partial(Stream, request, is_counted=number == 0 or asked.since is not None), "127.0.0.1", asked.port
        )
        streams.append(stream)
    if not all(await asyncio.gather(*(stream.begun for stream in streams))):
        raise RuntimeError("a stream was refused")
    print("ready", flush=True)
    head = await loop.run_in_executor(None, sys.stdin.readline)
    if head.strip():
        deadline = time.monotonic() + _PATIENCE
        wanted = int(head) - asked.since
        while any(each.messages < wanted for each in streams) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is counted
            await asyncio.sleep(0.05)
    return {
        "messages": streams[0].messages,
        "fewest": min(stream.messages for stream in streams),
        "most": max(stream.messages for stream in streams),
        "bytes": sum(stream.bytes for stream in streams),
        "lost": sum(stream.is_lost for stream in streams),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True, help="user:password")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--since", type=int, help="the event after which all streams begin")
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))
