"""``/ws/market-data`` and ``/ws/executors`` over real connections to the real paper exchange, and to a local Binance."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.binance.limits import Limits
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.services.gateway import Gateway
from app.web.application import create_app
from app.web.sockets import sockets
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.web.samples.contract import small_contract
from tests.web.serving import serving

PASSWORD = "a password"
TOKEN = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
PAPER = {"connector": "paper", "trading_pair": "BTC-USDT"}


@pytest.fixture
async def gateway(tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> AsyncIterator[Gateway]:
    async with opened_gateway(tmp_path, sqlite_template, clock, password=PASSWORD) as gateway:
        await gateway.users.start()
        yield gateway


@pytest.fixture
async def address(gateway: Gateway) -> AsyncIterator[str]:
    app = create_app(gateway, spec=small_contract(), handlers="tests.web.samples", sockets=sockets(gateway))
    async with serving(app) as address:
        yield address


@asynccontextmanager
async def opened(address: str, path: str) -> AsyncIterator[ClientConnection]:
    """A connection that has heard that it is one."""
    async with connect(f"ws://{address}{path}?token={TOKEN}", open_timeout=60) as connection:
        assert json.loads(await connection.recv())["type"] == "connected"
        yield connection


async def ask(connection: ClientConnection, **message: Any) -> Any:
    await connection.send(json.dumps(message))
    return json.loads(await connection.recv())


async def hear(connection: ClientConnection, clock: FakeClock) -> Any:
    """The next message; the clock moves until it comes."""
    while True:
        try:
            async with asyncio.timeout(0.01):
                return json.loads(await connection.recv())
        except TimeoutError:
            # Turns of the loop count, not the time: what one step of the clock caused must be able to arrive before the next.
            for _ in range(10):
                await asyncio.sleep(0.001)
            clock.advance(0.25)


async def first_of(connection: ClientConnection, clock: FakeClock, kind: str) -> Any:
    """The next message of a kind."""
    while True:
        message = await hear(connection, clock)
        if message["type"] == kind:
            return message


async def test_candles(address: str, clock: FakeClock) -> None:
    """All of them at first and whenever one opens, in between the growing one by itself."""
    async with opened(address, "/ws/market-data") as connection:
        answer = await ask(connection, action="subscribe", type="candles", **PAPER, interval="3m", max_records=4)
        assert answer["subscription_id"] == "candles_paper_BTC-USDT_3m"
        whole = await first_of(connection, clock, "candles")
        assert len(whole["data"]) == 4
        grown = await first_of(connection, clock, "candle_update")
        assert grown["data"]["timestamp"] == whole["data"][-1]["timestamp"]
        clock.advance(180)
        opened_anew = await first_of(connection, clock, "candles")
        assert opened_anew["data"][2]["timestamp"] == grown["data"]["timestamp"]


async def test_order_book(address: str, clock: FakeClock) -> None:
    """Pairs of price and amount, exact, as deep as asked for."""
    async with opened(address, "/ws/market-data") as connection:
        answer = await ask(connection, action="subscribe", type="order_book", **PAPER, depth=3, update_interval=0.001)
        assert answer["subscription_id"] == "order_book_paper_BTC-USDT"
        message = await first_of(connection, clock, "order_book")
        assert message["subscription_id"] == "order_book_paper_BTC-USDT"
        bids, asks = message["data"]["bids"], message["data"]["asks"]
        assert [len(bids), len(asks)] == [3, 3]
        assert bids[0][0] < asks[0][0]
        assert (await first_of(connection, clock, "order_book"))["data"] != message["data"]


async def test_trades(address: str, clock: FakeClock) -> None:
    """Those since the subscription, with the side in small letters."""
    async with opened(address, "/ws/market-data") as connection:
        answer = await ask(connection, action="subscribe", type="trades", **PAPER)
        assert answer["subscription_id"] == "trades_paper_BTC-USDT"
        started = clock.now().timestamp()
        message = await first_of(connection, clock, "trades")
        assert all(set(trade) == {"timestamp", "price", "amount", "side"} for trade in message["data"])
        assert all(trade["side"] in ("buy", "sell") and trade["timestamp"] > started for trade in message["data"])


async def test_ticker(address: str, clock: FakeClock) -> None:
    """The last price and the day's volumes, in the form of ``GET /market-data/tickers``; the same one is told once."""
    async with opened(address, "/ws/market-data") as connection:
        answer = await ask(connection, action="subscribe", type="ticker", **PAPER)
        assert answer["subscription_id"] == "ticker_paper_BTC-USDT"
        message = await first_of(connection, clock, "ticker")
        assert message["subscription_id"] == "ticker_paper_BTC-USDT"
        assert set(message["data"]) == {"price", "base_volume", "quote_volume", "timestamp"}
        assert all(value > 0 for value in message["data"].values())
        following = await first_of(connection, clock, "ticker")
        assert following["data"]["timestamp"] > message["data"]["timestamp"]


