"""When calls are held back, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.connectors.binance.limits import address_limits
from app.connectors.binance.outcomes import code_and_message
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.clock import ServerClock
from app.connectors.common.limits import AddressLimits
from app.domain.errors import RateLimited
from app.domain.order import Order
from tests.connectors.binance.conftest import SERVER_MS, payload
from tests.connectors.binance.hand_clock import HandClock
from tests.connectors.binance.stub import StubExchange, error, reply

OrderOf = Callable[..., Order]
ORDER = "/api/v3/order"


async def test_after_a_429_nothing_leaves_until_the_time_is_over(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf, clock: HandClock
) -> None:
    """Every call of the address is held for as long as Retry-After says: orders, cancels, questions, public data."""
    exchange.script(
        "POST", ORDER, error(429, -1003, "Too much.", Retry_After="7"), reply(payload("spot_rest", "resting"))
    )
    await spot.load_trading_rules()
    with pytest.raises(RateLimited) as raised:
        await spot.submit_order(order_of())
    assert raised.value.retry_after == timedelta(seconds=7)
    sent = len(exchange.requests)
    clock.advance(5)
    for call in (
        spot.submit_order(order_of()),
        spot.cancel_order(order_of().ref),
        spot.fetch_order(order_of().ref),
        spot.fetch_balances(),
        spot.fetch_ticker("BTC-USDT"),
    ):
        with pytest.raises(RateLimited) as raised:
            await call
        assert raised.value.retry_after == timedelta(seconds=2)
    with pytest.raises(RateLimited):
        spot.check_available()
    assert len(exchange.requests) == sent
    clock.advance(2)
    spot.check_available()
    await spot.submit_order(order_of())


async def test_one_account_s_429_holds_the_others(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The address is shared, so the hold is."""
    other = BinanceConnector(spot.context)
    exchange.script("POST", ORDER, error(418, -1003, Retry_After="120"))
    with pytest.raises(RateLimited):
        await spot.submit_order(order_of())
    with pytest.raises(RateLimited):
        await other.submit_order(order_of())
    assert len(exchange.asked("POST", ORDER)) == 1
    await other.close()


def limits_at(now_ms: int = SERVER_MS) -> AddressLimits:
    clock = ServerClock(HandClock())
    clock.set(now_ms, asked_ms=clock.monotonic_ms(), answered_ms=clock.monotonic_ms())
    return address_limits(clock)


def answer(status: int, code: int | None, message: str = "", **headers: str) -> ErrorAnswer:
    found, text = code_and_message({"code": code, "msg": message})
    return ErrorAnswer(status=status, headers=headers, body=b"", code=found, message=text)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (answer(429, -1003), 60),
        (answer(400, -1003), 60),
        (answer(429, -1015), 10),
        (answer(418, None), 120),
        (answer(418, -1003, f"Way too much; IP banned until {SERVER_MS + 300_000}."), 300),
        (ErrorAnswer(status=429, headers={"retry-after": "30"}, body=b"<html>"), 30),
        (ErrorAnswer(status=429, headers={"retry-after": "99999999"}, body=b""), 3 * 24 * 3600),
        (ErrorAnswer(status=429, headers={"retry-after": "Wed, 21 Oct"}, body=b""), 60),
        (answer(400, -1013), None),
        (answer(503, -1008), None),
    ],
)
def test_how_long_a_hold_is(told: ErrorAnswer, seconds: int | None) -> None:
    """Retry-After first, then the time in the text, then what each limit takes at the least."""
    limits = limits_at()
    limits.note(told.headers, told)
    assert limits.hold == (None if seconds is None else timedelta(seconds=seconds))


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    """A ban stays a ban, whatever another answer says meanwhile."""
    limits = limits_at()
    for told in (answer(418, -1003), answer(429, -1015)):
        limits.note(told.headers, told)
    assert limits.hold == timedelta(seconds=120)


async def test_used_weight_stops_questions_before_orders(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf, clock: HandClock
) -> None:
    """At nine tenths of the weight questions wait for the next minute, and at ten tenths orders do."""
    await spot.load_trading_rules()
    resting = payload("spot_rest", "resting")
    exchange.script(
        "POST",
        ORDER,
        reply(resting, X_MBX_USED_WEIGHT_1M="5400"),
        reply(resting, X_MBX_USED_WEIGHT_1M="6000"),
        reply(resting),
    )
    await spot.submit_order(order_of())
    with pytest.raises(RateLimited):
        await spot.fetch_order(order_of().ref)
    await spot.submit_order(order_of())
    with pytest.raises(RateLimited) as raised:
        await spot.submit_order(order_of())
    assert raised.value.retry_after is not None
    assert timedelta(0) < raised.value.retry_after <= timedelta(minutes=1)
    clock.advance(60)
    await spot.submit_order(order_of())
