"""A process that reconciles the accounts and serves no requests: without its web side, the gateway starts in half the time."""

from __future__ import annotations

import asyncio
import signal

from app.bootstrap import build_gateway
from app.clock import SystemClock
from app.logs import configure_logging
from app.settings import load_settings


async def work() -> None:
    """Run until SIGTERM."""
    gateway = build_gateway(load_settings())
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await gateway.start()
    print("ready", flush=True)
    await stopping.wait()
    await gateway.stop()


if __name__ == "__main__":
    configure_logging(SystemClock().now)
    asyncio.run(work())
