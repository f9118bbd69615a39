"""What ``kraken`` does about Kraken's own ways, on the local exchange: nonces, lists in pages, fees in quote."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal as D

import httpx
import pytest

from app.domain.enums import OrderType, TradeType
from app.domain.errors import ClockRefused, ExchangeDown, ExchangeReadFailed, OrderRefused, RateLimited, Refused
from app.paper.orders import NewOrder
from app.sandbox.faults import FaultKind, FaultRule
from tests.connectors.ccxt.dialect import ACCOUNT, API_KEY, KrakenDialect
from tests.connectors.conformance import PATIENCE, Bench, bench_over

#: More than a list of Kraken's holds at once.
_MANY = 70


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with bench_over(KrakenDialect()) as bench:
        yield bench


async def trade_much(bench: Bench) -> None:
    """Another program of the account trades, so that lists are longer than a page."""
    assert isinstance(bench.dialect, KrakenDialect)
    for number in range(_MANY):
        bench.dialect.spot.place(
            NewOrder(
                account=ACCOUNT,
                client_order_id=f"another-{number}",
                trading_pair=bench.dialect.pair,
                trade_type=TradeType.BUY,
                order_type=OrderType.MARKET,
                amount=D("0.001"),
            )
        )


async def test_nonces_rise_whatever_is_sent_at_once(bench: Bench) -> None:
    """Requests of one key, and of two connectors with one key, leave one after another: none is refused for its nonce."""
    other = bench.dialect.connect()
    orders = [await bench.resting(amount=D("0.001")) for _ in range(16)]
    connectors = [bench.connector, other]
    await asyncio.gather(*(connectors[index % 2].submit_order(order) for index, order in enumerate(orders)))
    await asyncio.gather(*(each.fetch_open_orders() for each in connectors * 4))
    assert len(await other.fetch_open_orders()) == len(orders)
    await other.close()


async def test_a_nonce_that_was_used_is_a_refusal_that_passes(bench: Bench) -> None:
    """Another program with the key may have used a higher one; nothing was placed."""
    assert isinstance(bench.dialect, KrakenDialect)
    order = await bench.resting()
    await bench.connector.submit_order(await bench.resting())
    path, form = "/0/private/BalanceEx", b"nonce=9000000000000000"
    signed = path.encode() + hashlib.sha256(b"9000000000000000" + form).digest()
    stamp = b64encode(hmac.digest(b64decode(bench.dialect.secret), signed, "sha512")).decode()
    async with httpx.AsyncClient(base_url=bench.dialect.sandbox.base_url) as another:
        headers = {"API-Key": API_KEY, "API-Sign": stamp, "Content-Type": "application/x-www-form-urlencoded"}
        assert (await another.post(path, content=form, headers=headers)).json()["error"] == []
    with pytest.raises(ClockRefused):
        await bench.connector.submit_order(order)
    assert bench.dialect.orders_named(order.order_id) == 0


async def test_two_processes_with_one_key_are_refused_for_a_moment_at_worst(bench: Bench) -> None:
    """Whoever is behind is told that its order was not placed and may be sent again; a moment later it is placed, once."""
    dialect = bench.dialect
    assert isinstance(dialect, KrakenDialect)
    venue, ours = dialect.venue, bench.connector
    dialect.venue = await ours.open_venue(dialect.settings, dialect.clock)
    other = dialect.connect()
    orders = [await bench.resting(amount=D("0.001")) for _ in range(16)]
    refused = []

    async def submit(index: int) -> None:
        try:
            await (ours, other)[index % 2].submit_order(orders[index])
        except ClockRefused:
            refused.append(index)

    await asyncio.gather(*map(submit, range(len(orders))))
    assert refused
    assert [dialect.orders_named(order.order_id) for order in orders] == [
        int(index not in refused) for index in range(len(orders))
    ]
    again, refused = refused, []
    for index in again:
        dialect.clock.advance(1)
        await submit(index)
    assert refused == []
    assert {dialect.orders_named(order.order_id) for order in orders} == {1}
    await other.close()
    await other.close_venue(dialect.venue)
    dialect.venue = venue


@pytest.mark.parametrize("kind", [FaultKind.ACCEPT_RESET, FaultKind.ACCEPT_OVERLOADED, FaultKind.GARBLE_ERROR])
async def test_after_a_lost_answer_the_order_is_found_in_the_lists(bench: Bench, kind: FaultKind) -> None:
    """Open or done, and behind more orders than a list holds."""
    assert isinstance(bench.dialect, KrakenDialect)
    for order in (await bench.resting(), bench.order()):
        bench.dialect.sandbox.faults.set(1, [FaultRule(kind=kind, routes=("place",), times=1)])
        with pytest.raises(Exception) as raised:
            await bench.connector.submit_order(order)
        assert not isinstance(raised.value, Refused)
        await trade_much(bench)
        report = await bench.connector.fetch_order(order.ref)
        assert report is not None
        assert report.state == ("open" if order.price else "filled")
        fills = await bench.connector.fetch_fills(order.ref)
        assert sum(fill.amount for fill in fills) == (0 if order.price else order.amount)


async def test_an_order_that_never_arrived_is_denied_by_whole_lists(bench: Bench) -> None:
    """All pages are read before the order is said not to be there."""
    order = await bench.resting()
    await trade_much(bench)
    before = bench.dialect.requests()
    assert await bench.connector.fetch_order(order.ref) is None
    assert bench.dialect.requests() - before >= 2 + 1 + 2


async def test_fees_are_in_quote_and_errors_known(bench: Bench) -> None:
    """As Kraken tells them; an error that ccxt lacks is the exchange's refusal."""
    order = bench.order()
    await bench.connector.submit_order(order)
    fills = await bench.connector.fetch_fills(order.ref)
    assert {fill.fee_currency for fill in fills} == {"USDT"}
    assert all(fill.fee == fill.amount * fill.price * D("0.001") for fill in fills)
    tiny = await bench.resting(amount=D("0.00001"))
    with pytest.raises(OrderRefused) as refusal:
        await bench.connector.submit_order(tiny)
    assert refusal.value.exchange_code == "EOrder:Cost minimum not met"


