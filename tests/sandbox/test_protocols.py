"""What holds for every protocol that the sandbox speaks."""

from __future__ import annotations

import httpx
import pytest

from app.connectors.registry import check_addresses
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox import PROTOCOLS
from app.sandbox.server import Sandbox
from app.settings import Settings
from tests.clock import FakeClock


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_it_is_served_and_says_how_the_gateway_comes_there(
    protocol: str, exchange: PaperExchange, futures_exchange: PaperPerpetualExchange, clock: FakeClock
) -> None:
    """The gateway takes every setting that is named; the operator's routes are there; an unknown path is named."""
    sandbox = Sandbox(exchange, clock, futures=futures_exchange, protocol=protocol)
    await sandbox.start()
    try:
        check_addresses(Settings(database_url="sqlite://", connector_urls=dict(sandbox.addresses)))
        async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
            truth = (await client.get("/sandbox/truth")).json()
            assert truth["accounts"] == truth.get("futures", truth)["accounts"] == []
            unknown = await client.get("/no/such/path")
        assert unknown.status_code == 404
        assert "/no/such/path" in unknown.text
    finally:
        await sandbox.stop()
