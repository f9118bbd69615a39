"""What the client concludes from the requests of one call: only a call that was one request proves anything."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.common.http import HttpAnswer
from app.domain.errors import ExchangeDown, OrderRefused, Refused
from tests.connectors.ccxt.verbs import order_of
from tests.connectors.ccxt.wired import wired

ORDERS = "https://api.bybit.com/orders"


async def test_a_request_of_another_task_counts_as_sent() -> None:
    """ccxt gathers requests in tasks of their own. What goes wrong after them does not mean that nothing was sent."""
    async with wired(ROWS["bybit"]) as (connector, exchange):
        exchange.answers = [HttpAnswer(200, {}, b'{"retCode": 0}')]
        client = await connector.venue.public_client()

        async def create_order(*_: Any, params: Any) -> Any:
            await asyncio.gather(client.api.fetch(ORDERS, "POST"))
            raise KeyError("what ccxt stumbled over")

        client.api.create_order = create_order
        with pytest.raises(KeyError):
            await client.call("create_order")


async def test_what_fails_before_any_request_is_a_refusal() -> None:
    """Nothing was sent then, whatever the library calls it."""
    async with wired(ROWS["bybit"]) as (connector, _exchange):
        client = await connector.venue.public_client()

        async def create_order(*_: Any, params: Any) -> Any:
            raise KeyError("what ccxt stumbled over")

        client.api.create_order = create_order
        with pytest.raises(OrderRefused, match="nothing was sent"):
            await client.call("create_order")


@pytest.mark.parametrize("second", ["down", "refused"])
async def test_a_second_request_proves_nothing_of_the_first(second: str) -> None:
    """The order was taken, and a question that ccxt puts behind it could not be sent, or was refused: no refusal of the order."""
    taken = HttpAnswer(200, {}, b'{"retCode": 0, "result": {"orderId": "1"}}')
    refused = HttpAnswer(200, {}, b'{"retCode": 110007, "retMsg": "ab not enough for new order"}')
    async with wired(ROWS["bybit"]) as (connector, exchange):
        exchange.answers = [taken, refused]
        send = exchange.send

        async def sending(*arguments: Any) -> HttpAnswer:
            if second == "down" and exchange.requests:
                raise ExchangeDown("Bybit could not be reached; nothing was sent")
            return await send(*arguments)

        exchange.send = sending  # type: ignore[method-assign]
        await connector._pairs()
        await connector.venue.ready_to_sign()
        client = connector.calls.client()

        async def create_order(*_: Any, params: Any) -> Any:
            await client.api.fetch(ORDERS, "POST")
            return await client.api.fetch(ORDERS, "GET")

        client.api.create_order = create_order
        with pytest.raises(Exception) as raised:
            await connector.submit_order(order_of(connector))
        assert not isinstance(raised.value, Refused), raised.value
