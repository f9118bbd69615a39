"""ccxt's ``hyperliquid``, unmodified apart from its address, trades on the sandbox's perpetuals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import httpx
import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.connectors.ccxt.dialect import HyperliquidPerpetualDialect
from tests.sandbox.conftest import serving_live

PAIR = "BTC/USDC:USDC"
WALLET, PRIVATE_KEY = HyperliquidPerpetualDialect.key, HyperliquidPerpetualDialect.secret
CLOID = "0x" + "ab" * 16


@pytest.fixture
async def sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serving_live(path, tmp_path, has_futures=True, protocol="hyperliquid") as sandbox:
        sandbox.keys.add("bob", WALLET, secret=PRIVATE_KEY)
        yield sandbox


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    keys = {"walletAddress": WALLET, "privateKey": PRIVATE_KEY}
    exchange = ccxt.async_support.hyperliquid({**keys, "enableRateLimit": False, "options": {"builderFee": False}})
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sandbox.base_url)
    exchange.options["refSet"] = True
    yield exchange
    await exchange.close()


async def test_markets_and_market_data(exchange: Any) -> None:
    """All coins, settled in USDC; book, candles, time, funding and the tickers of all at once."""
    markets = await exchange.load_markets()
    assert {each["type"] for each in markets.values()} == {"swap"}
    assert markets[PAIR]["precision"]["amount"] == 0.00001
    book = await exchange.fetch_order_book(PAIR)
    assert book["bids"][0][0] < 65_000 < book["asks"][0][0]
    candles = await exchange.fetch_ohlcv(PAIR, "1m", limit=3)
    assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [60_000] * 2
    assert (await exchange.fetch_tickers([PAIR]))[PAIR]["last"] > 0
    assert await exchange.fetch_time() > 0
    assert (await exchange.fetch_funding_rate(PAIR))["markPrice"] > 0
    assert (await exchange.fetch_open_interest(PAIR))["openInterestAmount"] == 0
    assert len(await exchange.fetch_funding_rate_history(PAIR)) > 0


async def test_an_order_rests_and_is_canceled(exchange: Any) -> None:
    """By either of its names; who knows the address may ask, who lacks the key may not act."""
    placed = await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"clientOrderId": CLOID})
    order = await exchange.fetch_order(placed["id"], PAIR)
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", 60_000, 0.1, 0)
    assert (await exchange.fetch_order(None, PAIR, {"clientOrderId": CLOID}))["id"] == placed["id"]
    assert [each["id"] for each in await exchange.fetch_open_orders(PAIR)] == [placed["id"]]
    await exchange.cancel_order(None, PAIR, {"clientOrderId": CLOID})
    assert (await exchange.fetch_order(placed["id"], PAIR))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(placed["id"], PAIR)
    exchange.privateKey = "0x" + "22" * 32
    assert [each["status"] for each in await exchange.fetch_orders(PAIR)] == ["canceled"]
    with pytest.raises(ccxt.BaseError, match="does not exist"):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000)


async def test_a_market_order_is_one_at_a_limit(exchange: Any) -> None:
    """Its fills with fees in USDC, the account, the position; and back."""
    placed = await exchange.create_order(PAIR, "market", "sell", 0.1, 65_000)
    order = await exchange.fetch_order(placed["id"], PAIR)
    assert (order["status"], order["filled"], order["timeInForce"]) == ("closed", 0.1, "IOC")
    trades = await exchange.fetch_my_trades(PAIR)
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.1)
    assert {(each["fee"]["currency"], each["takerOrMaker"], each["order"]) for each in trades} == {
        ("USDC", "taker", placed["id"])
    }
    (position,) = await exchange.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (PAIR, "short", 0.1)
    balance = (await exchange.fetch_balance())["USDC"]
    assert 0 < balance["used"] < balance["total"]
    await exchange.create_order(PAIR, "market", "buy", 0.1, 65_000, {"reduceOnly": True})
    assert await exchange.fetch_positions() == []
    assert await exchange.fetch_funding_history(PAIR) == []


async def test_what_can_not_be_is_a_sentence(exchange: Any) -> None:
    """Post-only that would take, immediate that finds nobody, too little, too much, off the tick, a size off the step."""
    for terms, message in (
        (("buy", 0.1, 66_000, {"postOnly": True}), "Post only order would have immediately matched, bbo was"),
        (("buy", 0.1, 60_000, {"timeInForce": "IOC"}), "Order could not immediately match"),
        (("buy", 0.0001, 60_000, {}), "Order must have minimum value of"),
        (("buy", 100, 60_000, {}), "Insufficient margin to place order"),
        (("sell", 0.1, 60_000, {"reduceOnly": True}), "Reduce only order would increase position"),
    ):
        side, amount, price, params = terms
        with pytest.raises(ccxt.ExchangeError, match=message):
            await exchange.create_order(PAIR, "limit", side, amount, price, params)
    exchange.price_to_precision = lambda symbol, price: str(price)
    with pytest.raises(ccxt.InvalidOrder, match="divisible by tick size"):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, "60000.5")
    exchange.amount_to_precision = lambda symbol, amount: str(amount)
    with pytest.raises(ccxt.InvalidOrder, match="invalid size"):
        await exchange.create_order(PAIR, "limit", "buy", "0.1000001", 60_000)
    assert await exchange.fetch_open_orders(PAIR) == []


async def test_a_nonce_counts_once(exchange: Any) -> None:
    """An action that is sent twice is carried out once."""
    await exchange.load_markets()
    await exchange.set_leverage(5, PAIR)
    orders = [{"symbol": PAIR, "type": "limit", "side": "buy", "amount": "0.1", "price": "60000", "params": {}}]
    request = exchange.create_orders_request(orders, {})
    await exchange.private_post_exchange(request)
    with pytest.raises(ccxt.ExchangeError, match="Invalid nonce"):
        await exchange.private_post_exchange(request)
    assert len(await exchange.fetch_open_orders(PAIR)) == 1


async def test_the_truth_is_told_by_the_names_of_the_wire(sandbox: Sandbox, exchange: Any) -> None:
    """Pairs and fees in USDC; an immediate order that found nobody is no order."""
    await exchange.create_order(PAIR, "market", "buy", 0.1, 65_000, {"clientOrderId": CLOID})
    with pytest.raises(ccxt.ExchangeError):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"timeInForce": "IOC"})
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        truth = (await client.get("/sandbox/truth")).json()["futures"]
    (order,) = [each for account in truth["accounts"] for each in account["orders"]]
    assert (order["order_id"], order["trading_pair"], order["state"]) == (CLOID, "BTC-USDC", "filled")
    assert {fill["fee_currency"] for fill in order["fills"]} == {"USDC"}
