"""A load generator that is not the bottleneck: raw keep-alive connections in a closed loop, one request at a time on each.

Prints one line of JSON: orders per second, latencies in microseconds, and the number of answers by status code.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

import uvloop

_BODY = (
    b'{"account_name":"master_account","connector_name":"%b","trading_pair":"BTC-USDT","trade_type":"BUY",'
    b'"amount":"0.01","order_type":"LIMIT","price":"50000.01","position_action":"OPEN"}'
)


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next until there is enough."""

    def __init__(
        self, request: bytes, is_enough: Callable[[], bool], latencies: list[int], statuses: Counter[int]
    ) -> None:
        self._request = request
        self._is_enough = is_enough
        self._latencies = latencies
        self._statuses = statuses
        self._buffer = b""
        self._sent = 0
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of asyncio's class, but are not of it.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        self._latencies.append(time.perf_counter_ns() - self._sent)
        self._statuses[int(self._buffer[9:12])] += 1
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        if self._is_enough():
            self._transport.close()
            return
        self._sent = time.perf_counter_ns()
        self._transport.write(self._request)


def _request(asked: argparse.Namespace) -> bytes:
    body = asked.body.encode() if asked.body else _BODY % asked.connector.encode()
    credentials = base64.b64encode(asked.user.encode())
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %b\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (asked.path.encode(), credentials, len(body), body)
    )


async def _run(asked: argparse.Namespace) -> dict[str, object]:
    latencies: list[int] = []
    statuses: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    request = _request(asked)
    started, cpu_before = time.perf_counter(), time.process_time()
    until = started + asked.seconds
    # The other connections' last answers are counted too.
    target = asked.orders - asked.concurrency + 1

    def is_enough() -> bool:
        return bool(len(latencies) >= target if asked.orders else time.perf_counter() >= until)

    callers = []
    for _ in range(asked.concurrency):
        _, caller = await loop.create_connection(
            lambda: Caller(request, is_enough, latencies, statuses), "127.0.0.1", asked.port
        )
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    elapsed, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_before
    latencies.sort()
    return {
        "orders_per_second": len(latencies) / elapsed,
        "p50": _percentile(latencies, 50),
        "p90": _percentile(latencies, 90),
        "p99": _percentile(latencies, 99),
        "max": latencies[-1] / 1000 if latencies else None,
        "orders": len(latencies),
        "seconds": elapsed,
        "cpu_seconds": cpu_seconds,
        "statuses": dict(statuses),
    }


def _percentile(latencies: list[int], percent: int) -> float | None:
    return latencies[min(len(latencies) - 1, len(latencies) * percent // 100)] / 1000 if latencies else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/trading/orders")
    parser.add_argument("--user", required=True, help="user:password")
    parser.add_argument("--connector", default="binance")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--orders", type=int, default=0, help="a number of orders instead of a time")
    parser.add_argument("--body", default="", help="another body than an order")
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))
