"""What fails before the first byte of an order is a refusal; once a byte may have left, it is a doubt."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from app.connectors.base import SENDING_CHECK, Connector
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.domain.errors import ExchangeDown
from app.domain.order import Order
from tests.connectors.binance.conftest import SERVER_MS, context, payload, settings
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import HANG, Reply, Request, StubExchange, reply
from tests.services.world import until

OrderOf = Callable[..., Order]
SPOT_ORDER = ("POST", "/api/v3/order")
PERPETUAL_ORDER = ("POST", "/fapi/v1/order")
#: What an exchange that does not answer gets in these tests; it never does.
PATIENCE = 0.2


async def limited(connector: Connector, order: Order) -> None:
    """Submit as the order path does, within a time limit."""
    async with asyncio.timeout(PATIENCE):
        await connector.submit_order(order)


async def test_a_time_out_while_the_clock_is_asked(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The order was not sent, and neither was the cancel."""
    exchange.script("GET", "/api/v3/time", HANG)
    order = order_of()
    with pytest.raises(ExchangeDown, match=r"clock.*no answer in time.*nothing was sent") as raised:
        await limited(spot, order)
    assert raised.value.retryable
    with pytest.raises(ExchangeDown, match="nothing was sent"):
        async with asyncio.timeout(PATIENCE):
            await spot.cancel_order(order.ref)
    assert not exchange.asked(*SPOT_ORDER)
    assert not exchange.asked("DELETE", "/api/v3/order")


async def test_a_time_out_while_the_position_mode_is_asked(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The same, and the next order asks again."""
    exchange.script("GET", "/fapi/v1/positionSide/dual", HANG)
    with pytest.raises(ExchangeDown, match=r"no answer in time.*nothing was sent"):
        await limited(perpetual, order_of())
    assert not exchange.asked(*PERPETUAL_ORDER)


async def test_a_time_out_while_connecting(clock: HandClock, order_of: OrderOf) -> None:
    """A host that takes the connection and never says hello in TLS has read nothing of the order."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        its_settings = settings(f"https://127.0.0.1:{silent.getsockname()[1]}")
        venue = await BinanceConnector.open_venue(its_settings, clock)
        venue.server_clock.set(SERVER_MS, asked_ms=0, answered_ms=0)
        venue._time.put(0)
        await venue.public_client()
        spot = BinanceConnector(context("binance", venue, clock))
        with pytest.raises(ExchangeDown, match=r"no answer in time.*nothing was sent"):
            await limited(spot, order_of())
        await spot.close()
        await venue.close()


@pytest.mark.parametrize("closes", ["venue", "connector"])
async def test_closed_while_an_order_waits_for_the_clock(
    closes: str, spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The order ends as a refusal that says so, not as a cancellation that leaves it pending."""
    exchange.script("GET", "/api/v3/time", HANG)
    placing = asyncio.create_task(spot.submit_order(order_of()))
    await until(lambda: bool(exchange.asked("GET", "/api/v3/time")))
    if closes == "connector":
        await spot.close()
    await spot.venue.close()
    with pytest.raises(ExchangeDown, match="closed; nothing was sent"):
        await placing
    assert not exchange.asked(*SPOT_ORDER)


async def test_what_breaks_in_our_own_code_before_the_call(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, no byte has left."""

    async def broken(_: Order) -> dict[str, str]:
        raise ZeroDivisionError("of our own")

    monkeypatch.setattr(perpetual, "_order_terms", broken)
    with pytest.raises(ExchangeDown, match=r"ZeroDivisionError: of our own.*nothing was sent"):
        await perpetual.submit_order(order_of())
    assert not exchange.asked(*PERPETUAL_ORDER)


async def test_once_a_byte_may_have_left_it_is_a_doubt(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A call that is broken off after the request was written proves nothing, and is no refusal."""
    exchange.script(*SPOT_ORDER, HANG)
    placing = asyncio.create_task(spot.submit_order(order_of()))
    await until(lambda: bool(exchange.asked(*SPOT_ORDER)))
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing


@pytest.mark.parametrize("kept", [False, True], ids=["a new connection", "a kept connection"])
@pytest.mark.parametrize("verb", ["place", "cancel"])
async def test_what_is_late_when_its_first_byte_would_leave_stays(
    verb: str, kept: bool, spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The process was suspended while the clock of the exchange was read, its timers with it: the deadline is looked at again."""
    is_late = False

    def late(_: Request) -> Reply:
        nonlocal is_late
        is_late = True
        return reply({"serverTime": SERVER_MS})

    def check() -> None:
        if is_late:
            raise ExchangeDown("too late")

    order = order_of()
    if kept:
        exchange.script("GET", "/api/v3/order", reply(payload("spot_rest", "query")))
        assert await spot.fetch_order(order.ref) is not None
    exchange.script("GET", "/api/v3/time", late)
    await spot.venue.distrust_clock()
    SENDING_CHECK.set(check)
    with pytest.raises(ExchangeDown, match="too late"):
        await (spot.submit_order(order) if verb == "place" else spot.cancel_order(order.ref))
    assert not exchange.asked(*SPOT_ORDER)
    assert not exchange.asked("DELETE", "/api/v3/order")
    # The connection that it had is good for the next call.
    is_late = False
    exchange.script(*SPOT_ORDER, reply(payload("spot_rest", "full")))
    await spot.submit_order(order)
    assert len(exchange.asked(*SPOT_ORDER)) == 1
