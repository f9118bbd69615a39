"""What perpetuals add: position modes, positions, leverage, funding, and trades that are shown by the week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.perpetual import (
    BinancePerpetualConnector,
    BinancePerpetualTestnetConnector,
    perpetual_terms,
)
from app.domain.enums import OrderType, PositionAction, PositionMode, PositionSide, TimeInForce, TradeType
from app.domain.errors import ExchangeDown, ExchangeReadError, OrderRefused, RateLimited
from app.domain.order import Order, OrderRef
from tests.connectors.binance.conftest import SERVER_MS, payload
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import GARBLE, Reply, Request, StubExchange, error, reply

OrderOf = Callable[..., Order]
ORDER = "/fapi/v1/order"
MODE = "/fapi/v1/positionSide/dual"
REF = OrderRef(order_id="og-1", trading_pair="BTC-USDT", exchange_order_id="22542179")
BUY, SELL = TradeType.BUY, TradeType.SELL
OPEN, CLOSE = PositionAction.OPEN, PositionAction.CLOSE
ONEWAY, HEDGE = PositionMode.ONEWAY, PositionMode.HEDGE


def recorded(key: str) -> Any:
    return payload("perpetual_rest", key)


MODES: list[tuple[PositionMode, TradeType, PositionAction, bool, dict[str, str]]] = [
    (ONEWAY, BUY, OPEN, False, {}),
    (ONEWAY, SELL, OPEN, False, {}),
    (ONEWAY, SELL, OPEN, True, {"reduceOnly": "true"}),
    (ONEWAY, BUY, CLOSE, False, {"reduceOnly": "true"}),
    (ONEWAY, SELL, CLOSE, True, {"reduceOnly": "true"}),
    (HEDGE, BUY, OPEN, False, {"positionSide": "LONG"}),
    (HEDGE, SELL, OPEN, False, {"positionSide": "SHORT"}),
    (HEDGE, SELL, CLOSE, False, {"positionSide": "LONG"}),
    (HEDGE, BUY, CLOSE, False, {"positionSide": "SHORT"}),
    (HEDGE, BUY, CLOSE, True, {"positionSide": "SHORT"}),
]


@pytest.mark.parametrize(("mode", "side", "action", "reduce_only", "sent"), MODES)
def test_how_an_order_names_its_position(
    mode: PositionMode,
    side: TradeType,
    action: PositionAction,
    reduce_only: bool,
    sent: dict[str, str],
    order_of: OrderOf,
) -> None:
    """One-way says reduceOnly, hedge names the side, never both."""
    order = order_of(trade_type=side, position_action=action, reduce_only=reduce_only)
    terms = perpetual_terms(order, mode)
    assert {name: terms[name] for name in ("reduceOnly", "positionSide") if name in terms} == sent


def test_a_contradiction_in_hedge_mode_is_refused(order_of: OrderOf) -> None:
    """An order that opens a side can't reduce it."""
    with pytest.raises(OrderRefused, match="hedge"):
        perpetual_terms(order_of(reduce_only=True), HEDGE)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.5", "price": "20000"}),
        (
            {"time_in_force": TimeInForce.FOK},
            {"type": "LIMIT", "timeInForce": "FOK", "quantity": "0.5", "price": "20000"},
        ),
        (
            {"order_type": OrderType.LIMIT_MAKER},
            {"type": "LIMIT", "timeInForce": "GTX", "quantity": "0.5", "price": "20000"},
        ),
        ({"order_type": OrderType.MARKET}, {"type": "MARKET", "quantity": "0.5"}),
    ],
)
def test_terms_of_a_perpetual_order(asked: dict[str, Any], sent: dict[str, str], order_of: OrderOf) -> None:
    """Each kind of order in futures' own words."""
    assert perpetual_terms(order_of(**asked), ONEWAY) == {"newOrderRespType": "RESULT", **sent}


def test_a_quote_amount_is_refused(order_of: OrderOf) -> None:
    """Futures take base units only."""
    with pytest.raises(OrderRefused, match="base units"):
        perpetual_terms(order_of(order_type=OrderType.MARKET, amount=None, quote_amount=Decimal(10)), ONEWAY)


