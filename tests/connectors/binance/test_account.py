"""Orders, questions and market data of a spot account, against scripted answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from app.concurrency.slices import SLICE
from app.connectors.binance.market import candles
from app.connectors.binance.spot import BinanceConnector, spot_terms
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.numbers import milliseconds_of
from app.domain.enums import OrderType, TimeInForce
from app.domain.errors import (
    CredentialsRefused,
    ExchangeDown,
    ExchangeReadError,
    InvalidArgument,
    OrderRefused,
    RateLimited,
    UnsupportedFeature,
    UnsupportedPair,
)
from app.domain.order import Order, OrderRef
from tests.connectors.binance.conftest import payload
from tests.connectors.stub import GARBLE, RESET, Reply, Request, StubExchange, error, reply

OrderOf = Callable[..., Order]
ORDER = "/api/v3/order"
TICKER = "/api/v3/ticker/24hr"
REF = OrderRef(order_id="og-1", trading_pair="BTC-USDT", exchange_order_id="28")


def recorded(key: str) -> Any:
    return payload("spot_rest", key)


async def test_a_submit_reports_its_fills(spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf) -> None:
    """The FULL answer's fills are all there are, so nothing needs to be fetched."""
    exchange.script("POST", ORDER, reply(recorded("full")))
    report = await spot.submit_order(order_of())
    assert report.state == "open"
    assert report.exchange_order_id == "28"
    assert [fill.exchange_fill_id for fill in report.fills] == ["56", "57"]
    assert sum(fill.amount for fill in report.fills) == report.filled_amount


async def test_a_cancel_reports_the_order_under_its_own_id(spot: BinanceConnector, exchange: StubExchange) -> None:
    """The answer to a cancel carries the cancel's id too; the report is about the order."""
    exchange.script("DELETE", ORDER, reply(recorded("canceled")))
    report = await spot.cancel_order(REF)
    assert (report.order_id, report.state, report.reason) == ("og-1", "canceled", None)
    (request,) = exchange.asked("DELETE", ORDER)
    assert request.parameters["origClientOrderId"] == "og-1"


async def test_a_cancel_of_a_done_order_is_a_report(spot: BinanceConnector, exchange: StubExchange) -> None:
    """-2011 says too little: the order had been filled, and that is the answer."""
    exchange.script("DELETE", ORDER, error(400, -2011, "Unknown order sent."))
    exchange.script("GET", ORDER, reply({**recorded("query"), "status": "FILLED", "executedQty": "0.5"}))
    assert (await spot.cancel_order(REF)).state == "filled"


@pytest.mark.parametrize("answer", [error(400, -2013, "Order does not exist."), reply(payload("spot_rest", "query"))])
async def test_a_cancel_that_found_nothing_is_refused(
    answer: Reply, spot: BinanceConnector, exchange: StubExchange
) -> None:
    """An order that the exchange does not know, or shows open although it refused the cancel, is a refusal with its code."""
    exchange.script("DELETE", ORDER, error(400, -2011, "Unknown order sent."))
    exchange.script("GET", ORDER, answer)
    with pytest.raises(OrderRefused) as raised:
        await spot.cancel_order(REF)
    assert raised.value.exchange_code == "-2011"


@pytest.mark.parametrize("answer", [GARBLE, Reply(status=502), error(500, -1007)])
async def test_a_cancel_without_an_answer_is_unknown(
    answer: Any, spot: BinanceConnector, exchange: StubExchange
) -> None:
    """Nothing is concluded from silence."""
    exchange.script("DELETE", ORDER, answer)
    with pytest.raises((ErrorAnswer, NoAnswer)):
        await spot.cancel_order(REF)


async def test_no_such_order_is_none(spot: BinanceConnector, exchange: StubExchange) -> None:
    """-2013 is the exchange's positive word that it has no such order."""
    exchange.script("GET", ORDER, error(400, -2013, "Order does not exist."))
    assert await spot.fetch_order(REF) is None
    assert await spot.fetch_fills(structs.replace(REF, exchange_order_id=None)) == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            error(
                400, -2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
            ),
            ExchangeReadError,
        ),
        (error(400, -2039), ExchangeReadError),
        (error(500, -2013), ExchangeReadError),
        (Reply(status=502, body=b"<html>"), ExchangeReadError),
        (reply([]), ExchangeReadError),
        (reply({"orderId": 1}), ExchangeReadError),
        (reply({**payload("spot_rest", "resting"), "status": "A_NEW_WORD"}), ExchangeReadError),
        (reply({**payload("spot_rest", "resting"), "executedQty": "1e5000"}), ExchangeReadError),
        (reply({**payload("spot_rest", "resting"), "origQty": "NaN"}), ExchangeReadError),
        (GARBLE, ExchangeReadError),
        (error(401, -2015), CredentialsRefused),
        (error(429, -1003), RateLimited),
        (error(503, -1008), ExchangeDown),
    ],
)
async def test_a_question_that_failed_is_no_answer(
    answer: Any, kind: type[Exception], spot: BinanceConnector, exchange: StubExchange
) -> None:
    """Whatever is not the order itself raises; it is never taken for "no such order"."""
    exchange.script("GET", ORDER, answer)
    with pytest.raises(kind):
        await spot.fetch_order(REF)


