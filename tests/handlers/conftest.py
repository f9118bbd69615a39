"""The real application around a real gateway on SQLite, and a client of it.

Building the application takes a second, so there is one for all tests, and each test puts its own gateway behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from app.bootstrap import build_gateway
from app.services.gateway import Gateway
from app.settings import Settings
from app.web.application import create_app
from tests.clock import FakeClock
from tests.connectors.stub import StubExchange
from tests.gateways import opened_gateway
from tests.services.binance_stub import running_stub, urls
from tests.web.conftest import basic, client_of

PASSWORD = "a password"
#: As cheap as argon2 allows; what is tested is behind the door.
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


class CurrentGateway:
    """Stands for the gateway of the test that is running."""

    gateway: Gateway | None = None

    async def password_hash(self, username: str) -> str | None:
        """The only user's."""
        return _HASH if username == "admin" else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.gateway, name)


@pytest.fixture(scope="session")
def current() -> CurrentGateway:
    return CurrentGateway()


@pytest.fixture(scope="session")
def application(current: CurrentGateway, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application of all tests."""
    directory = tmp_path_factory.mktemp("application")
    current.gateway = build_gateway(Settings(database_url=f"sqlite:///{directory / 'unused.db'}", data_dir=directory))
    return create_app(current)


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    """A stand-in for Binance."""
    async with running_stub() as stub:
        yield stub


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, stub: StubExchange
) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the stand-in."""
    async with opened_gateway(tmp_path, sqlite_template, clock, connector_urls=urls(stub)) as gateway:
        yield gateway


@pytest.fixture
async def client(application: Any, current: CurrentGateway, gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with the right password."""
    current.gateway = gateway
    async with client_of(application, Authorization=basic("admin", PASSWORD)) as client:
        yield client
