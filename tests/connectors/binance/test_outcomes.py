"""What answers to an order prove: one case for each row of the tables, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.connectors.base import Overloaded
from app.connectors.binance.outcomes import PERPETUAL, SPOT
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common.answers import NoAnswer
from app.domain.enums import PositionMode
from app.domain.errors import (
    ClockRefused,
    CredentialsRefused,
    DuplicateOrderId,
    ExchangeDown,
    ExchangeReadError,
    InsufficientBalance,
    OrdergateError,
    OrderRefused,
    RateLimited,
    Refused,
    WouldTake,
)
from app.domain.order import Order
from tests.connectors.binance.conftest import SERVER_MS, an_order, context, payload, settings
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import GARBLE, HANG, RESET, Answer, Reply, StubExchange, error, reply

OrderOf = Callable[..., Order]
SPOT_ORDER = ("POST", "/api/v3/order")
PERPETUAL_ORDER = ("POST", "/fapi/v1/order")
UNKNOWN_503 = "Unknown error, please check your request or try again later."
UNAVAILABLE = "Service Unavailable."
INTERNAL = "Internal error; unable to process your request. Please try again."

#: Answers that prove a refusal on either market, and as what.
REFUSED: list[tuple[Reply, type[Refused]]] = [
    (error(401, -1002), CredentialsRefused),
    (error(401, -2014), CredentialsRefused),
    (error(401, -2015), CredentialsRefused),
    (error(400, -2008), CredentialsRefused),
    (error(400, -1022), CredentialsRefused),
    (error(401, -1099), CredentialsRefused),
    (error(429, -1003, "Too much request weight used."), RateLimited),
    (error(418, -1003, "Way too much request weight used; IP banned until 1795000060000."), RateLimited),
    (error(400, -1003), RateLimited),
    (error(429, -1015, "Too many new orders."), RateLimited),
    (Reply(status=429, body=b"<html>slow down</html>"), RateLimited),
    (Reply(status=418, body=b""), RateLimited),
    (Reply(status=403, body=b"<html>403 Forbidden</html>"), ExchangeDown),
    (error(400, -1021, "Timestamp for this request is outside of the recvWindow."), ClockRefused),
    *((error(400, code), OrderRefused) for code in (-1014, -1020, *range(-1106, -1099), -1108, -1111, -1112)),
    *((error(400, code), OrderRefused) for code in (*range(-1121, -1113), -1128, -1130, -1131, -2011)),
    (error(400, -2010, "Account has insufficient balance for requested action."), InsufficientBalance),
    (error(400, -2010, "Duplicate order sent."), DuplicateOrderId),
    (error(400, -2010, "Order would immediately match and take."), WouldTake),
    (error(400, -2010, "Order would trigger immediately."), OrderRefused),
    (error(400, -2010, "Market is closed."), OrderRefused),
    (error(400, -2010, "This symbol is not permitted for this account."), OrderRefused),
    (error(400, -2010, "A text that nobody has written yet, \u00e9\u4e2d\u6587 {0} %s"), OrderRefused),
    (
        reply({"code": "-2010", "msg": "Account has insufficient balance for requested action."}, 400),
        InsufficientBalance,
    ),
    (reply({"code": -2010, "msg": None}, 400), OrderRefused),
]

#: Answers that prove nothing on either market.
UNKNOWN: list[Answer] = [
    error(503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    error(503, -1008, "Request throttled by system-level protection. Please try again."),
    error(503, -1008, UNAVAILABLE),
    error(429, -1008),
    error(400, -1008),
    *(error(400, code) for code in (-1000, -1001, -1004, -1016, -1023, -2013, -2016, -3001, -9999)),
    error(400, -9999, "Account has insufficient balance for requested action."),
    error(401, -9999),
    error(404, -9999),
    reply({"code": 0, "msg": "No."}, 400),
    error(500, -1000),
    error(500, -1001),
    error(503, -1000, UNKNOWN_503),
    error(503, -1000, "Service unavailable, said in other words"),
    Reply(status=503, body=b"Service Unavailable."),
    error(500, -2010, "Account has insufficient balance for requested action."),
    error(503, -9999),
    error(400, -1006),
    error(400, -1007, "Timeout waiting for response from backend server. Send status unknown."),
    error(504, -1007),
    error(408, -1007),
    error(408, -2010),
    error(409, -2021),
    Reply(status=408, body=b""),
    Reply(status=400, body=b""),
    Reply(status=404, body=b"<html>not here</html>"),
    Reply(status=502, body=b"<html>bad gateway</html>"),
    Reply(status=504, body=b""),
    reply(["a", "list"], 500),
    reply("a text", 400),
    reply(None, 400),
    Reply(status=302, headers={"Location": "/api/v3/ping"}),
    reply({}),
    reply([]),
    reply({"code": -2011, "msg": "Unknown order sent."}),
    reply({"code": 0, "msg": "success"}),
    Reply(body=b"<html>welcome</html>"),
    Reply(body=b""),
    Reply(body=b"\xff\xfe"),
    Reply(body=b'{"orderId": NaN}'),
    GARBLE,
    RESET,
]


def name_of(answer: Any) -> str:
    return answer if isinstance(answer, str) else f"{answer.status} {answer.body[:60]!r}"


def describe(case: tuple[Reply, type[Refused]]) -> str:
    return f"{name_of(case[0])} is {case[1].__name__}"


@pytest.mark.parametrize("case", REFUSED, ids=describe)
async def test_a_proven_refusal_is_one_on_spot(
    case: tuple[Reply, type[Refused]], spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Each answer that proves that nothing was placed raises its class, and the order was sent once."""
    exchange.script(*SPOT_ORDER, case[0])
    with pytest.raises(Refused) as raised:
        await spot.submit_order(order_of())
    assert type(raised.value) is case[1]
    assert len(exchange.asked(*SPOT_ORDER)) == 1


