"""The real server on a free port, once a module, and the official client of hummingbot-api on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hummingbot_api_client import HummingbotAPIClient

from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own for one module of tests."""
    directory: Path = tmp_path_factory.mktemp("server")
    port = free_port()
    server = Process(["-m", "app", "serve"], environment(directory / "data", port), directory / "server.log")
    server.start()
    try:
        wait_until_ready(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[HummingbotAPIClient]:
    """The official client, signed in."""
    async with HummingbotAPIClient(server_url, "admin", PASSWORD) as client:
        yield client
