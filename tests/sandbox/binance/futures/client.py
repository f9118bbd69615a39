"""The bare client on the futures market."""

from __future__ import annotations

from typing import Any

from tests.sandbox.binance.client import MARKET, RESTING, RawClient, Reply


class FuturesClient(RawClient):
    """One API key on the futures market of one sandbox."""

    async def place(self, **terms: Any) -> Reply:
        """A resting order, or what ``terms`` make of it; None leaves a parameter out."""
        asked = {name: value for name, value in (RESTING | terms).items() if value is not None}
        return await self.signed("POST", "/fapi/v1/order", **asked)

    async def trade(self, **terms: Any) -> Any:
        """A market order; its result."""
        reply = await self.signed("POST", "/fapi/v1/order", **(MARKET | {"newOrderRespType": "RESULT"} | terms))
        assert reply.status == 200, reply.text
        return reply.json

    async def ask(self, name: str, **parameters: Any) -> Any:
        """The answer to a signed question; ``name`` begins with the version."""
        reply = await self.signed("GET", f"/fapi/{name}", **parameters)
        assert reply.status == 200, reply.text
        return reply.json

    async def change(self, name: str, **parameters: Any) -> Reply:
        return await self.signed("POST", f"/fapi/v1/{name}", **parameters)

    async def listen_key(self, method: str = "POST") -> Reply:
        return await self.send(method, "/fapi/v1/listenKey")