@pytest.mark.parametrize("case", REFUSED, ids=describe)
async def test_a_proven_refusal_is_one_on_perpetuals(
    case: tuple[Reply, type[Refused]], perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The common rows hold on futures too."""
    exchange.script(*PERPETUAL_ORDER, case[0])
    with pytest.raises(Refused) as raised:
        await perpetual.submit_order(order_of())
    assert type(raised.value) is case[1]
    assert len(exchange.asked(*PERPETUAL_ORDER)) == 1


SPOT_ONLY: list[tuple[Reply, type[Refused]]] = [
    (error(400, -1013, "Filter failure: LOT_SIZE"), OrderRefused),
    (error(400, -1010, "Market is closed."), OrderRefused),
]

PERPETUAL_ONLY: list[tuple[Reply, type[Refused]]] = [
    (error(503, -1000, UNAVAILABLE), ExchangeDown),
    (error(503, -1001, INTERNAL), ExchangeDown),
    *((error(400, code), OrderRefused) for code in (-1109, -1110, -1122, -1126, -1136)),
    (error(400, -2017), CredentialsRefused),
    (error(400, -2018), InsufficientBalance),
    (error(400, -2019), InsufficientBalance),
    *((error(400, code), OrderRefused) for code in range(-2028, -2019)),
    *((error(400, code), OrderRefused) for code in (*range(-4005, -4000), *range(-4016, -4012), -4023, -4024)),
    *((error(400, code), OrderRefused) for code in (-4028, -4029, -4030, *range(-4062, -4058), -4067, -4068)),
    *((error(400, code), OrderRefused) for code in (-4087, -4088, -4104, -4118, -4120, -4131, -4140, -4141, -4144)),
    *((error(400, code), OrderRefused) for code in (-4161, -4164, -4183, -4184, -4192, -4202, -4203, -4205, -4206)),
    *((error(400, code), OrderRefused) for code in (-4208, -4209, -4220, *range(-4403, -4399), -4405, -4407)),
    *((error(400, code), OrderRefused) for code in (-4517, -4518, -4519, -4531, -5021, -5025)),
    (error(400, -4116), DuplicateOrderId),
    (error(400, -5022), WouldTake),
    (error(400, -5028), ExchangeDown),
]

#: Answers that prove something on the other market only.
SPOT_UNKNOWN: list[Answer] = [
    error(503, -1000, UNAVAILABLE),
    error(503, -1001, INTERNAL),
    *(error(400, code) for code in (-2018, -2021, -2022, -4116, -5022)),
]
PERPETUAL_UNKNOWN: list[Answer] = [error(400, -1010), error(400, -1013)]


@pytest.mark.parametrize("case", SPOT_ONLY, ids=describe)
async def test_spot_has_codes_of_its_own(
    case: tuple[Reply, type[Refused]], spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Each code that has a meaning on spot only raises its class."""
    exchange.script(*SPOT_ORDER, case[0])
    with pytest.raises(Refused) as raised:
        await spot.submit_order(order_of())
    assert type(raised.value) is case[1]


@pytest.mark.parametrize("case", PERPETUAL_ONLY, ids=describe)
async def test_futures_have_codes_of_their_own(
    case: tuple[Reply, type[Refused]], perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Each code that only futures know raises its class."""
    exchange.script(*PERPETUAL_ORDER, case[0])
    with pytest.raises(Refused) as raised:
        await perpetual.submit_order(order_of())
    assert type(raised.value) is case[1]


@pytest.mark.parametrize("answer", [*UNKNOWN, *SPOT_UNKNOWN], ids=name_of)
async def test_what_proves_nothing_escapes_on_spot(
    answer: Answer, spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """An answer that proves nothing is no refusal and no report, and the order is not sent again."""
    exchange.script(*SPOT_ORDER, answer)
    with pytest.raises(Exception) as raised:
        await spot.submit_order(order_of())
    assert not isinstance(raised.value, OrdergateError)
    assert len(exchange.asked(*SPOT_ORDER)) == 1


@pytest.mark.parametrize("answer", [*UNKNOWN, *PERPETUAL_UNKNOWN], ids=name_of)
async def test_what_proves_nothing_escapes_on_perpetuals(
    answer: Answer, perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The same holds on futures."""
    exchange.script(*PERPETUAL_ORDER, answer)
    with pytest.raises(Exception) as raised:
        await perpetual.submit_order(order_of())
    assert not isinstance(raised.value, OrdergateError)
    assert len(exchange.asked(*PERPETUAL_ORDER)) == 1


async def test_overload_is_a_doubt_of_its_own(
    spot: BinanceConnector, perpetual: BinancePerpetualConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """-1008 proves nothing of an order or a cancel on either market; the connectors say how soon an absence settles it."""
    for connector, path in ((spot, "/api/v3/order"), (perpetual, "/fapi/v1/order")):
        for method in ("POST", "DELETE"):
            exchange.script(method, path, error(503, -1008, UNAVAILABLE))
        order = order_of()
        with pytest.raises(Overloaded, match="-1008"):
            await connector.submit_order(order)
        with pytest.raises(Overloaded, match="-1008"):
            await connector.cancel_order(order.ref)
        assert connector.capabilities.overload_grace == timedelta(seconds=10)


@pytest.mark.parametrize("answer", [error(503, -1008), error(400, -9999), error(503, -1000, UNKNOWN_503)])
async def test_a_change_whose_outcome_is_not_known_is_no_refusal(
    answer: Reply, perpetual: BinancePerpetualConnector, exchange: StubExchange
) -> None:
    """A leverage or a mode may be set after such an answer, and the error says so."""
    exchange.script("POST", "/fapi/v1/leverage", answer)
    exchange.script("POST", "/fapi/v1/positionSide/dual", answer)
    with pytest.raises(ExchangeReadError, match="not known"):
        await perpetual.set_leverage("BTC-USDT", 20)
    with pytest.raises(ExchangeReadError, match="not known"):
        await perpetual.set_position_mode(PositionMode.HEDGE)


def test_every_code_of_the_tables_has_a_case() -> None:
    """A row added to a table needs a case here."""
    common = {_code(answer) for answer, _ in REFUSED}
    assert set(SPOT.codes) | set(SPOT.texts) == (common | {_code(answer) for answer, _ in SPOT_ONLY}) - {0}
    # The two texts of a 503 count whatever its code, so that their codes stand in no table.
    own = {_code(answer) for answer, _ in PERPETUAL_ONLY} - {-1000, -1001}
    assert set(PERPETUAL.codes) | set(PERPETUAL.texts) == (common | own) - {0}


def _code(answer: Reply) -> int:
    text = answer.body.decode(errors="replace")
    return int(text.split('"code": ')[1].split(",")[0].strip('"')) if '"code": ' in text else 0


async def test_a_read_timeout_is_unknown(exchange: StubExchange, clock: HandClock) -> None:
    """An order that is read by the exchange and not answered in time is unknown, not refused."""
    its_settings = settings(exchange.url, timeout=timedelta(seconds=1))
    venue = await BinanceConnector.open_venue(its_settings, clock)
    spot = BinanceConnector(context("binance", venue, clock))
    exchange.script(*SPOT_ORDER, HANG)
    with pytest.raises(NoAnswer) as raised:
        await spot.submit_order(an_order(clock))
    assert raised.value.timed_out
    assert len(exchange.asked(*SPOT_ORDER)) == 1
    await spot.close()
    await venue.close()


async def test_a_refused_connection_means_that_nothing_was_sent(
    exchange: StubExchange, clock: HandClock, order_of: OrderOf
) -> None:
    """With nobody listening an order is surely not placed, and the refusal says so."""
    unused = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    await unused.wait_closed()
    its_settings = settings(f"http://127.0.0.1:{port}")
    venue = await BinanceConnector.open_venue(its_settings, clock)
    venue.server_clock.set(SERVER_MS, asked_ms=0, answered_ms=0)
    spot = BinanceConnector(context("binance", venue, clock))
    with pytest.raises(ExchangeDown, match="nothing was sent"):
        await spot.submit_order(order_of())
    await spot.close()
    await venue.close()


async def test_a_refusal_carries_the_exchange_s_words(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Code and text of the exchange stand in the refusal."""
    exchange.script(*SPOT_ORDER, error(400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"))
    with pytest.raises(OrderRefused) as raised:
        await spot.submit_order(order_of())
    assert raised.value.exchange_code == "-1013"
    assert raised.value.detail == "Filter failure: PERCENT_PRICE_BY_SIDE"


async def test_a_wrong_timestamp_is_refused_and_the_clock_set(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """After -1021 the exchange's clock is asked again, and the next order carries the new time; the connector resends nothing."""
    exchange.script(*SPOT_ORDER, error(400, -1021), reply(payload_text("resting")))
    exchange.script("GET", "/api/v3/time", reply({"serverTime": SERVER_MS}), reply({"serverTime": SERVER_MS + 90_000}))
    with pytest.raises(ClockRefused) as raised:
        await spot.submit_order(order_of())
    assert (raised.value.retryable, raised.value.retry_after) == (True, None)
    assert len(exchange.asked(*SPOT_ORDER)) == 1
    await spot.submit_order(order_of())
    first, second = (int(request.parameters["timestamp"]) for request in exchange.asked(*SPOT_ORDER))
    assert second - first == 90_000


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_cancel_with_a_wrong_timestamp_is_sent_once_more(
    refusals: int, spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A cancel by our own id can be repeated; a second refusal is the answer."""
    exchange.script("DELETE", "/api/v3/order", *[error(400, -1021)] * refusals, reply(payload_text("canceled")))
    exchange.script("GET", "/api/v3/time", reply({"serverTime": SERVER_MS}), reply({"serverTime": SERVER_MS + 90_000}))
    if refusals == 1:
        assert (await spot.cancel_order(order_of().ref)).state == "canceled"
    else:
        with pytest.raises(ClockRefused):
            await spot.cancel_order(order_of().ref)
    first, second = (int(asked.parameters["timestamp"]) for asked in exchange.asked("DELETE", "/api/v3/order"))
    assert second - first == 90_000


async def test_a_change_with_a_wrong_timestamp_is_sent_once_more(
    perpetual: BinancePerpetualConnector, exchange: StubExchange
) -> None:
    """Setting the same leverage twice changes nothing."""
    path = ("POST", "/fapi/v1/leverage")
    exchange.script(*path, error(400, -1021), reply({"leverage": 20, "maxNotionalValue": "1", "symbol": "BTCUSDT"}))
    await perpetual.set_leverage("BTC-USDT", 20)
    assert len(exchange.asked(*path)) == 2


async def test_a_question_with_a_wrong_timestamp_is_asked_again(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A question may be repeated, so the caller does not notice that the clock was off."""
    exchange.script("GET", "/api/v3/order", error(400, -1021), reply(payload_text("query")))
    report = await spot.fetch_order(order_of().ref)
    assert report is not None
    assert len(exchange.asked("GET", "/api/v3/order")) == 2


async def test_the_clock_that_can_not_be_read_refuses_the_order(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Before the exchange's time is known no order leaves, and that is said as a refusal."""
    exchange.script("GET", "/api/v3/time", Reply(status=500), reply({"serverTime": SERVER_MS}))
    exchange.script(*SPOT_ORDER, reply(payload_text("resting")))
    with pytest.raises(ExchangeDown, match="nothing was sent"):
        await spot.submit_order(order_of())
    assert not exchange.asked(*SPOT_ORDER)
    assert spot.venue.problem is not None
    await spot.submit_order(order_of())
    assert spot.venue.problem is None


async def test_an_answer_about_another_order_confirms_nothing(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A mixed-up answer is unknown to a submit and an error to a question."""
    exchange.script(*SPOT_ORDER, reply({**payload_text("resting"), "clientOrderId": "og-2"}))
    with pytest.raises(Exception, match="instead of") as raised:
        await spot.submit_order(order_of())
    assert not isinstance(raised.value, OrdergateError)
    exchange.script("GET", "/api/v3/order", reply({**payload_text("query"), "symbol": "ETHBTC"}))
    with pytest.raises(ExchangeReadError):
        await spot.fetch_order(order_of().ref)


def payload_text(key: str) -> dict[str, Any]:
    """A payload that json can write again."""
    found: dict[str, Any] = payload("spot_rest", key)
    return found
