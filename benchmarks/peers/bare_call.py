"""The exchange call alone: how long ``create_order`` of a client library takes, one call after the other, without any server.

``bare_call.py python-binance --seconds 3`` (or ``ccxt``) prints one line of JSON, in microseconds. What a gateway takes above this
is what the gateway costs.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import uvloop

Call = Callable[[], Awaitable[object]]


async def _binance() -> tuple[Call, Call]:
    from fastapi_binance import StubClient

    client = await StubClient.create("bench", "bench-secret")

    async def call() -> object:
        return await client.create_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000.01",
            newClientOrderId=uuid4().hex,
        )  # fmt: skip

    return call, client.close_connection


async def _ccxt() -> tuple[Call, Call]:
    from fastapi_ccxt import exchange

    await exchange.load_markets()

    async def call() -> object:
        return await exchange.create_order(
            "BTC/USDT", "limit", "buy", "0.01", "50000.01", {"newClientOrderId": uuid4().hex}
        )

    return call, exchange.close


async def _run(library: str, seconds: float) -> dict[str, float]:
    call, close = await (_binance() if library == "python-binance" else _ccxt())
    gc.collect()
    gc.freeze()
    for _ in range(200):
        await call()
    latencies: list[int] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter_ns()
        await call()
        latencies.append(time.perf_counter_ns() - started)
    await close()
    latencies.sort()
    return {f"p{percent}": latencies[len(latencies) * percent // 100] / 1000 for percent in (50, 90, 99)}


if __name__ == "__main__":
    assert "STUB_URL" in os.environ
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=["python-binance", "ccxt"])
    parser.add_argument("--seconds", type=float, default=3.0)
    asked = parser.parse_args()
    print(json.dumps(uvloop.run(_run(asked.library, asked.seconds))))
