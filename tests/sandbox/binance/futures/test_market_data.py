"""Tests of the futures market's public data and streams."""

from __future__ import annotations

from decimal import Decimal as D

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import until
from tests.sandbox.binance.futures.client import FuturesClient

HOUR_MS = 3_600_000


async def test_exchange_info_has_the_rules(futures: FuturesClient) -> None:
    """Perpetuals only, their filters, and limits of the futures market's own."""
    info = (await futures.get("/fapi/v1/exchangeInfo")).json
    assert (info["futuresType"], len(info["symbols"])) == ("U_MARGINED", 8)
    symbol = next(each for each in info["symbols"] if each["symbol"] == "BTCUSDT")
    filters = {each["filterType"]: each for each in symbol["filters"]}
    assert (symbol["contractType"], symbol["marginAsset"]) == ("PERPETUAL", "USDT")
    assert (D(filters["PRICE_FILTER"]["tickSize"]), D(filters["LOT_SIZE"]["stepSize"])) == (D("0.01"), D("0.00001"))
    assert filters["MIN_NOTIONAL"]["notional"] == "5"


async def test_market_data_has_futures_forms(futures: FuturesClient) -> None:
    """Books have a time, tickers have no best prices, depths and lengths are bounded as on futures."""
    book = (await futures.get("/fapi/v1/depth", symbol="BTCUSDT", limit=5)).json
    assert (len(book["bids"]), book["T"]) == (5, futures.now_ms)
    assert (await futures.get("/fapi/v1/depth", symbol="BTCUSDT", limit=7)).error == (-4021, "Invalid depth limit.")
    ticker = (await futures.get("/fapi/v1/ticker/24hr", symbol="BTCUSDT")).json
    assert "lastPrice" in ticker
    assert "bidPrice" not in ticker
    candles = (await futures.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=1_500)).json
    assert len(candles) == 1_500
    assert (await futures.get("/fapi/v1/klines", symbol="BTCUSDT", interval="7m")).error[0] == -1120
    assert len((await futures.get("/fapi/v1/premiumIndex")).json) == 8
    assert (await futures.get("/fapi/v1/fundingInfo")).json == []


