"""What the edge's tests share: a gateway that only knows its users, the application around it, and a client."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from app.domain.acting import Acting
from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.errors import NotAuthenticated
from app.web.application import create_app
from tests.web.samples.contract import small_contract

MAX_BODY = 20_000
PASSWORD = "pä:ss word"

#: As cheap as argon2 allows: what is tested is that the hash decides, not what it costs.
_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The part of the settings that the edge reads."""

    max_body: int = MAX_BODY
    cors_origins: tuple[str, ...] = ()
    username: str = "admin"
    password: str | None = None


@dataclass(slots=True, kw_only=True)
class EdgeGateway:
    """A gateway of users and nothing else."""

    settings: EdgeSettings = field(default_factory=EdgeSettings)
    hashes: dict[str, str] = field(default_factory=lambda: {"admin": _HASHER.hash(PASSWORD)})
    calls: list[str] = field(default_factory=list)
    audited: list[AuditRecord] = field(default_factory=list)
    with_codes: set[str] = field(default_factory=set)

    async def start(self) -> None:
        self.calls.append("start")

    def prepare_stop(self) -> None:
        self.calls.append("prepare_stop")

    async def finish_orders(self) -> None:
        self.calls.append("finish_orders")

    async def stop(self) -> None:
        self.calls.append("stop")

    def acting_as(self, acting: Acting) -> EdgeGateway:
        return self

    def check_named(self, arguments: Any) -> None:
        """Nobody is bounded."""

    async def caller_of(self, username: str) -> Caller | None:
        return Caller(name=username)

    def needs_code(self, username: str) -> bool:
        return username in self.with_codes

    async def caller_with(self, secret: str, address: str) -> Caller:
        raise NotAuthenticated("Incorrect username or password")

    async def caller_in(self, session: str) -> Caller:
        raise NotAuthenticated("The session has ended")

    async def ended(self, caller: Caller) -> None:
        await asyncio.Event().wait()

    async def audit(self, record: AuditRecord) -> None:
        self.audited.append(record)

    async def password_hash(self, username: str) -> str | None:
        self.calls.append("password_hash")
        return self.hashes.get(username)


def basic(username: str, password: str) -> str:
    """The value of an ``Authorization`` header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def client_of(app: ASGIApp, **headers: str) -> httpx.AsyncClient:
    """A client that talks to ``app`` in process."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


@pytest.fixture(scope="session")
def gateway() -> EdgeGateway:
    return EdgeGateway()


@pytest.fixture(scope="session")
def app(gateway: EdgeGateway) -> Any:
    return create_app(gateway, spec=small_contract(), handlers="tests.web.samples")


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the right credentials."""
    async with client_of(app, Authorization=basic("admin", PASSWORD)) as client:
        yield client


@pytest.fixture
async def stranger(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    async with client_of(app) as client:
        yield client
