"""Running sandboxes on loopback, on the test's clock or the system's, and clients for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal as D
from pathlib import Path

import pytest

from app.clock import Clock, SystemClock
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.binance.limits import Limits
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import API_KEY, SECRET, RawClient
from tests.sandbox.binance.futures.client import FuturesClient

ACCOUNT = "alice"

#: High enough that no test reaches them by accident.
HIGH_LIMITS = Limits(weight=1_000_000, orders_10s=10_000)


@pytest.fixture
def path() -> SteeredPath:
    """A market at the test's prices: BTC at 65,000, ETH at 3,200."""
    path = SteeredPath(1)
    path.prices["BTC-USDT"] = D(65_000)
    path.prices["ETH-USDT"] = D(3_200)
    return path


@pytest.fixture
def exchange(clock: FakeClock, path: SteeredPath, tmp_path: Path) -> Iterator[PaperExchange]:
    """The exchange behind the sandbox, on the test's clock."""
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
    exchange: PaperExchange,
    clock: Clock,
    path: SteeredPath,
    futures: PaperPerpetualExchange | None = None,
    protocol: str = "binance",
) -> AsyncIterator[Sandbox]:
    """A running sandbox with one account."""
    sandbox = Sandbox(exchange, clock, limits=HIGH_LIMITS, path=path, futures=futures, protocol=protocol)
    sandbox.keys.add(ACCOUNT, API_KEY, secret=SECRET)
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


@pytest.fixture
async def sandbox(exchange: PaperExchange, clock: FakeClock, path: SteeredPath) -> AsyncIterator[Sandbox]:
    """A sandbox on the test's clock."""
    async with serving(exchange, clock, path) as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox, clock: FakeClock) -> AsyncIterator[RawClient]:
    """A client that signs exactly what a test says."""
    async with RawClient(f"http://{sandbox.url}", clock) as client:
        yield client


@asynccontextmanager
async def serving_live(
    path: SteeredPath, directory: Path, *, has_futures: bool, protocol: str = "binance"
) -> AsyncIterator[Sandbox]:
    """A sandbox on the system clock, for clients that read it themselves."""
    clock = SystemClock()
    with ExitStack() as exchanges:
        exchange = PaperExchange(f"sqlite:///{directory / 'live.db'}", clock=clock, seed=1, path=path)
        exchanges.callback(exchange.close)
        futures = None
        if has_futures:
            url = f"sqlite:///{directory / 'live-futures.db'}"
            futures = PaperPerpetualExchange(url, clock=clock, seed=1, path=path)
            exchanges.callback(futures.close)
        async with serving(exchange, clock, path, futures, protocol) as sandbox:
            yield sandbox


@pytest.fixture
async def live_sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with the spot market on the system clock."""
    async with serving_live(path, tmp_path, has_futures=False) as sandbox:
        yield sandbox


@pytest.fixture
async def both_markets(
    exchange: PaperExchange, futures_exchange: PaperPerpetualExchange, clock: FakeClock, path: SteeredPath
) -> AsyncIterator[Sandbox]:
    """A sandbox with both markets, on the test's clock."""
    async with serving(exchange, clock, path, futures_exchange) as sandbox:
        yield sandbox


@pytest.fixture
async def futures(both_markets: Sandbox, clock: FakeClock) -> AsyncIterator[FuturesClient]:
    """A bare client of the futures market."""
    async with FuturesClient(f"http://{both_markets.url}", clock) as client:
        yield client


@pytest.fixture
async def live_futures(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with both markets on the system clock."""
    async with serving_live(path, tmp_path, has_futures=True) as sandbox:
        yield sandbox


@pytest.fixture
def quick_sdk_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-binance's sockets check every two seconds, not ten, whether they were closed."""
    monkeypatch.setattr("binance.ws.reconnecting_websocket.ReconnectingWebsocket.TIMEOUT", 2)
