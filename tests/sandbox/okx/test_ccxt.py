"""ccxt's ``okx``, unmodified apart from its address, trades on the sandbox, on spot and on swaps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import httpx
import pytest

from app.sandbox.keys import PASSPHRASE
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, SECRET
from tests.sandbox.ccxt_trading import sees_the_market
from tests.sandbox.conftest import serving_live

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"

#: What a contract is of the base.
CONTRACT = 0.01


@pytest.fixture
async def sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serving_live(path, tmp_path, has_futures=True, protocol="okx") as sandbox:
        yield sandbox


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    keys = {"apiKey": API_KEY, "secret": SECRET, "password": PASSPHRASE}
    exchange = ccxt.async_support.okx({**keys, "enableRateLimit": False})
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sandbox.base_url)
    yield exchange
    await exchange.close()


async def test_markets_and_market_data(exchange: Any) -> None:
    """All pairs of both types with their steps; book, ticker, candles, trades, time, funding; swaps in contracts."""
    markets = await exchange.load_markets()
    assert {each["type"] for each in markets.values()} == {"spot", "swap"}
    assert (markets[SPOT]["precision"]["price"], markets[SPOT]["precision"]["amount"]) == (0.01, 0.00001)
    assert (markets[SWAP]["contractSize"], markets[SWAP]["precision"]["amount"]) == (CONTRACT, 0.001)
    await sees_the_market(exchange, [SPOT, SWAP])
    spot, swap = [(await exchange.fetch_order_book(each))["bids"][0][1] for each in (SPOT, SWAP)]
    assert swap == pytest.approx(spot / CONTRACT, rel=5)
    assert len(await exchange.fetch_tickers([SPOT])) == 1
    assert (await exchange.fetch_funding_rate(SWAP))["fundingRate"] is not None
    assert (await exchange.fetch_mark_price(SWAP))["markPrice"] > 0
    assert len(await exchange.fetch_funding_rate_history(SWAP, limit=3)) == 3
    assert (await exchange.fetch_open_interest(SWAP))["openInterestAmount"] == 0
    assert (await exchange.fetch_trading_fee(SPOT))["taker"] == pytest.approx(0.001)


@pytest.mark.parametrize(("symbol", "amount"), [(SPOT, 0.1), (SWAP, 10)])
async def test_an_order_lives_is_amended_and_canceled(exchange: Any, symbol: str, amount: float) -> None:
    """All three answers are acknowledgements; a question tells the rest, by either id."""
    placed = await exchange.create_order(symbol, "limit", "buy", amount, 60_000, {"clientOrderId": "one"})
    assert (placed["clientOrderId"], placed["status"]) == ("one", None)
    order = await exchange.fetch_order(None, symbol, {"clientOrderId": "one"})
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", 60_000, amount, 0)
    assert [each["id"] for each in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
    assert [each["id"] for each in await exchange.fetch_open_orders()] == [placed["id"]]
    await exchange.edit_order(placed["id"], symbol, "limit", "buy", amount / 2, 59_000)
    amended = await exchange.fetch_order(placed["id"], symbol)
    assert (amended["price"], amended["amount"]) == (59_000, amount / 2)
    await exchange.cancel_order(None, symbol, {"clientOrderId": "one"})
    assert (await exchange.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert [each["id"] for each in await exchange.fetch_canceled_orders(symbol)] == [placed["id"]]
    assert await exchange.fetch_open_orders(symbol) == []
    # The name is free again, and means the newest order of it.
    again = await exchange.create_order(symbol, "limit", "buy", amount, 60_000, {"clientOrderId": "one"})
    assert (await exchange.fetch_order(None, symbol, {"clientOrderId": "one"}))["id"] == again["id"]


@pytest.mark.parametrize(("symbol", "amount"), [(SPOT, 0.1), (SWAP, 10)])
async def test_a_market_order_trades(exchange: Any, symbol: str, amount: float) -> None:
    """Its fills with fees, and the account after it."""
    before = await exchange.fetch_balance()
    placed = await exchange.create_order(symbol, "market", "sell", amount)
    order = await exchange.fetch_order(placed["id"], symbol)
    assert (order["status"], order["filled"], order["amount"]) == ("closed", amount, amount)
    trades = await exchange.fetch_my_trades(symbol, params={"ordId": placed["id"]})
    assert sum(trade["amount"] for trade in trades) == pytest.approx(amount)
    assert {(each["fee"]["currency"], each["takerOrMaker"], each["order"]) for each in trades} == {
        ("USDT", "taker", placed["id"])
    }
    assert all(each["fee"]["cost"] > 0 for each in trades)
    after = await exchange.fetch_balance()
    assert before["BTC"]["free"] - after["BTC"]["free"] == pytest.approx(amount if symbol == SPOT else 0)
    assert [each["id"] for each in await exchange.fetch_closed_orders(symbol)] == [placed["id"]]


async def test_a_market_order_to_buy_is_in_quote_unless_it_says_base(exchange: Any) -> None:
    """As on OKX: only ``tgtCcy`` makes the size one of the base. ccxt always sends one; the bare API need not."""
    in_base = await exchange.create_order(SPOT, "market", "buy", 0.1)
    assert (await exchange.fetch_order(in_base["id"], SPOT))["filled"] == 0.1
    bare = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "1000", "clOrdId": "bare"}
    await exchange.private_post_trade_order(bare)
    order = await exchange.fetch_order(None, SPOT, {"clOrdId": "bare"})
    assert 990 < order["cost"] <= 1_000
    assert order["info"]["tgtCcy"] == "quote_ccy"


async def test_post_only_is_acknowledged_and_canceled(exchange: Any) -> None:
    """One that would have taken has an id and is among the canceled ones, with the reason."""
    placed = await exchange.create_order(SPOT, "limit", "buy", 0.1, 66_000, {"postOnly": True})
    order = await exchange.fetch_order(placed["id"], SPOT)
    assert (order["status"], order["filled"], order["info"]["cancelSource"]) == ("canceled", 0, "31")


async def test_several_orders_at_once(exchange: Any) -> None:
    """Each is refused by itself, and the whole says so."""
    await exchange.load_markets()
    good = {"symbol": SPOT, "type": "limit", "side": "buy", "amount": 0.1, "price": 60_000}
    placed = await exchange.create_orders([good, {**good, "amount": 100}])
    assert [each["status"] for each in placed] == [None, "rejected"]
    assert placed[1]["info"]["sCode"] == "51008"
    canceled = await exchange.cancel_orders([placed[0]["id"]], SPOT)
    assert canceled[0]["info"]["sCode"] == "0"


async def test_positions_modes_and_leverage(exchange: Any) -> None:
    """A position has its side, size and leverage. The mode changes only without positions; then orders name a side."""
    await exchange.load_markets()
    await exchange.set_leverage(5, SWAP)
    assert (await exchange.fetch_leverage(SWAP))["longLeverage"] == 5
    await exchange.create_order(SWAP, "market", "sell", 20)
    (position,) = await exchange.fetch_positions()
    shown = (position["symbol"], position["side"], position["contracts"], position["leverage"], position["hedged"])
    assert shown == (SWAP, "short", 20, 5, False)
    with pytest.raises(ccxt.ExchangeError, match="59000"):
        await exchange.set_position_mode(True)
    await exchange.create_order(SWAP, "market", "buy", 20, params={"reduceOnly": True})
    assert await exchange.fetch_positions() == []
    await exchange.set_position_mode(True)
    assert (await exchange.fetch_position_mode())["hedged"] is True
    with pytest.raises(ccxt.BadRequest, match="posSide"):
        await exchange.create_order(SWAP, "market", "buy", 20)
    for side in ("buy", "sell"):
        await exchange.create_order(SWAP, "market", side, 20, params={"hedged": True})
    assert {(each["side"], each["contracts"]) for each in await exchange.fetch_positions()} == {
        ("long", 20),
        ("short", 20),
    }
    await exchange.create_order(SWAP, "market", "sell", 20, params={"hedged": True, "reduceOnly": True})
    assert [each["side"] for each in await exchange.fetch_positions()] == ["short"]
    assert await exchange.fetch_funding_history(SWAP) == []


async def test_errors_are_the_librarys(exchange: Any) -> None:
    """Codes become ccxt's exceptions."""
    for symbol, amount in ((SPOT, 100), (SWAP, 10_000)):
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order(symbol, "limit", "buy", amount, 60_000)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("4711", symbol)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.fetch_order("4711", symbol)
    exchange.password = "another"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()
    exchange.password, exchange.secret = PASSPHRASE, "another"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()


async def test_lists_come_in_pages(exchange: Any) -> None:
    """The newest orders first, and the older ones after the last id."""
    await exchange.load_markets()
    good = {"symbol": SPOT, "type": "limit", "side": "buy", "amount": 0.001, "price": 60_000}
    placed = [each["id"] for each in await exchange.create_orders([good] * 8)]
    first = await exchange.fetch_open_orders(SPOT, limit=5)
    assert {each["id"] for each in first} == set(placed[3:])
    rest = await exchange.fetch_open_orders(SPOT, params={"after": placed[3]})
    assert {each["id"] for each in rest} == set(placed[:3])


async def test_the_truth_and_what_is_not_served(sandbox: Sandbox, exchange: Any) -> None:
    """The operator sees orders by the ids of the wire; an unknown path is refused in OKX's form."""
    placed = await exchange.create_order(SWAP, "limit", "buy", 10, 60_000, {"clientOrderId": "one"})
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        truth = (await client.get("/sandbox/truth")).json()["futures"]
        (order,) = [each for account in truth["accounts"] for each in account["orders"]]
        assert (order["exchange_order_id"], order["order_id"], order["amount"]) == (placed["id"], "one", "0.10000")
        unknown = await client.get("/api/v5/sprd/orders-pending")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "404")
