"""The real server on a free port, once a module, beside a local Binance, and the official client of hummingbot-api on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hummingbot_api_client import HummingbotAPIClient

from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready

#: The key of the sandbox's first account.
BINANCE_KEYS = {"binance_api_key": "sandbox-key", "binance_api_secret": "sandbox-secret"}


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own for one module of tests. Its Binance is the sandbox."""
    directory: Path = tmp_path_factory.mktemp("server")
    port, sandbox_port = free_port(), free_port()
    rest = f"http://127.0.0.1:{sandbox_port}"
    settings = environment(
        directory / "data",
        port,
        ORDERGATE_BINANCE_REST_URL=f"{rest}/api",
        ORDERGATE_BINANCE_WS_API_URL=f"ws://127.0.0.1:{sandbox_port}/ws-api/v3",
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
