"""The real server on a free port, once a module, beside a local Binance, and the official client of hummingbot-api on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hummingbot_api_client import HummingbotAPIClient, SyncHummingbotAPIClient

from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready

#: The key of the sandbox's first account, by connector.
BINANCE_KEYS = {
    name: {f"{name}_api_key": "sandbox-key", f"{name}_api_secret": "sandbox-secret"}
    for name in ("binance", "binance_perpetual")
}


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for one module of tests. Its Binance is the sandbox."""
    directory: Path = tmp_path_factory.mktemp("server")
    port, sandbox_port = free_port(), free_port()
    rest = f"http://127.0.0.1:{sandbox_port}"
    settings = environment(
        directory / "data",
        port,
        ORDERGATE_BINANCE_REST_URL=f"{rest}/api",
        ORDERGATE_BINANCE_WS_API_URL=f"ws://127.0.0.1:{sandbox_port}/ws-api/v3",
        ORDERGATE_BINANCE_PERPETUAL_REST_URL=f"{rest}/fapi",
        ORDERGATE_BINANCE_PERPETUAL_STREAM_URL=f"ws://127.0.0.1:{sandbox_port}/",
    )
    sandbox = Process(["-m", "app", "sandbox", "--port", str(sandbox_port)], settings, directory / "sandbox.log")
    server = Process(["-m", "app", "serve"], settings, directory / "server.log")
    sandbox.start()
    server.start()
    try:
        wait_until_ready(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        sandbox.kill()


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[HummingbotAPIClient]:
    """The official client, signed in."""
    async with HummingbotAPIClient(server_url, "admin", PASSWORD) as client:
        yield client


@pytest.fixture(scope="module")
def binance_keys(server_url: str) -> None:
    """The master account has keys for the local Binance."""
    with SyncHummingbotAPIClient(server_url, "admin", PASSWORD) as client:
        for connector_name, keys in BINANCE_KEYS.items():
            client.accounts.add_credential("master_account", connector_name, keys)


@pytest.fixture(params=["paper", "binance"])
def connector(request: pytest.FixtureRequest) -> str:
    """Each spot connector in turn."""
    return str(request.param)


@pytest.fixture(params=["paper_perpetual", "binance_perpetual"])
def perpetual(request: pytest.FixtureRequest) -> str:
    """Each perpetual connector in turn."""
    return str(request.param)