async def test_an_order_comes_under_the_other_name_of_its_pair(bench: Bench) -> None:
    """Kraken lists ETH-BTC as XETHXXBT and names it ETHXBT in orders. The first connector was there before the markets."""
    order = bench.order(trading_pair="ETH-BTC", price=D("0.01"), amount=D("0.5"))
    await bench.connector.submit_order(order)
    for found in (await bench.connector.fetch_order(order.ref), *await bench.connector.fetch_open_orders()):
        assert found is not None
        assert (found.trading_pair, found.amount) == ("ETH-BTC", order.amount)


async def test_the_countdown_cancels_every_order_of_the_account_and_never_too_early(bench: Bench) -> None:
    """Kraken counts whole seconds, so that it may come a moment later; another pair goes as well."""
    connector, clock = bench.connector, bench.dialect.clock
    price = await bench.on_tick(await bench.mid() * D("0.9"))
    for terms in ({}, {"trading_pair": "ETH-USDT", "price": D(1_000), "amount": D("0.1")}):
        await connector.submit_order(bench.order(**({"price": price} | terms)))
    await connector.set_countdown("*", clock.now() + timedelta(seconds=9))
    await connector.set_countdown("*", clock.now() + timedelta(seconds=29.5))
    await asyncio.sleep(0)
    clock.advance(29.5)
    assert len(await connector.fetch_open_orders()) == 2
    clock.advance(0.5)
    async with asyncio.timeout(PATIENCE):
        while await connector.fetch_open_orders():
            pass


async def test_a_countdown_that_is_ended_cancels_nothing(bench: Bench) -> None:
    """And one whose time is over is not sent."""
    connector, clock = bench.connector, bench.dialect.clock
    await connector.submit_order(await bench.resting())
    with pytest.raises(ExchangeDown, match="its time was over"):
        await connector.set_countdown("*", clock.now())
    await connector.set_countdown("*", clock.now() + timedelta(seconds=5))
    await connector.set_countdown("*", None)
    clock.advance(3_600)
    assert len(await connector.fetch_open_orders()) == 1


async def test_whether_a_countdown_was_taken_is_told(bench: Bench) -> None:
    """A refusal is one, and what was not answered is not known."""
    assert isinstance(bench.dialect, KrakenDialect)
    faults, until = bench.dialect.sandbox.faults, bench.dialect.clock.now() + timedelta(seconds=30)
    for kind, error in ((FaultKind.REFUSE_429, RateLimited), (FaultKind.ACCEPT_RESET, ExchangeReadFailed)):
        faults.set(1, [FaultRule(kind=kind, routes=("account",), times=1)])
        with pytest.raises(error):
            await bench.connector.set_countdown("*", until)
        bench.dialect.clock.advance(20)
