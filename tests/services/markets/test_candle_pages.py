"""How many candles a range holds, known before anybody is asked, and how pages become one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import SystemClock
from app.connectors.base import ConnectorContext
from app.connectors.binance.spot import BinanceConnector
from app.services.markets.candle_pages import CandleRange, fetch_last, fetch_range
from app.settings import Settings
from tests.clock import START
from tests.connectors.binance.stub import StubExchange
from tests.connectors.binance.test_account import kline_pages
from tests.services.binance_stub import running_stub, urls

PAIR = "BTC-USDT"
KLINES = ("GET", "/api/v3/klines")


@pytest.mark.parametrize(
    ("length", "interval", "count"),
    [
        (timedelta(hours=1), "1m", 61),
        (timedelta(hours=1), "15m", 5),
        (timedelta(minutes=59), "1h", 1),
        (timedelta(days=7), "1d", 8),
        (timedelta(days=7), "1w", 2),
        (timedelta(seconds=3), "1s", 4),
        (timedelta(0), "1m", 1),
        (timedelta(days=400), "1M", None),
        (timedelta(days=400), "hour", None),
        (timedelta(days=400), "0m", None),
    ],
)
def test_count(length: timedelta, interval: str, count: int | None) -> None:
    """At the most one a length, and one for the beginning; an interval without a length that we know has no count."""
    wanted = CandleRange(start_at=START - length, end_at=START)
    assert wanted.count(interval, START) == count


def test_the_future_holds_no_candles() -> None:
    """Only the time until now counts, however late the end."""
    wanted = CandleRange(start_at=START - timedelta(minutes=5), end_at=START + timedelta(days=9000))
    assert wanted.count("1m", START) == 6
    assert CandleRange(start_at=START + timedelta(days=1), end_at=START + timedelta(days=2)).count("1m", START) == 1


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    async with running_stub() as stub:
        yield stub


@pytest.fixture
async def connector(stub: StubExchange) -> AsyncIterator[BinanceConnector]:
    """A connector to an exchange that gives a thousand candles in one answer."""
    venue = await BinanceConnector.open_venue(
        Settings(database_url="sqlite://", connector_urls=urls(stub)), SystemClock()
    )
    connector = BinanceConnector(ConnectorContext(account_name="", credentials={}, clock=SystemClock(), venue=venue))
    yield connector
    await connector.close()
    await BinanceConnector.close_venue(venue)


async def test_candles_in_pages(connector: BinanceConnector, stub: StubExchange) -> None:
    """More candles than one answer holds: forward from a start, backward from the end, always oldest first, none twice."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    stub.script(*KLINES, kline_pages(start, 2500))
    last = await fetch_last(connector, PAIR, "1m", 1500)
    assert [row.opened_at for row in last] == [start + timedelta(minutes=minute) for minute in range(1000, 2500)]
    assert [request.parameters["limit"] for request in stub.asked(*KLINES)] == ["1000", "500"]
    first = await fetch_range(
        connector, PAIR, "1m", CandleRange(start_at=start, end_at=start + timedelta(minutes=1199))
    )
    assert [row.opened_at for row in first] == [start + timedelta(minutes=minute) for minute in range(1200)]
    between = await fetch_range(
        connector,
        PAIR,
        "1m",
        CandleRange(start_at=start + timedelta(minutes=10), end_at=start + timedelta(minutes=19)),
    )
    assert len(between) == 10
    assert [request.parameters["limit"] for request in stub.asked(*KLINES)[2:]] == ["1000"] * 3


async def test_all_candles_there_are(connector: BinanceConnector, stub: StubExchange) -> None:
    """An exchange that has fewer than were asked for gives all of them, and a full last page is followed by an empty one."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    stub.script(*KLINES, kline_pages(start, 2000))
    assert len(await fetch_last(connector, PAIR, "1m", 5000)) == 2000
    assert len(stub.asked(*KLINES)) == 3
