"""One question serves everybody who asks within a moment, and every failure comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from app.domain.errors import ExchangeReadError, ExchangeReadTimeout, RateLimited
from app.services.markets.readings import FEED_TIMEOUT, ReadingKey, Readings
from tests.clock import FakeClock

KEY = ReadingKey(kind="ticker", connector_name="paper", trading_pair="BTC-USDT")
OTHER = ReadingKey(kind="order_book", connector_name="paper", trading_pair="BTC-USDT", detail=(100,))


class Exchange:
    """Answers with the number of the question, or as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return number


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def readings(clock: FakeClock) -> AsyncIterator[Readings]:
    readings = Readings(clock, timedelta(seconds=12))
    yield readings
    await readings.close()


async def test_an_answer_serves_while_it_is_fresh(readings: Readings, clock: FakeClock, exchange: Exchange) -> None:
    """Within its time an answer is given again; after that the exchange is asked."""
    assert await readings.get(KEY, 1.0, exchange) == 1
    clock.advance(0.99)
    assert await readings.get(KEY, 1.0, exchange) == 1
    clock.advance(0.01)
    assert await readings.get(KEY, 1.0, exchange) == 2
    assert await readings.get(KEY, 0, exchange) == 3


async def test_callers_at_once_share_one_question(readings: Readings, exchange: Exchange) -> None:
    """A hundred callers cost what one does, and one who hangs up takes the answer from nobody."""
    exchange.gate = asyncio.Event()
    callers = [asyncio.create_task(readings.get(KEY, 1.0, exchange)) for _ in range(100)]
    await asyncio.sleep(0)
    callers[0].cancel()
    exchange.gate.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [1] * 99
    assert exchange.asked == 1


async def test_different_questions_are_not_mixed_up(readings: Readings, exchange: Exchange) -> None:
    """Kind, pair and detail make a question."""
    assert await readings.get(KEY, 1.0, exchange) == 1
    assert await readings.get(OTHER, 1.0, exchange) == 2
    assert await readings.get(KEY, 1.0, exchange) == 1


async def test_a_failure_serves_for_a_second_at_most(readings: Readings, clock: FakeClock, exchange: Exchange) -> None:
    """An exchange in trouble is not asked by every caller, and is asked again soon, however long an answer would have served."""
    exchange.fault = RateLimited("slow down")
    for _ in range(2):
        with pytest.raises(RateLimited):
            await readings.get(KEY, 10.0, exchange)
    assert exchange.asked == 1
    exchange.fault = None
    clock.advance(1.0)
    assert await readings.get(KEY, 10.0, exchange) == 2


async def test_an_unknown_failure_is_told_in_our_words(readings: Readings, exchange: Exchange) -> None:
    """Whatever an SDK raises, the caller learns that the exchange did not answer; its own words may hold anything."""
    exchange.fault = KeyError("secret")
    with pytest.raises(
        ExchangeReadError, match=r"^paper did not answer: it failed in an unexpected way \(the log has the reason\)$"
    ) as caught:
        await readings.get(KEY, 1.0, exchange)
    assert caught.value.__cause__ is exchange.fault


async def test_a_question_has_a_time_limit(clock: FakeClock, exchange: Exchange) -> None:
    """Nobody waits longer than an exchange may take; a question may have a limit of its own."""
    exchange.gate = asyncio.Event()
    readings = Readings(clock, timedelta(milliseconds=5))
    with pytest.raises(ExchangeReadTimeout, match="paper did not answer in time"):
        await readings.get(KEY, 1.0, exchange)
    slow = Readings(clock, timedelta(hours=1))
    with pytest.raises(ExchangeReadTimeout):
        await slow.get(KEY, 1.0, exchange, limit=timedelta(milliseconds=5))


async def test_what_nobody_asks_for_is_let_go_of(readings: Readings, clock: FakeClock, exchange: Exchange) -> None:
    """A reading that is asked for stays, one that is not goes after ten minutes; its value goes much earlier."""
    await readings.get(KEY, 1.0, exchange)
    await readings.get(OTHER, 1.0, exchange)
    clock.advance(61)
    assert [reading.key for reading in readings.active()] == [OTHER, KEY]
    assert [reading.value for reading in readings.active()] == [None, None]
    await readings.get(KEY, 1.0, exchange)
    clock.advance(FEED_TIMEOUT.total_seconds() - 61)
    assert [reading.key for reading in readings.active()] == [KEY]
    clock.advance(FEED_TIMEOUT.total_seconds())
    assert readings.active() == []


async def test_asking_sweeps_too(readings: Readings, clock: FakeClock, exchange: Exchange) -> None:
    """Nobody has to look for the old ones to go."""
    await readings.get(OTHER, 1.0, exchange)
    clock.advance(FEED_TIMEOUT.total_seconds())
    await readings.get(KEY, 1.0, exchange)
    assert not readings.forget(OTHER)


async def test_forgetting(readings: Readings, exchange: Exchange) -> None:
    """What is forgotten is asked anew."""
    assert not readings.forget(KEY)
    assert await readings.get(KEY, 1.0, exchange) == 1
    assert readings.forget(KEY)
    assert await readings.get(KEY, 1.0, exchange) == 2


async def test_readings_are_bounded(
    readings: Readings, clock: FakeClock, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for ever new things makes the longest unused go."""
    monkeypatch.setattr("app.services.markets.readings._MOST", 2)
    keys = [ReadingKey(kind="ticker", connector_name="paper", trading_pair=name) for name in ("A-B", "C-D", "E-F")]
    await readings.get(keys[0], 1.0, exchange)
    await readings.get(keys[1], 1.0, exchange)
    await readings.get(keys[0], 1.0, exchange)
    await readings.get(keys[2], 1.0, exchange)
    assert [reading.key for reading in readings.active()] == [keys[0], keys[2]]


async def test_questions_and_failures_are_counted(readings: Readings, clock: FakeClock, exchange: Exchange) -> None:
    """The diagnostics show how often the exchange was asked, and how often in vain."""
    await readings.get(KEY, 1.0, exchange)
    clock.advance(1)
    exchange.fault = RateLimited("slow down")
    with pytest.raises(RateLimited):
        await readings.get(KEY, 1.0, exchange)
    (reading,) = readings.active()
    assert (reading.questions, reading.failures, reading.error) == (2, 1, exchange.fault)


async def test_names() -> None:
    """A name tells what is read, without empty parts."""
    assert KEY.name == "ticker_paper_BTC-USDT"
    assert OTHER.name == "order_book_paper_BTC-USDT_100"
    assert ReadingKey(kind="tickers", connector_name="paper").name == "tickers_paper"


def never() -> Callable[[], Awaitable[None]]:
    """A question without an end."""

    async def ask() -> None:
        await asyncio.Event().wait()

    return ask


async def test_closing_gives_up_what_is_under_way(clock: FakeClock) -> None:
    """A server that stops waits for no exchange."""
    readings = Readings(clock, timedelta(hours=1))
    caller = asyncio.create_task(readings.get(KEY, 1.0, never()))
    await asyncio.sleep(0)
    await readings.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
