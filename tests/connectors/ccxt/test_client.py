"""What the client concludes from the requests of one call: only a call that was one request proves anything."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.common.http import HttpAnswer
from app.connectors.common.sending import SENDING, Sending
from app.domain.errors import ExchangeDown, OrderRefused, Refused
from tests.connectors.ccxt.verbs import order_of, orders_of
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


@pytest.mark.parametrize("verb", ["limit", "market_buy", "cancel"])
@pytest.mark.parametrize("requests", [1, 2])
async def test_a_call_that_is_given_up_is_judged_by_all_its_requests(verb: str, requests: int) -> None:
    """Its last request waits for a connection when the caller's time is over: nothing was sent if that is the order's own, and
    nobody knows if one before it was taken. A MARKET order to buy is in the quote currency here.
    """
    async with wired(ROWS["bitget"]) as (connector, exchange):
        call = orders_of(connector)[verb]
        await connector._pairs()
        await connector.venue.ready_to_sign()
        client, is_waiting = connector.calls.client(), asyncio.Event()

        async def send(*arguments: Any) -> HttpAnswer:
            exchange.requests.append(arguments)  # type: ignore[arg-type]
            if len(exchange.requests) < requests:
                SENDING.set(Sending(check=None, has_connection=True))
                return HttpAnswer(200, {}, b'{"code": "00000", "data": {"orderId": "1"}}')
            SENDING.set(Sending(check=None, has_connection=False))
            is_waiting.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def several(*_: Any, params: Any) -> Any:
            for _ in range(requests):
                await client.api.fetch("https://api.bitget.com/x", "POST")

        exchange.send = send  # type: ignore[method-assign]
        client.api.create_order = client.api.cancel_order = several
        task = asyncio.ensure_future(call())
        await is_waiting.wait()
        task.cancel()
        with pytest.raises(ExchangeDown if requests == 1 else asyncio.CancelledError):
            await task