async def test_the_answer_says_how_much_but_not_which_fills(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """RESULT carries a total and no fills, so the report says that they must be fetched."""
    exchange.script("POST", ORDER, reply(recorded("result")))
    report = await perpetual.submit_order(order_of(order_type=OrderType.LIMIT_MAKER))
    assert (report.filled_amount, report.fills) == (Decimal("0.3"), ())
    assert report.terms is not None
    assert report.terms.order_type is OrderType.LIMIT_MAKER


async def test_the_mode_is_asked_once_and_again_after_a_contradiction(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The mode is kept between orders; -4061 says that it is no longer what it was."""
    exchange.script("POST", ORDER, reply(recorded("result")), error(400, -4061), reply(recorded("result")))
    exchange.script("GET", MODE, reply({"dualSidePosition": False}), reply({"dualSidePosition": True}))
    await perpetual.submit_order(order_of())
    with pytest.raises(OrderRefused):
        await perpetual.submit_order(order_of())
    assert len(exchange.asked("GET", MODE)) == 1
    await perpetual.submit_order(order_of())
    assert len(exchange.asked("GET", MODE)) == 2
    assert [request.parameters.get("positionSide") for request in exchange.asked("POST", ORDER)] == [None, None, "LONG"]
    assert not exchange.asked("POST", MODE)


@pytest.mark.parametrize("answer", [GARBLE, Reply(status=500), reply({"dualSidePosition": "maybe"})])
async def test_an_unknown_mode_refuses_the_order(
    answer: Any, perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A mode that can't be read is not assumed, and the order surely was not sent."""
    exchange.script("GET", MODE, answer)
    with pytest.raises(ExchangeDown, match="nothing was sent"):
        await perpetual.submit_order(order_of())
    assert not exchange.asked("POST", ORDER)


async def test_setting_the_mode(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The change is sent as text, "no need to change" is success, another refusal is one, and the kept mode is forgotten."""
    exchange.script(
        "POST", MODE, reply({"code": 200, "msg": "success"}), error(400, -4059), error(400, -4068, "Open positions.")
    )
    assert await perpetual.fetch_position_mode() is ONEWAY
    await perpetual.set_position_mode(HEDGE)
    await perpetual.set_position_mode(ONEWAY)
    with pytest.raises(OrderRefused, match="Open positions"):
        await perpetual.set_position_mode(HEDGE)
    assert [request.parameters["dualSidePosition"] for request in exchange.asked("POST", MODE)] == [
        "true",
        "false",
        "true",
    ]
    exchange.script("POST", ORDER, reply(recorded("result")))
    await perpetual.submit_order(order_of())
    assert len(exchange.asked("GET", MODE)) == 2


async def test_a_mode_that_was_read_before_a_change_is_not_kept(
    perpetual: BinancePerpetualConnector,
    exchange: StubExchange,
    order_of: OrderOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer was on its way while the mode was changed: the next order asks again instead of trusting it."""
    exchange.script("POST", MODE, reply({"code": 200, "msg": "success"}))
    exchange.script("GET", MODE, reply({"dualSidePosition": False}), reply({"dualSidePosition": True}))
    ask = perpetual.calls.ask

    async def ask_while_it_changes(call: str) -> Any:
        answer = await ask(call)
        await perpetual.set_position_mode(HEDGE)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(perpetual.calls, "ask", ask_while_it_changes)
        assert await perpetual.fetch_position_mode() is ONEWAY
    exchange.script("POST", ORDER, reply(recorded("result")))
    await perpetual.submit_order(order_of())
    assert exchange.asked("POST", ORDER)[0].parameters["positionSide"] == "LONG"


async def test_setting_the_leverage(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """The exchange's answer must say what was asked; silence and another number are failures."""
    path = "/fapi/v1/leverage"
    exchange.script("POST", path, reply({"leverage": 20, "maxNotionalValue": "1", "symbol": "BTCUSDT"}))
    await perpetual.set_leverage("BTC-USDT", 20)
    assert exchange.asked("POST", path)[0].parameters["leverage"] == "20"
    with pytest.raises(ExchangeReadError):
        await perpetual.set_leverage("BTC-USDT", 21)
    for answer, kind in (
        (error(400, -4028), OrderRefused),
        (GARBLE, ExchangeReadError),
        (Reply(status=500), ExchangeReadError),
    ):
        exchange.script("POST", path, answer)
        with pytest.raises(kind):
            await perpetual.set_leverage("BTC-USDT", 20)


async def test_a_countdown(perpetual: BinancePerpetualConnector, exchange: StubExchange, clock: HandClock) -> None:
    """What is left of the time is sent, zero to end it; only the exchange's own word about the symbol counts as set."""
    path = "/fapi/v1/countdownCancelAll"
    exchange.script("POST", path, reply({"symbol": "BTCUSDT", "countdownTime": "60000"}))
    await perpetual.set_countdown("BTC-USDT", clock.now() + timedelta(seconds=60))
    await perpetual.set_countdown("BTC-USDT", None)
    sent = [request.parameters for request in exchange.asked("POST", path)]
    assert [(each["symbol"], each["countdownTime"]) for each in sent] == [("BTCUSDT", "60000"), ("BTCUSDT", "0")]
    with pytest.raises(ExchangeDown, match="was not sent"):
        await perpetual.set_countdown("BTC-USDT", clock.now())
    assert len(exchange.asked("POST", path)) == 2
    for answer, kind in (
        (error(400, -4028), OrderRefused),
        (GARBLE, ExchangeReadError),
        (Reply(status=500), ExchangeReadError),
        (reply({"symbol": "ETHUSDT", "countdownTime": "60000"}), ExchangeReadError),
        (error(429, -1003), RateLimited),
    ):
        exchange.script("POST", path, answer)
        with pytest.raises(kind):
            await perpetual.set_countdown("BTC-USDT", clock.now() + timedelta(seconds=60))


async def test_positions(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """Long and short with their marks; a short is negative in hedge mode too; an empty one is left out."""
    exchange.script("GET", "/fapi/v2/positionRisk", reply(recorded("positions")))
    long, short = await perpetual.fetch_positions()
    assert (long.trading_pair, long.side, long.amount) == ("BTC-USDT", PositionSide.LONG, Decimal("0.5"))
    assert (long.leverage, long.liquidation_price) == (Decimal(20), Decimal("15000.1"))
    assert long.margin == Decimal("500.00308642")
    assert (short.side, short.amount, short.margin) == (PositionSide.SHORT, Decimal("-0.01"), Decimal("12.5"))
    assert short.liquidation_price is None


async def test_balances(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """The wallet and what of it may be used; an empty wallet is left out."""
    exchange.script("GET", "/fapi/v3/balance", reply(recorded("balance")))
    (held,) = await perpetual.fetch_balances()
    assert (held.asset, held.total, held.available) == ("USDT", Decimal("122607.35137903"), Decimal("23.72469206"))


async def test_funding(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """Payments with their own ids, paid ones negative, and the terms as they stand."""
    exchange.script("GET", "/fapi/v1/income", reply(recorded("income")))
    exchange.script("GET", "/fapi/v1/premiumIndex", reply(recorded("premium")))
    paid, received = await perpetual.fetch_funding_payments(datetime(2026, 11, 1, tzinfo=UTC))
    assert (paid.exchange_funding_id, paid.payment, paid.currency) == ("9689322392", Decimal("-0.375"), "USDT")
    assert received.payment == Decimal("0.1")
    (request,) = exchange.asked("GET", "/fapi/v1/income")
    assert request.parameters["incomeType"] == "FUNDING_FEE"
    info = await perpetual.fetch_funding_info("BTC-USDT")
    assert (info.funding_rate, info.mark_price) == (Decimal(0), Decimal("11793.63104562"))


async def test_funding_in_pages(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """A full page is followed from its last time on, and nothing is counted twice; a page that repeats is an error."""
    row = recorded("income")[0]
    everything = [{**row, "tranId": number, "time": 1_794_000_000_000 + number // 2} for number in range(1500)]

    def page(request: Request) -> Reply:
        return reply([one for one in everything if one["time"] >= int(request.parameters["startTime"])][:1000])

    exchange.script("GET", "/fapi/v1/income", page)
    payments = await perpetual.fetch_funding_payments(datetime(2026, 11, 1, tzinfo=UTC))
    assert len(payments) == 1500
    exchange.script("GET", "/fapi/v1/income", reply([{**one, "time": row["time"]} for one in everything[:1000]]))
    with pytest.raises(ExchangeReadError, match="same page"):
        await perpetual.fetch_funding_payments(datetime(2026, 11, 1, tzinfo=UTC))


async def test_fills_older_than_a_week(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """Futures show seven days of trades; an order that traded before them is asked for week by week."""
    trades = recorded("trades")

    def shown(request: Request) -> Reply:
        asked = request.parameters
        start, end = int(asked.get("startTime", "1794400000000")), int(asked.get("endTime", "1795000000000"))
        assert end - start < 7 * 24 * 3_600_000
        return reply([trade for trade in trades if start <= trade["time"] <= end])

    exchange.script("GET", ORDER, reply(recorded("query")))
    exchange.script("GET", "/fapi/v1/userTrades", shown)
    fills = await perpetual.fetch_fills(REF)
    assert [fill.exchange_fill_id for fill in fills] == ["698759", "698800"]
    assert fills[1].fee == Decimal("-0.4")


async def test_order_books_have_fixed_depths(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """The next depth that futures take is asked for, and the rest cut off."""
    levels = [[f"{price}", "1"] for price in range(100, 120)]
    exchange.script(
        "GET", "/fapi/v1/depth", reply({"E": 1795000000001, "T": 1795000000000, "bids": levels, "asks": levels})
    )
    book = await perpetual.fetch_order_book("BTC-USDT", 7)
    assert (len(book.bids), len(book.asks)) == (7, 7)
    assert exchange.asked("GET", "/fapi/v1/depth")[0].parameters["limit"] == "10"
    await perpetual.fetch_order_book("BTC-USDT", 5000)
    assert exchange.asked("GET", "/fapi/v1/depth")[1].parameters["limit"] == "1000"


async def test_public_trades_and_all_tickers(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """Trades oldest first; tickers in one call, of perpetuals only: a dated future is no pair of ours."""
    exchange.script("GET", "/fapi/v1/trades", reply(recorded("public_trades")))
    exchange.script("GET", "/fapi/v1/ticker/24hr", reply(recorded("tickers")))
    trades = await perpetual.fetch_recent_trades("BTC-USDT", 2)
    assert [(trade.exchange_trade_id, trade.taker_side) for trade in trades] == [("28457", "SELL"), ("28458", "BUY")]
    (ticker,) = await perpetual.fetch_tickers()
    assert (ticker.trading_pair, ticker.price, ticker.base_volume) == (
        "BTC-USDT",
        Decimal("4.000002"),
        Decimal("8913.3"),
    )
    assert exchange.asked("GET", "/fapi/v1/ticker/24hr")[0].parameters == {}


async def test_too_many_orders_are_stopped_here(
    perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """When the account's order count reaches the exchange's limit, the next order waits for the next window."""
    await perpetual.load_trading_rules()
    exchange.script("POST", ORDER, reply(recorded("result"), X_MBX_ORDER_COUNT_10S="300"))
    await perpetual.submit_order(order_of())
    with pytest.raises(RateLimited) as raised:
        perpetual.check_available()
    assert raised.value.retry_after is not None
    with pytest.raises(RateLimited):
        await perpetual.submit_order(order_of())
    assert len(exchange.asked("POST", ORDER)) == 1


def test_the_test_network_has_credentials_of_its_own() -> None:
    """Its fields carry its own name, so that its keys are never mixed up with real ones."""
    assert set(BinancePerpetualTestnetConnector.credential_fields) == {
        "binance_perpetual_testnet_api_key",
        "binance_perpetual_testnet_api_secret",
    }
    assert BinancePerpetualTestnetConnector.name == "binance_perpetual_testnet"


async def test_funding_payments_that_share_an_id(perpetual: BinancePerpetualConnector, exchange: StubExchange) -> None:
    """Of two symbols, of both sides of one in hedge mode, and of two times: all are payments of their own."""
    row = {"symbol": "BTCUSDT", "income": "-0.375", "asset": "USDT", "time": 1795000000000, "tranId": 9689322392}
    rows = [row, {**row, "symbol": "ETHUSDT"}, {**row, "income": "0.375"}, {**row, "time": 1795028800000}, row]
    exchange.script("GET", "/fapi/v1/income", reply(rows))
    found = await perpetual.fetch_funding_payments(datetime(2026, 11, 1, tzinfo=UTC))
    assert len(found) == 4


async def test_trades_from_before_the_exchange_s_memory(
    perpetual: BinancePerpetualConnector, exchange: StubExchange
) -> None:
    """Binance tells of half a year. What is older is not asked for, again and again for ever, and what is missing is said."""
    day = 24 * 3_600_000
    old = {**recorded("result"), "time": SERVER_MS - 400 * day, "updateTime": SERVER_MS - 1 * day, "executedQty": "0.5"}
    exchange.script("GET", ORDER, reply(old))
    await perpetual.venue.ready_to_sign()
    exchange.script("GET", "/fapi/v1/userTrades", reply([]))
    with pytest.raises(ExchangeReadError, match="does not show all fills"):
        await perpetual.fetch_fills(OrderRef(order_id="og-1", trading_pair="BTC-USDT", exchange_order_id="22542179"))
    starts = [
        int(each.parameters["startTime"])
        for each in exchange.asked("GET", "/fapi/v1/userTrades")
        if "startTime" in each.parameters
    ]
    assert min(starts) >= SERVER_MS - 180 * day
    assert perpetual.venue.odd_rows.counts["trades history"] == 1