async def test_prices_have_candles(futures: FuturesClient, path: SteeredPath) -> None:
    """Of mark, index and premium, at the prices that the market has; of a pair's perpetual, those of its trades."""
    limits = {"interval": "1m", "limit": 2}
    mark = (await futures.get("/fapi/v1/markPriceKlines", symbol="BTCUSDT", **limits)).json
    assert [D(each) for each in mark[-1][1:5]] == [65_000] * 4
    assert (mark[-1][0], mark[-1][6] - mark[-1][0]) == (futures.now_ms // 60_000 * 60_000, 59_999)
    assert mark[-1][8] == futures.now_ms // 1_000 % 60 + 1
    assert (await futures.get("/fapi/v1/indexPriceKlines", pair="BTCUSDT", **limits)).json == mark
    premium = (await futures.get("/fapi/v1/premiumIndexKlines", symbol="BTCUSDT", **limits)).json
    assert {D(each) for each in premium[-1][1:5]} == {D(0)}
    traded = (await futures.get("/fapi/v1/klines", symbol="BTCUSDT", **limits)).json
    contract = {"pair": "BTCUSDT", "contractType": "PERPETUAL"}
    assert (await futures.get("/fapi/v1/continuousKlines", **contract, **limits)).json == traded
    for name, asked in (("klines", "symbol"), ("markPriceKlines", "symbol"), ("indexPriceKlines", "pair")):
        assert (await futures.get(f"/fapi/v1/{name}", **{asked: "BTCUSDT"}, interval="1s")).error[0] == -1120


async def test_the_open_interest_is_what_users_hold(futures: FuturesClient, both_markets: Sandbox) -> None:
    """All longs or all shorts, whichever is more."""

    async def interest() -> D:
        return D((await futures.get("/fapi/v1/openInterest", symbol="BTCUSDT")).json["openInterest"])

    assert await interest() == 0
    await futures.trade()
    assert await interest() == D("0.1")
    both_markets.keys.add("bob", "bobs-key", secret="a-secret")
    short = futures.query(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.3")
    assert (await futures.send("POST", "/fapi/v1/order", short, key="bobs-key")).status == 200
    assert await interest() == D("0.3")


async def test_funding_has_a_history(futures: FuturesClient, clock: FakeClock) -> None:
    """Every eight hours; the last ones, or from a time on."""
    mark = (await futures.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")).json
    assert mark["nextFundingTime"] % (8 * HOUR_MS) == 0
    last = (await futures.get("/fapi/v1/fundingRate", symbol="BTCUSDT", limit=3)).json
    assert [row["fundingTime"] for row in last] == [mark["nextFundingTime"] - 8 * HOUR_MS * back for back in (3, 2, 1)]
    assert {D(row["fundingRate"]) for row in last} == {D("0.0001")}
    since = last[1]["fundingTime"]
    assert (await futures.get("/fapi/v1/fundingRate", symbol="BTCUSDT", startTime=since)).json == last[1:]
    of_all = (await futures.get("/fapi/v1/fundingRate", limit=8)).json
    assert {row["fundingTime"] for row in of_all} == {last[-1]["fundingTime"]}


async def test_both_markets_stream_side_by_side(futures: FuturesClient, clock: FakeClock) -> None:
    """Futures' streams are below two paths that each carry a part of them, in futures' words; spot's stay where they were."""
    fast, other = "btcusdt@depth5/btcusdt@bookTicker/btcusdt@trade", "btcusdt@markPrice/btcusdt@ticker/!markPrice@arr"
    async with (
        futures.socket(f"/market/stream?streams={fast}/{other}") as market,
        futures.socket(f"/public/stream?streams={fast}/{other}") as public,
        futures.socket("/ws/btcusdt@depth5") as spot,
    ):
        clock.advance(1)
        by_market = {message["stream"]: message["data"] for message in [await market.next() for _ in range(3)]}
        by_public = {message["stream"]: message["data"] for message in [await public.next() for _ in range(3)]}
        assert (set(by_market), set(by_public)) == (set(other.split("/")), set(fast.split("/")))
        received = by_market | by_public
        assert received["btcusdt@markPrice"]["e"] == "markPriceUpdate"
        assert len(received["!markPrice@arr"]) == 8
        assert (received["btcusdt@depth5"]["e"], len(received["btcusdt@depth5"]["b"])) == ("depthUpdate", 5)
        assert (received["btcusdt@bookTicker"]["e"], received["btcusdt@ticker"].get("b")) == ("bookTicker", None)
        assert received["btcusdt@trade"]["X"] == "MARKET"
        assert "lastUpdateId" in await spot.next()


async def test_a_name_that_means_nothing_is_silent(futures: FuturesClient, clock: FakeClock) -> None:
    """As on spot; the other streams of the request are sent."""
    names = ["nosuch@markPrice", "nosuch@depth5", "nosuch_perpetual@continuousKline_1m", "btcusdt@aggTrade"]
    async with futures.socket("/market/ws") as socket:
        assert await socket.ask({"method": "SUBSCRIBE", "params": names, "id": 1}) == {"result": None, "id": 1}
        clock.advance(1)
        event = await socket.next()
        assert (event["e"], event["s"], "M" in event) == ("aggTrade", "BTCUSDT", False)


async def test_each_market_has_its_own_allowance(both_markets: Sandbox, futures: FuturesClient) -> None:
    """The weight of one is not counted at the other; the operator sets the limits of both."""
    await futures.put("/sandbox/limits", {"weight": 30, "orders_10s": 1})
    for _ in range(30):
        await futures.get("/fapi/v1/ping")
    reply = await futures.get("/fapi/v1/ping")
    assert (reply.status, reply.error[0]) == (429, -1003)
    assert int(reply.headers["X-MBX-USED-WEIGHT-1M"]) > 30
    assert (await futures.get("/api/v3/ping")).status == 200


async def test_prices_are_set_on_both_markets(futures: FuturesClient, clock: FakeClock) -> None:
    """One price for the pair, and it is the mark price too."""
    await futures.put("/sandbox/prices", {"BTCUSDT": "50000"})
    clock.advance(1)
    assert D((await futures.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")).json["markPrice"]) == 50_000
    assert D((await futures.get("/fapi/v1/depth", symbol="BTCUSDT", limit=5)).json["asks"][0][0]) < 50_010


async def test_the_truth_has_both_markets(futures: FuturesClient) -> None:
    """Accounts, orders with their fills, and positions; each market has its own balances."""
    new = {"name": "bob", "api_key": "bobs", "secret": "a-secret", "futures_balances": {"USDT": "7"}}
    await futures.put("/sandbox/accounts", new, "POST")
    order = await futures.trade(newClientOrderId="one")
    truth = (await futures.get("/sandbox/truth")).json
    alice, bob = truth["futures"]["accounts"]
    assert (alice["name"], bob["balances"]) == ("alice", [{"asset": "USDT", "total": "7", "held": "0"}])
    (row,) = alice["orders"]
    assert (row["order_id"], row["exchange_order_id"], row["state"]) == ("one", str(order["orderId"]), "filled")
    assert sum(D(fill["amount"]) for fill in row["fills"]) == D("0.1")
    assert [(each["trading_pair"], each["side"], each["amount"]) for each in alice["positions"]] == [
        ("BTC-USDT", "BOTH", "0.1")
    ]
    assert truth["accounts"] == []


async def test_faults_apply_to_futures_too(futures: FuturesClient) -> None:
    """The same rules, on the same routes: here the answer is spoilt and the order is there."""
    await futures.faults({"kind": "accept_503", "routes": ["place"], "times": 1})
    reply = await futures.place(newClientOrderId="one")
    assert reply.status == 503
    assert (await futures.ask("v1/order", symbol="BTCUSDT", origClientOrderId="one"))["status"] == "NEW"
    await futures.faults({"kind": "hide", "routes": ["query"], "seconds": 60})
    query = await futures.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="one")
    assert query.error[0] == -2013


async def test_all_best_prices_are_one_stream(futures: FuturesClient, clock: FakeClock) -> None:
    """An event for each symbol."""
    async with futures.socket("/public/ws/!bookTicker") as socket:
        await until(lambda: clock.sleepers >= 4)
        clock.advance(1)
        events = [await socket.next() for _ in range(8)]
    assert ({each["e"] for each in events}, len({each["s"] for each in events})) == ({"bookTicker"}, 8)