async def test_open_orders_include_those_of_others(spot: BinanceConnector, exchange: StubExchange) -> None:
    """All resting orders come, also a stop order that is not ours; its terms are not stated."""
    exchange.script("GET", "/api/v3/openOrders", reply([recorded("query"), recorded("foreign_stop")]))
    ours, foreign = await spot.fetch_open_orders()
    assert (ours.order_id, ours.trading_pair) == ("og-1", "BTC-USDT")
    assert ours.terms is not None
    assert (foreign.order_id, foreign.trading_pair, foreign.terms) == ("web_7", "ETH-BTC", None)
    await spot.fetch_open_orders("BTC-USDT")
    every, one = exchange.asked("GET", "/api/v3/openOrders")
    assert "symbol" not in every.parameters
    assert one.parameters["symbol"] == "BTCUSDT"


async def test_fills_carry_the_exchange_s_ids_and_fees(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Two fills of one order, asked by the exchange's order id."""
    exchange.script("GET", ORDER, reply(recorded("query")))
    exchange.script("GET", "/api/v3/myTrades", reply(recorded("trades")))
    first, second = await spot.fetch_fills(structs.replace(REF, exchange_order_id=None))
    assert (first.exchange_fill_id, first.fee, first.fee_currency, first.liquidity) == (
        "56",
        Decimal("0.0002"),
        "BTC",
        "taker",
    )
    assert second.liquidity == "maker"
    (request,) = exchange.asked("GET", "/api/v3/myTrades")
    assert request.parameters["orderId"] == "28"


async def test_fills_that_are_not_all_shown_yet_are_an_error(spot: BinanceConnector, exchange: StubExchange) -> None:
    """The order's own total says that a trade is missing; a short list is never returned as the whole."""
    exchange.script("GET", ORDER, reply(recorded("query")))
    exchange.script("GET", "/api/v3/myTrades", reply(recorded("trades")[:1]), reply([]))
    for _ in range(2):
        with pytest.raises(ExchangeReadError, match="all fills"):
            await spot.fetch_fills(REF)


async def test_fills_of_an_order_that_is_gone_are_found_by_its_number(
    spot: BinanceConnector, exchange: StubExchange
) -> None:
    """Where the client id no longer finds the order, its number still finds the trades."""
    exchange.script("GET", ORDER, error(400, -2013))
    exchange.script("GET", "/api/v3/myTrades", reply(recorded("trades")))
    assert len(await spot.fetch_fills(REF)) == 2
    with pytest.raises(ExchangeReadError):
        await spot.fetch_fills(structs.replace(REF, exchange_order_id="twenty-eight"))


async def test_fills_come_page_after_page(spot: BinanceConnector, exchange: StubExchange) -> None:
    """1,500 fills take two pages; the second starts after the last id of the first, and foreign rows are left out."""
    trade = recorded("trades")[0]
    everything = [{**trade, "id": number, "qty": "0.001"} for number in range(100, 1600)]
    foreign = {**trade, "id": 5000, "orderId": 29}

    def page(request: Request) -> Reply:
        start = int(request.parameters.get("fromId", "0"))
        rows = [row for row in everything if row["id"] >= start][:1000]
        return reply(rows if len(rows) == 1000 else [*rows, foreign])

    exchange.script("GET", ORDER, reply({**recorded("query"), "executedQty": "1.5", "origQty": "2"}))
    exchange.script("GET", "/api/v3/myTrades", page)
    fills = await spot.fetch_fills(REF)
    assert [fill.exchange_fill_id for fill in fills] == [str(number) for number in range(100, 1600)]
    assert [request.parameters.get("fromId") for request in exchange.asked("GET", "/api/v3/myTrades")] == [None, "1100"]


async def test_balances_are_what_is_held(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Free and locked make the total; an asset of which there is nothing is left out."""
    exchange.script("GET", "/api/v3/account", reply(recorded("account")))
    held = {balance.asset: balance for balance in await spot.fetch_balances()}
    assert set(held) == {"BTC", "PEPE"}
    assert held["BTC"].total == Decimal("4723846.99208129")
    assert held["BTC"].available == Decimal("4723846.89208129")
    assert exchange.asked("GET", "/api/v3/account")[0].parameters["omitZeroBalances"] == "true"


async def test_market_data(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Ticker and book, the book cut to the depth asked for and timed by the exchange's clock."""
    exchange.script("GET", "/api/v3/ticker/24hr", reply(recorded("ticker")))
    exchange.script("GET", "/api/v3/depth", reply(recorded("depth")))
    ticker = await spot.fetch_ticker("BTC-USDT")
    assert (ticker.price, ticker.base_volume) == (Decimal("4.00000200"), Decimal("8913.3"))
    book = await spot.fetch_order_book("BTC-USDT", 1)
    assert [(level.price, level.amount) for level in book.bids] == [(Decimal("4.00"), Decimal(431))]
    assert len(book.asks) == 1
    assert book.reported_at.tzinfo is not None
    with pytest.raises(UnsupportedPair):
        await spot.fetch_ticker("XYZ-USDT")
    with pytest.raises(UnsupportedFeature):
        await spot.fetch_positions()


async def test_all_tickers_in_one_call(spot: BinanceConnector, exchange: StubExchange) -> None:
    """The shortest form is asked for once; pairs that do not trade, that never traded or that nobody knows are left out."""
    exchange.script("GET", TICKER, reply(recorded("tickers")))
    (ticker,) = await spot.fetch_tickers()
    assert (ticker.trading_pair, ticker.price) == ("BTC-USDT", Decimal("4.00000200"))
    assert (ticker.base_volume, ticker.quote_volume) == (Decimal("8913.3"), Decimal("15.3"))
    assert ticker.reported_at == datetime.fromtimestamp(1_795_000_000, UTC)
    (request,) = exchange.asked("GET", TICKER)
    assert request.parameters == {"type": "MINI"}


async def test_tickers_that_can_t_be_read_are_an_error(spot: BinanceConnector, exchange: StubExchange) -> None:
    """A pair that is trading is never silently missing."""
    broken = [{**row, "lastPrice": None} for row in recorded("tickers")]
    exchange.script("GET", TICKER, reply(broken), reply({}), error(500, -1000))
    for _ in range(3):
        with pytest.raises(ExchangeReadError):
            await spot.fetch_tickers()


async def test_all_tickers_stop_where_the_weight_does(spot: BinanceConnector, exchange: StubExchange) -> None:
    """The weight that an answer tells counts; at nine tenths of the limit the dear question is not sent."""
    exchange.script("GET", TICKER, reply(recorded("tickers"), X_MBX_USED_WEIGHT_1M="5400"))
    await spot.fetch_tickers()
    with pytest.raises(RateLimited):
        await spot.fetch_tickers()
    with pytest.raises(RateLimited):
        await spot.fetch_recent_trades("BTC-USDT", 5)
    assert len(exchange.asked("GET", TICKER)) == 1
    assert BinanceConnector.headroom(spot.venue) == pytest.approx(0.1)


async def test_the_last_trades_of_a_market(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Oldest first, each with the side that took; no more than Binance shows are asked for."""
    exchange.script("GET", "/api/v3/trades", reply(recorded("public_trades")))
    sold, bought = await spot.fetch_recent_trades("BTC-USDT", 2)
    assert (sold.exchange_trade_id, sold.taker_side, sold.trading_pair) == ("28457", "SELL", "BTC-USDT")
    assert (bought.price, bought.amount, bought.taker_side) == (Decimal("4.000002"), Decimal("1e-8"), "BUY")
    assert bought.traded_at == datetime.fromtimestamp(1_795_000_000, UTC)
    await spot.fetch_recent_trades("BTC-USDT", 5000)
    limits = [request.parameters["limit"] for request in exchange.asked("GET", "/api/v3/trades")]
    assert limits == ["2", "1000"]
    with pytest.raises(UnsupportedPair):
        await spot.fetch_recent_trades("XYZ-USDT", 2)


@pytest.mark.parametrize("change", [{"isBuyerMaker": None}, {"id": "x"}, {"price": 1.5e99}, {"time": "now"}])
async def test_trades_that_can_t_be_read_are_an_error(
    spot: BinanceConnector, exchange: StubExchange, change: dict[str, Any]
) -> None:
    """A side that is not told is not guessed, and a trade without an id can't be told from another."""
    exchange.script("GET", "/api/v3/trades", reply([{**recorded("public_trades")[0], **change}]))
    with pytest.raises(ExchangeReadError):
        await spot.fetch_recent_trades("BTC-USDT", 2)


def kline_pages(start: datetime, count: int) -> Callable[[Request], Reply]:
    """A candle a minute from ``start``, answered as Binance does: by start from the front, else from the end."""
    opened = [milliseconds_of(start + timedelta(minutes=minute)) for minute in range(count)]
    rows = [[at, *recorded("kline")[1:]] for at in opened]

    def page(request: Request) -> Reply:
        asked = request.parameters
        limit, end = int(asked["limit"]), int(asked.get("endTime", str(10**15)))
        found = [row for row in rows if int(asked.get("startTime", "0")) <= row[0] <= end]
        return reply(found[:limit] if "startTime" in asked else found[-limit:])

    return page


async def test_a_page_of_candles(spot: BinanceConnector, exchange: StubExchange) -> None:
    """One question for each page, never for more than a page holds: forward from a start, else backward from the end."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    exchange.script("GET", "/api/v3/klines", kline_pages(start, 2500))
    last = await spot.fetch_candles("BTC-USDT", "1m", limit=1500)
    assert [row.opened_at for row in last] == [start + timedelta(minutes=minute) for minute in range(1500, 2500)]
    first = await spot.fetch_candles("BTC-USDT", "1m", limit=1200, start_at=start)
    assert [row.opened_at for row in first] == [start + timedelta(minutes=minute) for minute in range(1000)]
    few = await spot.fetch_candles("BTC-USDT", "1m", limit=5, end_at=start + timedelta(minutes=2))
    assert [row.opened_at for row in few] == [start + timedelta(minutes=minute) for minute in range(3)]
    assert few[0].close == Decimal("0.01577100")
    assert few[0].trades == 308
    between = await spot.fetch_candles(
        "BTC-USDT", "1m", limit=5000, start_at=start + timedelta(minutes=10), end_at=start + timedelta(minutes=19)
    )
    assert len(between) == 10
    limits = [request.parameters["limit"] for request in exchange.asked("GET", "/api/v3/klines")]
    assert limits == ["1000", "1000", "5", "1000"]
    with pytest.raises(InvalidArgument):
        await spot.fetch_candles("BTC-USDT", "7m", limit=5)


async def test_a_page_of_candles_holds_nobody() -> None:
    """A page is read in slices, between which others go; one odd candle in it is left out, wherever it is."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    rows: list[Any] = [recorded("kline")] * 999
    going = asyncio.create_task(others())
    found = await candles([*rows, ["odd"]])
    going.cancel()
    assert len(found) == 999
    assert len(found.unreadable) == 1
    assert turns >= 1000 // SLICE


TERMS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.5", "price": "20000"}),
    ({"time_in_force": TimeInForce.IOC}, {"type": "LIMIT", "timeInForce": "IOC", "quantity": "0.5", "price": "20000"}),
    ({"time_in_force": TimeInForce.FOK}, {"type": "LIMIT", "timeInForce": "FOK", "quantity": "0.5", "price": "20000"}),
    ({"order_type": OrderType.LIMIT_MAKER}, {"type": "LIMIT_MAKER", "quantity": "0.5", "price": "20000"}),
    ({"order_type": OrderType.MARKET}, {"type": "MARKET", "quantity": "0.5"}),
    (
        {"order_type": OrderType.MARKET, "amount": None, "quote_amount": Decimal("1E+1")},
        {"type": "MARKET", "quoteOrderQty": "10"},
    ),
]


@pytest.mark.parametrize(("asked", "sent"), TERMS)
def test_terms_of_a_spot_order(asked: dict[str, Any], sent: dict[str, str], order_of: OrderOf) -> None:
    """Each kind of order in spot's own words."""
    assert spot_terms(order_of(**asked)) == {"newOrderRespType": "FULL", **sent}


@pytest.mark.parametrize(
    "asked",
    [
        {"reduce_only": True},
        {"price": None},
        {"amount": None},
        {"order_type": OrderType.MARKET, "amount": None},
        {"order_type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.IOC},
    ],
)
def test_terms_that_spot_does_not_have(asked: dict[str, Any], order_of: OrderOf) -> None:
    """What can't be said to the exchange is refused, not sent as something else."""
    with pytest.raises(OrderRefused, match="Not sent"):
        spot_terms(order_of(**asked))


async def test_a_reset_question_is_an_error(spot: BinanceConnector, exchange: StubExchange) -> None:
    """A question that loses its connection is a failed question."""
    exchange.script("GET", ORDER, RESET)
    with pytest.raises(ExchangeReadError):
        await spot.fetch_order(REF)