@pytest.fixture
async def binance(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A local Binance with both markets."""
    path = SteeredPath(1)
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'sandbox.db'}", clock=clock, seed=1, path=path)
    futures = PaperPerpetualExchange(f"sqlite:///{tmp_path / 'futures.db'}", clock=clock, seed=1, path=path)
    sandbox = Sandbox(exchange, clock, limits=Limits(weight=1_000_000), path=path, futures=futures)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()
    exchange.close()
    futures.close()


@pytest.fixture
async def pushed(
    binance: Sandbox, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> AsyncIterator[tuple[str, Gateway]]:
    """The address of a gateway whose Binance is the local one, streams and all, and the gateway."""
    urls = {
        "ORDERGATE_BINANCE_REST_URL": binance.rest_url,
        "ORDERGATE_BINANCE_STREAM_URL": binance.stream_url,
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": binance.futures_rest_url,
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": binance.futures_stream_url,
    }
    directory = tmp_path / "gateway"
    directory.mkdir()
    options = {"password": PASSWORD, "connector_urls": urls}
    async with opened_gateway(directory, sqlite_template, clock, **options) as gateway:
        await gateway.users.start()
        app = create_app(gateway, spec=small_contract(), handlers="tests.web.samples", sockets=sockets(gateway))
        async with serving(app) as address:
            yield address, gateway


async def until_pushed(connection: ClientConnection, binance: Sandbox, clock: FakeClock) -> None:
    """Hear messages until so many in a row came without a request. Until its stream is open each kind is asked for, and how many
    messages that takes depends on how busy the machine is.
    """
    pushed = 0
    for _ in range(1_000):
        before = binance.requests.total()
        await hear(connection, clock)
        pushed = pushed + 1 if binance.requests.total() == before else 0
        if pushed == 40:
            return
    pytest.fail("the exchange is asked all the time")


@pytest.mark.parametrize("connector", ["binance", "binance_perpetual"])
async def test_what_a_subscriber_sees_is_pushed(
    pushed: tuple[str, Gateway], binance: Sandbox, clock: FakeClock, connector: str
) -> None:
    """Candles, trades, book and ticker of one market go on without a request to the exchange, until the last is unsubscribed
    from: then the gateway hangs up its streams.
    """
    address, _ = pushed
    market = {"connector": connector, "trading_pair": "BTC-USDT", "update_interval": 0.25}
    async with opened(address, "/ws/market-data") as connection:
        for kind in ("candles", "trades", "order_book", "ticker"):
            assert (await ask_through(connection, clock, type=kind, action="subscribe", **market))[
                "type"
            ] == "subscribed"
        await until_pushed(connection, binance, clock)
        before, kinds = binance.requests.total(), set()
        for _ in range(40):
            kinds.add((await hear(connection, clock))["type"])
        assert binance.requests.total() == before
        assert {"candle_update", "trades", "order_book", "ticker"} <= kinds
        assert len(binance.connections) == (1 if connector == "binance" else 2)
        for name in (
            f"candles_{connector}_BTC-USDT_1m",
            f"trades_{connector}_BTC-USDT",
            f"order_book_{connector}_BTC-USDT",
            f"ticker_{connector}_BTC-USDT",
        ):
            answer = await ask_through(connection, clock, action="unsubscribe", subscription_id=name)
            assert answer == {"type": "unsubscribed", "subscription_id": name, "timestamp": answer["timestamp"]}
        while len(binance.connections) > 0:
            await asyncio.sleep(0.01)
            clock.advance(0.5)


async def test_a_caller_who_hangs_up_watches_nothing_more(
    pushed: tuple[str, Gateway], binance: Sandbox, clock: FakeClock
) -> None:
    """Whether the subscription had begun or not; and one that replaces another takes its place."""
    address, gateway = pushed
    market = {"connector": "binance", "trading_pair": "BTC-USDT", "type": "trades"}
    async with opened(address, "/ws/market-data") as connection:
        for _ in range(2):
            await ask_through(connection, clock, action="subscribe", **market)
        await first_of(connection, clock, "trades")
        (live,) = gateway.market_data._live._markets.values()
        assert live.followers == 1
        await connection.send(json.dumps({"action": "subscribe", **market, "trading_pair": "ETH-USDT"}))
    while len(binance.connections) > 0 or gateway.market_data._live._markets:
        await asyncio.sleep(0.01)
        clock.advance(0.5)


async def ask_through(connection: ClientConnection, clock: FakeClock, **message: Any) -> Any:
    """The answer to a message, where data may be under way before it."""
    await connection.send(json.dumps(message))
    while True:
        answer = await hear(connection, clock)
        if answer["type"] in ("subscribed", "unsubscribed", "error"):
            return answer


#: Subscriptions that can't be had, and how the answer begins.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "bots"}, "Invalid subscription type: bots"),
    ({"type": ["x"]}, 'Invalid subscription type: ["x"]. Valid types: candles, order_book, ticker, trades'),
    ({}, "Invalid subscription type: null. Valid types: candles"),
    (
        {**PAPER, "type": "orderbook"},
        "Invalid subscription type: orderbook. Valid types: candles, order_book, ticker, trades. Did",
    ),
    (
        {"type": "trades", "connector": "paper", "symbol": "BTC-USDT"},
        "There is no 'symbol' in the message. Did you mean",
    ),
    (
        {**PAPER, "type": "trades", "connector_name": "paper"},
        "There is no 'connector_name' in the message. Did you",
    ),
    (
        {**PAPER, "type": "candles", "timeframe": "1m"},
        "There is no 'timeframe' in the message. Did you mean 'interval'?",
    ),
    (
        {**PAPER, "type": "order_book", "updateInterval": 1},
        "There is no 'updateInterval' in the message. Did you",
    ),
    ({"type": "trades", "connector": "paper"}, "connector and trading_pair are required"),
    ({"type": "trades", "trading_pair": "BTC-USDT"}, "connector and trading_pair are required"),
    ({"type": "trades", "connector": 1, "trading_pair": "A-B"}, "connector and trading_pair are required"),
    ({**PAPER, "type": "trades", "connector": "nope"}, "Failed to start feed: Connector 'nope' not found"),
    ({**PAPER, "type": "ticker", "trading_pair": "NO-PAIR"}, "Failed to start feed: "),
    ({**PAPER, "type": "candles", "interval": "7m"}, "Failed to start feed: there are no candles of 7m"),
    ({**PAPER, "type": "candles", "interval": 5}, "interval must be a text such as 1m"),
    ({**PAPER, "type": "candles", "max_records": "x"}, "max_records must be a number"),
    ({**PAPER, "type": "order_book", "depth": True}, "depth must be a number"),
    ({**PAPER, "type": "order_book", "update_interval": "1"}, "update_interval must be a number"),
    ({**PAPER, "type": "order_book", "depth": -5}, "depth must not be negative"),
    ({**PAPER, "type": "trades", "update_interval": -1}, "update_interval must not be negative"),
]


async def test_what_can_not_be_subscribed_to(address: str) -> None:
    """The answer says why, before anything is confirmed, and the connection goes on."""
    async with opened(address, "/ws/market-data") as connection:
        for message, text in REFUSED:
            answer = await ask(connection, action="subscribe", **message)
            assert answer["type"] == "error", message
            assert answer["message"].startswith(text)


async def test_what_a_message_does_not_have_is_named(address: str) -> None:
    """A name that means nothing here is ignored, and the confirmation says so."""
    async with opened(address, "/ws/market-data") as connection:
        answer = await ask(connection, action="subscribe", type="ticker", **PAPER, note=1)
        assert (answer["type"], answer["ignored"]) == ("subscribed", ["note"])


async def test_odd_numbers_are_brought_within_bounds(address: str, clock: FakeClock) -> None:
    """No levels and a million are both answered with what can be had."""
    async with opened(address, "/ws/market-data") as connection:
        for depth, most in ((0, 1), (10**9, 200)):
            await ask(connection, action="subscribe", type="order_book", **PAPER, depth=depth, update_interval=None)
            message = await first_of(connection, clock, "order_book")
            assert 1 <= len(message["data"]["bids"]) <= most
            await connection.send('{"action": "unsubscribe", "subscription_id": "order_book_paper_BTC-USDT"}')
            await first_of(connection, clock, "unsubscribed")


async def test_there_are_no_executors(address: str) -> None:
    """Every kind of them is answered politely; other words are not kinds."""
    async with opened(address, "/ws/executors") as connection:
        for kind in ("executors", "executor_detail", "executor_summary", "performance", "positions", "executor_logs"):
            answer = await ask(connection, action="subscribe", type=kind)
            assert answer["message"] == "This server runs no executors and no bots: there is nothing to subscribe to"
        assert (await ask(connection, action="subscribe", type="candles"))["message"].startswith(
            "Invalid subscription type: candles. Valid types: executors, "
        )
        assert (await ask(connection, action="ping"))["type"] == "pong"


async def test_a_stopping_gateway_ends_its_sockets(address: str, gateway: Gateway) -> None:
    """Open sockets do not keep the server from stopping."""
    async with opened(address, "/ws/market-data") as connection:
        gateway.prepare_stop()
        await connection.wait_closed()
        assert connection.close_code == 1001
