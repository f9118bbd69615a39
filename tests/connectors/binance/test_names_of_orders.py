"""An order has two names at Binance, ours and its number. Either may be given anew to another order, so each is checked by the
other, or by the terms.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common.numbers import instant
from app.domain.enums import OrderType, TradeType
from app.domain.errors import ExchangeReadError
from app.domain.order import OrderRef
from tests.connectors.binance.conftest import payload
from tests.connectors.stub import Answer, Reply, Request, StubExchange, error, reply

ORDER = "/api/v3/order"
TRADES = "/api/v3/myTrades"
QUERY: dict[str, Any] = payload("spot_rest", "query")
NO_SUCH_ORDER = error(400, -2013, "Order does not exist.")
#: The order of the recorded answers, as the journal has it.
REF = OrderRef(
    order_id="og-1",
    trading_pair="BTC-USDT",
    exchange_order_id="28",
    trade_type=TradeType.BUY,
    order_type=OrderType.LIMIT,
    price=Decimal(20000),
    created_at=instant(QUERY["time"]) - timedelta(seconds=1),
)


def by_name(ours: Reply, number: Reply) -> Answer:
    """Answers to the question by our id, and to the one by number."""

    def answer(request: Request) -> Reply:
        return ours if "origClientOrderId" in request.parameters else number

    return answer


async def test_an_order_that_one_name_does_not_find_is_found_by_the_other(
    spot: BinanceConnector, exchange: StubExchange
) -> None:
    """The query by our id fails to see a live order: the one by its number finds it, with our id in the answer."""
    exchange.script("GET", ORDER, by_name(NO_SUCH_ORDER, reply(QUERY)))
    report = await spot.fetch_order(REF)
    assert report is not None
    assert (report.order_id, report.exchange_order_id, report.state) == ("og-1", "28", "open")


async def test_a_renamed_order_is_recognised_by_its_terms(spot: BinanceConnector, exchange: StubExchange) -> None:
    """An amendment has changed the client id and the amount: number, side, type and time agree, so it is ours."""
    renamed = {**QUERY, "clientOrderId": "amended7", "origQty": "0.40000000"}
    exchange.script("GET", ORDER, by_name(NO_SUCH_ORDER, reply(renamed)))
    exchange.script("GET", TRADES, reply(payload("spot_rest", "trades")))
    report = await spot.fetch_order(REF)
    assert report is not None
    assert (report.order_id, report.exchange_order_id) == ("amended7", "28")
    assert len(await spot.fetch_fills(REF)) == 2


@pytest.mark.parametrize(
    "terms",
    [{"side": "SELL"}, {"type": "MARKET"}, {"time": QUERY["time"] + 3_600_000}],
    ids=["side", "type", "time"],
)
async def test_a_number_that_was_given_anew_is_another_order(
    terms: dict[str, Any], spot: BinanceConnector, exchange: StubExchange
) -> None:
    """After a test network's reset the number is a stranger's order: that is no such order, and its fills are not ours."""
    stranger = {**QUERY, "clientOrderId": "web_7", **terms}
    exchange.script("GET", ORDER, by_name(NO_SUCH_ORDER, reply(stranger)))
    exchange.script("GET", TRADES, reply(payload("spot_rest", "trades")))
    assert await spot.fetch_order(REF) is None
    assert await spot.fetch_fills(REF) == []


async def test_our_id_under_another_number_is_another_order(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Another program has used our id since the order was done: only the one with our number is ours."""
    exchange.script("GET", ORDER, by_name(reply({**QUERY, "orderId": 99}), NO_SUCH_ORDER))
    assert await spot.fetch_order(REF) is None
    exchange.script("GET", ORDER, by_name(reply({**QUERY, "orderId": 99}), reply({**QUERY, "status": "CANCELED"})))
    report = await spot.fetch_order(REF)
    assert report is not None
    assert (report.exchange_order_id, report.state) == ("28", "canceled")


async def test_trades_of_an_order_that_is_gone_must_fit_it(spot: BinanceConnector, exchange: StubExchange) -> None:
    """Binance has the order no longer and lists trades under its number: those of the other side, or older, are not its."""
    first, second = payload("spot_rest", "trades")
    older = {**first, "id": 58, "time": QUERY["time"] - 3_600_000}
    exchange.script("GET", ORDER, NO_SUCH_ORDER)
    exchange.script("GET", TRADES, reply([first, {**second, "isBuyer": False}, older]))
    assert [fill.exchange_fill_id for fill in await spot.fetch_fills(REF)] == ["56"]


async def test_an_answer_about_another_symbol_confirms_nothing(spot: BinanceConnector, exchange: StubExchange) -> None:
    """It is neither the order nor a denial of it."""
    exchange.script("GET", ORDER, by_name(NO_SUCH_ORDER, reply({**QUERY, "symbol": "ETHBTC"})))
    with pytest.raises(ExchangeReadError):
        await spot.fetch_order(REF)


async def test_the_account_has_a_name(
    spot: BinanceConnector, perpetual: BinancePerpetualConnector, exchange: StubExchange
) -> None:
    """Spot's user id and futures' alias, the same for every key of the account; None where an answer has none."""
    exchange.script("GET", "/api/v3/account", reply({"balances": [], "uid": 354937868}), reply({"balances": []}))
    rows = payload("perpetual_rest", "balance")
    other = {**rows[1], "accountAlias": "x"}
    exchange.script("GET", "/fapi/v3/balance", reply(rows), reply([]), reply([rows[0], other]))

    assert await spot.fetch_exchange_account() == "354937868"
    assert await spot.fetch_exchange_account() is None
    assert await perpetual.fetch_exchange_account() == "SgsR"
    assert await perpetual.fetch_exchange_account() is None
    with pytest.raises(ExchangeReadError):
        await perpetual.fetch_exchange_account()
