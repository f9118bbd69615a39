"""One row that can't be read takes no other with it: it is named, logged once and counted, in every list that Binance gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog.testing

from app.connectors.base import Connector
from app.connectors.binance import holdings
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.rules import spot_markets
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common.lists import OddRows
from app.connectors.rows import row_count, unreadable_rows
from app.domain.order import OrderRef
from tests.connectors.binance.conftest import PAYLOADS, payload
from tests.connectors.stub import StubExchange, reply

REF = OrderRef(order_id="og-1", trading_pair="BTC-USDT", exchange_order_id="28")
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
MARKET_TRADE = {"id": 7, "price": "20000", "qty": "0.1", "time": 1795000000000, "isBuyerMaker": True}
CANDLE = [1795000000000, "1", "2", "0.5", "1.5", "10", 1795000059999, "15", 3, "4", "6", "0"]
TICKER = {"symbol": "BTCUSDT", "lastPrice": "20000", "closeTime": 1795000000000, "volume": "1", "quoteVolume": "20000"}
TRADE = {
    "symbol": "BTCUSDT", "id": 56, "orderId": 28, "price": "20000", "qty": "0.3", "commission": "0.001", "commissionAsset": "BTC",
    "time": 1795000000000, "isMaker": True, "maker": True, "isBuyer": True, "buyer": True,
}  # fmt: skip
POSITION = {
    "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.1", "entryPrice": "20000",
    "unRealizedProfit": "1", "leverage": "5",
}  # fmt: skip
INCOME = {"symbol": "BTCUSDT", "income": "-0.375", "asset": "USDT", "time": 1795000000000, "tranId": 9689322392}

Ask = Callable[[Any], Any]


def spot_order() -> Any:
    return {**payload("spot_rest", "resting"), "executedQty": "0.3"}


#: Each list: its connector, its path, a good row, how the answer holds rows, and the question.
LISTS: list[Any] = [
    pytest.param("spot", "/api/v3/openOrders", spot_order(), list, lambda c: c.fetch_open_orders(), id="open orders"),
    pytest.param("spot", "/api/v3/myTrades", TRADE, list, lambda c: c.fetch_fills(REF), id="fills"),
    pytest.param("spot", "/api/v3/account", {"asset": "BTC", "free": "1", "locked": "0"},
                 lambda rows: {"balances": rows}, lambda c: c.fetch_balances(), id="balances"),
    pytest.param("spot", "/api/v3/ticker/24hr", TICKER, list, lambda c: c.fetch_tickers(), id="tickers"),
    pytest.param("spot", "/api/v3/trades", MARKET_TRADE, list, lambda c: c.fetch_recent_trades("BTC-USDT", 9), id="trades"),
    pytest.param("spot", "/api/v3/klines", CANDLE, list, lambda c: c.fetch_candles("BTC-USDT", "1m", limit=9), id="candles"),
    pytest.param("perpetual", "/fapi/v1/userTrades", TRADE, list, lambda c: c.fetch_fills(REF), id="perpetual fills"),
    pytest.param("perpetual", "/fapi/v3/balance", {"asset": "USDT", "balance": "5", "availableBalance": "4"}, list,
                 lambda c: c.fetch_balances(), id="perpetual balances"),
    pytest.param("perpetual", "/fapi/v2/positionRisk", POSITION, list, lambda c: c.fetch_positions(), id="positions"),
    pytest.param("perpetual", "/fapi/v1/income", INCOME, list, lambda c: c.fetch_funding_payments(SINCE), id="income"),
]  # fmt: skip

#: What may stand in a list instead of a row that we know.
ODD: list[Any] = [None, "row", 7, [], {}, {"symbol": "BTCUSDT"}, {"symbol": ["BTCUSDT"]}]


@pytest.mark.parametrize(("market", "path", "good", "held", "ask"), LISTS)
async def test_the_readable_rows_are_used(
    market: str, path: str, good: Any, held: Callable[[list[Any]], Any], ask: Ask, exchange: StubExchange,
    spot: BinanceConnector, perpetual: BinancePerpetualConnector,
) -> None:  # fmt: skip
    """Whatever stands between them. What can't be read is counted under the list's name."""
    connector: Connector = spot if market == "spot" else perpetual
    exchange.script("GET", "/api/v3/order", reply(spot_order()))
    exchange.script(
        "GET", "/fapi/v1/order", reply({**spot_order(), "time": 1795000000000, "updateTime": 1795000000001})
    )
    exchange.script("GET", path, reply(held([*ODD, good, *ODD])))
    found: Sequence[Any] = await ask(connector)
    assert len(found) == 1, path
    expected = 2 * (len(ODD) if path != "/api/v3/ticker/24hr" else 5)
    assert len(unreadable_rows(found)) == expected
    assert sum(type(connector).unreadable(connector.venue).values()) == expected  # type: ignore[attr-defined]


async def test_an_odd_row_is_logged_once(spot: BinanceConnector, exchange: StubExchange) -> None:
    """A foreign order with a word that nobody knew is in every answer; the log has it once."""
    odd = {**spot_order(), "status": "LIMBO", "clientOrderId": "foreign", "orderId": 99}
    exchange.script("GET", "/api/v3/openOrders", reply([odd, spot_order()]))
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            assert len(await spot.fetch_open_orders()) == 1
    [line] = [line for line in lines if line["event"] == "a row can't be read"]
    assert (line["list"], line["name"]) == ("open orders", "foreign")
    assert "LIMBO" in line["why"]
    assert spot.venue.odd_rows.counts["open orders"] == 3


async def test_an_odd_order_keeps_its_names(spot: BinanceConnector, exchange: StubExchange) -> None:
    """By either of which it may be ours; with neither it may be any."""
    rows = [
        {**spot_order(), "status": "LIMBO"},
        {**spot_order(), "status": "LIMBO", "clientOrderId": None},
        {**spot_order(), "status": "LIMBO", "clientOrderId": "foreign", "orderId": 99},
        {"status": "LIMBO"},
    ]
    exchange.script("GET", "/api/v3/openOrders", reply(rows))
    odd = unreadable_rows(await spot.fetch_open_orders())
    assert [row.may_be(REF) for row in odd] == [True, True, False, True]
    assert [row.is_nameless for row in odd] == [False, False, False, True]


async def test_a_trade_that_can_not_be_read_is_no_proof_that_there_is_none(
    spot: BinanceConnector, exchange: StubExchange
) -> None:
    """The order is not known any more, and its one trade is odd: nothing is read, and something may be there."""
    exchange.script("GET", "/api/v3/order", reply({"code": -2013, "msg": "Order does not exist."}, 400))
    exchange.script("GET", "/api/v3/myTrades", reply([{**TRADE, "price": "odd"}]))
    fills = await spot.fetch_fills(REF)
    assert (len(fills), len(unreadable_rows(fills))) == (0, 1)
    exchange.script("GET", "/api/v3/myTrades", reply([{**TRADE, "id": None, "orderId": 99}]))
    assert row_count(await spot.fetch_fills(REF)) == 0, "an odd trade of another order is none of this one"


def test_streamed_balances() -> None:
    """One asset that is odd does not hide the others' changes."""
    odd = OddRows("Binance")
    event = payload("spot_stream", "position")
    report = holdings.streamed_spot_balances({**event, "B": [{"a": "X"}, None, *event["B"]]}, odd)
    assert [balance.asset for balance in report.balances] == ["BTC", "USDT"]
    wallet = payload("perpetual_stream", "account")
    changed = {**wallet, "a": {"B": [{"a": "BNB", "wb": "odd"}, *wallet["a"]["B"]]}}
    streamed = holdings.streamed_perpetual_balances(changed, odd)
    assert streamed is not None
    assert [balance.asset for balance in streamed.balances] == ["USDT"]
    assert odd.counts["streamed balances"] == 3


@pytest.mark.parametrize("odd", [None, "BTCUSDT", {"symbol": "ODD"}, {"symbol": "ODD", "filters": [None]}])
def test_symbols(odd: Any) -> None:
    """A symbol, and a rate limit, that can't be read leave the others their rules."""
    info = json.loads((PAYLOADS / "spot_exchange_info.json").read_text())
    good = spot_markets(info)
    found = spot_markets({**info, "symbols": [odd, *info["symbols"]], "rateLimits": [None, *info["rateLimits"]]})
    assert (found.rules, found.rate_limits) == (good.rules, good.rate_limits)
    assert len(found.unreadable) == len(good.unreadable) + 1
