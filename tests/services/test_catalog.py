"""What there is and whether it is well: an exchange that is down is named, and stops nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from app.bootstrap import build_gateway
from app.domain.errors import ExchangeDown
from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.settings import Settings
from app.vault import Vault
from tests.clock import FakeClock
from tests.connectors.stub import StubExchange, error
from tests.gateways import SECRET_KEY, opened_gateway
from tests.services.binance_stub import CREDENTIALS, running_stub, urls


def with_credentials(gateway: Gateway) -> None:
    """The master account has keys for Binance, from an earlier day on which it could be reached."""
    sealed = Vault(SECRET_KEY).seal(MASTER_ACCOUNT, "binance", CREDENTIALS)
    gateway.journal.accounts.put_credential(MASTER_ACCOUNT, "binance", sealed)


async def readiness_of(gateway: Gateway) -> str:
    """What readiness says of Binance, a second after it was last asked."""
    assert isinstance(gateway.clock, FakeClock)
    gateway.clock.advance(1)
    journal, connectors = await gateway.catalog.problems()
    assert (journal, connectors["paper"]) == (None, None)
    return connectors["binance"] or "ready"


async def test_an_exchange_that_is_down_at_start_up_is_named_and_stops_nothing(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> None:
    """The server starts, serves the other exchanges, and readiness says which connector is not ready and why."""
    async with running_stub() as stub:
        async with opened_gateway(tmp_path, sqlite_template, clock) as earlier:
            with_credentials(earlier)
        gateway = build_gateway(_settings(tmp_path, stub), clock=clock)
        stub.stop_listening()
        await gateway.start()
        try:
            while (told := await readiness_of(gateway)) == "ready":
                clock.advance(0.5)
                await asyncio.sleep(0.002)
            assert "Binance could not be reached" in told
            assert "BTC-USDT" in await gateway.catalog.trading_rules("paper")
        finally:
            await gateway.stop()


async def test_an_exchange_that_came_back_is_ready(tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> None:
    """Not having been used is not a problem; one that use found out is gone when use finds the exchange well."""
    async with (
        running_stub() as stub,
        opened_gateway(tmp_path, sqlite_template, clock, connector_urls=urls(stub)) as gateway,
    ):
        with_credentials(gateway)
        assert await readiness_of(gateway) == "ready"
        connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))
        path = ("GET", "/api/v3/exchangeInfo")
        stub.script(*path, error(503, -1008, "Closed for repairs."), stub.scripted(*path))
        with pytest.raises(ExchangeDown):
            await connector.load_trading_rules()
        assert "Closed for repairs." in await readiness_of(gateway)
        await connector.load_trading_rules()
        assert await readiness_of(gateway) == "ready"


def _settings(directory: Path, stub: StubExchange) -> Settings:
    return Settings(
        database_url=f"sqlite:///{directory / 'ordergate.db'}",
        data_dir=directory,
        secret_key=SECRET_KEY,
        connector_urls=urls(stub),
        exchange_timeout=timedelta(seconds=4),
        shutdown_timeout=timedelta(seconds=1),
    )


async def test_readiness_is_looked_at_once_a_second(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask, as often as they like, and all get the same answer; a second later it is a new one."""
    async with opened_gateway(tmp_path, sqlite_template, clock) as gateway:
        looked: list[None] = []
        problem = gateway.journal.problem

        async def counted() -> str | None:
            looked.append(None)
            return await problem()

        monkeypatch.setattr(gateway.journal, "problem", counted)
        answers = await asyncio.gather(*(gateway.catalog.problems() for _ in range(100)))
        answers += [await gateway.catalog.problems() for _ in range(100)]
        assert len(looked) == 1
        assert all(answer == answers[0] for answer in answers)
        clock.advance(1)
        await gateway.catalog.problems()
        assert len(looked) == 2
