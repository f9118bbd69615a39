"""A gateway with accounts on the paper exchange and on a stand-in for Binance; a test module may have a gateway of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from tests.clock import FakeClock
from tests.connectors.stub import StubExchange
from tests.gateways import opened_gateway
from tests.services.binance_stub import CREDENTIALS, running_stub, urls


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    """A stand-in for Binance."""
    async with running_stub() as stub:
        yield stub


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, stub: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway with a small paper account, and one on the stand-in: 2 BTC at 100 and 50 USDT. What a test patches stays so until
    the gateway has stopped.
    """
    async with opened_gateway(
        tmp_path, sqlite_template, clock, connector_urls=urls(stub), exchange_timeout=timedelta(seconds=4)
    ) as gateway:
        gateway.accounts.add_account("second")
        await gateway.accounts.add_credential(AccountKey("second", "paper"), {"starting_balances": "USDT:1000,BTC:0.5"})
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)
        stub.requests.clear()
        yield gateway
