"""A running sandbox on loopback, with a clock moved by hand or the machine's own, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal as D
from pathlib import Path

import pytest

from app.clock import Clock, SystemClock
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.limits import Limits
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.futures.client import FuturesClient
from tests.sandbox.raw_client import API_KEY, SECRET, RawClient

ACCOUNT = "alice"

#: So that no test meets them by accident.
ROOMY = Limits(weight=1_000_000, orders_10s=10_000)


@pytest.fixture
def path() -> SteeredPath:
    """A market that stands where the test puts it: BTC at 65,000."""
    path = SteeredPath(1)
    path.prices["BTC-USDT"] = D(65_000)
    path.prices["ETH-USDT"] = D(3_200)
    return path


@pytest.fixture
def exchange(clock: FakeClock, path: SteeredPath, tmp_path: Path) -> Iterator[PaperExchange]:
    """The exchange behind the sandbox whose clock the test moves."""
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'sandbox.db'}", clock=clock, seed=1, path=path)
    yield exchange
    exchange.close()


@pytest.fixture
def futures_exchange(clock: FakeClock, path: SteeredPath, tmp_path: Path) -> Iterator[PaperPerpetualExchange]:
    """The futures exchange beside it."""
    exchange = PaperPerpetualExchange(f"sqlite:///{tmp_path / 'futures.db'}", clock=clock, seed=1, path=path)
    yield exchange
    exchange.close()


@asynccontextmanager
async def serving(
    exchange: PaperExchange, clock: Clock, path: SteeredPath, futures: PaperPerpetualExchange | None = None
) -> AsyncIterator[Sandbox]:
    """A sandbox that runs, with one account."""
    sandbox = Sandbox(exchange, clock, limits=ROOMY, path=path, futures=futures)
    sandbox.keys.add(ACCOUNT, API_KEY, secret=SECRET)
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


@pytest.fixture
async def sandbox(exchange: PaperExchange, clock: FakeClock, path: SteeredPath) -> AsyncIterator[Sandbox]:
    """A sandbox whose time stands still."""
    async with serving(exchange, clock, path) as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox, clock: FakeClock) -> AsyncIterator[RawClient]:
    """A client that signs what it is told to, and knows nothing else."""
    async with RawClient(f"http://{sandbox.url}", clock) as client:
        yield client


@pytest.fixture
async def live_sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox on the machine's clock, for clients that look at their own."""
    clock = SystemClock()
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'live.db'}", clock=clock, seed=1, path=path)
    async with serving(exchange, clock, path) as sandbox:
        yield sandbox
    exchange.close()


@pytest.fixture
async def both_markets(
    exchange: PaperExchange, futures_exchange: PaperPerpetualExchange, clock: FakeClock, path: SteeredPath
) -> AsyncIterator[Sandbox]:
    """A sandbox with futures beside spot, whose time stands still."""
    async with serving(exchange, clock, path, futures_exchange) as sandbox:
        yield sandbox


@pytest.fixture
async def futures(both_markets: Sandbox, clock: FakeClock) -> AsyncIterator[FuturesClient]:
    """A bare client of the futures market."""
    async with FuturesClient(f"http://{both_markets.url}", clock) as client:
        yield client


@pytest.fixture
async def live_futures(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with both markets on the machine's clock, for clients that look at their own."""
    clock = SystemClock()
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'live.db'}", clock=clock, seed=1, path=path)
    futures = PaperPerpetualExchange(f"sqlite:///{tmp_path / 'live-futures.db'}", clock=clock, seed=1, path=path)
    async with serving(exchange, clock, path, futures) as sandbox:
        yield sandbox
    exchange.close()
    futures.close()
