"""Market data over the real paper exchange and a stand-in for Binance: shared questions, honest errors, exact numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.connectors.paper.spot import PaperConnector
from app.domain.errors import (
    ConnectorNotConfigured,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    MarketDataNotFound,
    OrdergateError,
    UnknownAccount,
    UnknownConnector,
    UnsupportedConnector,
    UnsupportedPair,
)
from app.domain.reports import Candle
from app.services.gateway import Gateway
from app.services.markets import candle_pages
from app.services.markets import market_data as module
from app.services.markets.candle_pages import CandleRange
from app.services.markets.market_data import MarketData, connectors_with
from app.services.markets.readings import Readings
from tests.clock import START, FakeClock
from tests.connectors.binance.conftest import PAYLOADS
from tests.connectors.stub import Reply, Request, StubExchange, error, reply
from tests.gateways import opened_gateway
from tests.services.binance_stub import running_stub, urls
from tests.services.world import TIMEOUT, World, request, until

PAIR = "BTC-USDT"
DEPTH = ("GET", "/api/v3/depth")
TICKER = ("GET", "/api/v3/ticker/24hr")
KLINES = ("GET", "/api/v3/klines")


@pytest.fixture
async def market(world: World) -> AsyncIterator[MarketData]:
    """Market data over the paper exchange of the test's world."""
    market = MarketData(world.sessions, Readings(world.clock, TIMEOUT), world.clock)
    yield market
    await market.close()


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    async with running_stub() as stub:
        stub.script(*DEPTH, reply({"bids": [["99.5", "1"], ["99", "2"]], "asks": [["100.5", "0.3"]]}))
        yield stub


@pytest.fixture
async def gateway(
    stub: StubExchange, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the stand-in."""
    async with opened_gateway(tmp_path, sqlite_template, clock, connector_urls=urls(stub)) as gateway:
        yield gateway


# -- prices ---------------------------------------------------------------------------------------------------------------


async def test_prices_are_the_last_trades(market: MarketData, world: World) -> None:
    """Each pair once, the exchange's own numbers."""
    world.path.prices[PAIR] = Decimal(60_000)
    prices = (await market.prices("paper", [PAIR, "ETH-BTC", PAIR])).prices
    assert list(prices) == [PAIR, "ETH-BTC"]
    assert abs(prices[PAIR] - 60_000) < 5


@pytest.fixture(params=[20, 0], ids=["singly", "all at once"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pairs are asked for one by one, many in one question: the rule is the same."""
    monkeypatch.setattr(module, "_SINGLE_TICKERS", request.param)


def list_symbols(stub: StubExchange, halted: str | None = None) -> list[str]:
    """Let the exchange list the symbols of the recorded payload, all of them trading but ``halted``."""
    info = json.loads((PAYLOADS / "spot_exchange_info.json").read_text())
    for row in info["symbols"]:
        row.update(status="BREAK" if row["symbol"] == halted else "TRADING", isSpotTradingAllowed=True)
    stub.script("GET", "/api/v3/exchangeInfo", reply(info))
    return [row["symbol"] for row in info["symbols"]]


@pytest.mark.usefixtures("_both_ways")
async def test_odd_pairs_are_named_and_the_others_priced(
    gateway: Gateway, stub: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is unknown, halted or without a trade takes no other down, however many are asked for."""
    halted, untraded, fine = "ETH-BTC", "币安人生-USDT", [PAIR, "PEPE-USDT"]
    symbols = list_symbols(stub, halted="ETHBTC")

    def ticker(symbol: str) -> dict[str, Any]:
        price = "0.00000000" if symbol == untraded.replace("-", "") else "100"
        return {"symbol": symbol, "lastPrice": price, "volume": "1", "quoteVolume": "1", "closeTime": 1_795_000_000_000}

    def tickers(request: Request) -> Reply:
        asked = request.parameters.get("symbol")
        return reply(ticker(asked) if asked else [ticker(symbol) for symbol in symbols])

    stub.script("GET", "/api/v3/ticker/24hr", tickers)
    found = await gateway.market_data.prices("binance", [halted, *fine, untraded, "NO-PAIR"])
    assert found.prices == dict.fromkeys(fine, Decimal(100))
    assert {pair: text.split(" on ")[0] for pair, text in found.errors.items()} == {
        halted: f"Trading pair '{halted}' is not trading now",
        untraded: f"Trading pair '{untraded}' has no trade yet",
        "NO-PAIR": "Trading pair 'NO-PAIR' not supported",
    }
    for odd, kind in ((halted, MarketDataNotFound), (untraded, MarketDataNotFound), ("NO-PAIR", UnsupportedPair)):
        with pytest.raises(kind, match=odd):
            await gateway.market_data.prices("binance", [odd])


async def test_a_ticker_that_can_t_be_read_fails_no_other(gateway: Gateway, stub: StubExchange) -> None:
    """It is named with the exchange's reason; where every one fails, the question does."""
    list_symbols(stub)
    good = stub.scripted("GET", "/api/v3/ticker/24hr")
    assert callable(good)

    def bad_for_one(request: Request) -> Any:
        return error(503, -1000, "Maintenance") if request.parameters["symbol"] == "币安人生USDT" else good(request)

    stub.script("GET", "/api/v3/ticker/24hr", bad_for_one)
    found = await gateway.market_data.prices("binance", ["币安人生-USDT", PAIR])
    assert found.prices == {PAIR: Decimal(100)}
    assert "Maintenance" in found.errors["币安人生-USDT"]
    with pytest.raises(OrdergateError, match="Maintenance"):
        await gateway.market_data.prices("binance", ["币安人生-USDT"])


async def test_many_prices_come_in_one_question(market: MarketData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are many, the exchange is asked for all its tickers at once, with the same answer."""
    wanted = [PAIR, "ETH-BTC", "SOL-USDT"]
    singly = await market.prices("paper", wanted)
    monkeypatch.setattr(module, "_SINGLE_TICKERS", 2)
    assert await market.prices("paper", wanted) == singly
    assert [reading.key.kind for reading in market.active()] == ["ticker"] * 3 + ["tickers"]


async def test_all_tickers(market: MarketData, world: World) -> None:
    """Every pair that is traded has one, and they serve for ten seconds unless younger ones are wanted."""
    tickers = await market.tickers("paper")
    assert set(tickers) == set(world.exchange.pairs)
    world.clock.advance(5)
    assert await market.tickers("paper") is tickers
    assert await market.tickers("paper", 0) is not tickers


async def test_callers_share_a_fetch(gateway: Gateway, stub: StubExchange) -> None:
    """Fifty callers at once make one call to the exchange, and those a moment later none."""
    asked = [gateway.market_data.ticker("binance", PAIR) for _ in range(50)]
    tickers = await asyncio.gather(*asked)
    await gateway.market_data.ticker("binance", PAIR)
    assert {ticker.price for ticker in tickers} == {Decimal(100)}
    assert len(stub.asked(*TICKER)) == 1


# -- failures -------------------------------------------------------------------------------------------------------------


async def test_an_exchange_that_fails_is_an_error(gateway: Gateway, stub: StubExchange) -> None:
    """An error of the exchange is told, and not taken for an empty market."""
    stub.script(*DEPTH, error(500, -1000, "internal"))
    with pytest.raises(ExchangeReadError):
        await gateway.market_data.order_book("binance", PAIR, 10)


async def test_an_exchange_that_is_silent_is_a_timeout(
    stub: StubExchange, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> None:
    """Every question has a time limit."""
    stub.script(*DEPTH, "hang")
    limit = {"connector_urls": urls(stub), "exchange_timeout": timedelta(milliseconds=300)}
    async with opened_gateway(tmp_path, sqlite_template, clock, **limit) as gateway:
        with pytest.raises(ExchangeReadTimeout):
            await gateway.market_data.order_book("binance", PAIR, 10)


async def test_a_question_that_the_paper_exchange_does_not_answer(market: MarketData, world: World) -> None:
    """The embedded exchange is told of as any other."""
    await world.sessions._venues["paper"].close()
    with pytest.raises(ExchangeReadError):
        await market.order_book("paper", PAIR, 10)


async def test_names_that_nobody_knows(market: MarketData) -> None:
    """An unknown connector and one that can't trade yet are different things."""
    with pytest.raises(UnknownConnector):
        await market.ticker("nope", PAIR)
    with pytest.raises(UnsupportedConnector):
        await market.ticker("dexalot", PAIR)


# -- books and trades -------------------------------------------------------------------------------------------------------


async def test_books_of_several_depths_share_a_fetch(gateway: Gateway, stub: StubExchange, clock: FakeClock) -> None:
    """Whoever wants up to a hundred levels is served from the same book, for a quarter of a second."""
    book = await gateway.market_data.order_book("binance", PAIR, 1)
    assert [(level.price, level.amount) for level in book.bids] == [(Decimal("99.5"), Decimal(1))]
    assert len((await gateway.market_data.order_book("binance", PAIR, 100)).bids) == 2
    assert [request.parameters["limit"] for request in stub.asked(*DEPTH)] == ["100"]
    await gateway.market_data.order_book("binance", PAIR, 101)
    clock.advance(0.25)
    await gateway.market_data.order_book("binance", PAIR, 5)
    assert [request.parameters["limit"] for request in stub.asked(*DEPTH)] == ["100", "1000", "100"]


async def test_recent_trades(market: MarketData, world: World) -> None:
    """The market's last trades, oldest first, with the side of the taker."""
    trades = await market.recent_trades("paper", PAIR, 3)
    assert [trade.traded_at for trade in trades] == [START - timedelta(seconds=age) for age in (2, 1, 0)]
    assert len({trade.exchange_trade_id for trade in trades}) == 3
    assert all(trade.price > 0 and trade.amount > 0 for trade in trades)


async def test_trades_of_an_unknown_pair(market: MarketData) -> None:
    """They are refused as everything of such a pair."""
    with pytest.raises(UnsupportedPair):
        await market.recent_trades("paper", "NO-PAIR", 3)


async def test_funding_is_for_perpetuals(market: MarketData) -> None:
    """A spot market has no funding, and its callers are told in the words they know."""
    with pytest.raises(InvalidArgument, match=r"Funding info is only available for perpetual trading pairs\."):
        await market.funding_info("paper", PAIR)


# -- candles ----------------------------------------------------------------------------------------------------------------


async def test_candles(market: MarketData) -> None:
    """The last ones, oldest first, one a minute."""
    candles = await market.candles("paper", PAIR, "1m", 3)
    minute = START.replace(second=0)
    assert [candle.opened_at for candle in candles] == [minute - timedelta(minutes=age) for age in (2, 1, 0)]


def page_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the paper connector return at most ``size`` candles at once."""
    monkeypatch.setattr(PaperConnector, "capabilities", replace(PaperConnector.capabilities, candles_page=size))


async def test_more_candles_than_a_page(market: MarketData, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than one page is put together from several, without a gap or a double."""
    page_of(40, monkeypatch)
    candles = await market.candles("paper", PAIR, "1h", 90)
    hour = START.replace(minute=0, second=0)
    assert [candle.opened_at for candle in candles] == [hour - timedelta(hours=age) for age in range(89, -1, -1)]


async def test_no_candles(gateway: Gateway, stub: StubExchange) -> None:
    """An exchange that has none says so by an empty list; that is 404 to the caller and no empty success."""
    stub.script(*KLINES, reply([]))
    with pytest.raises(MarketDataNotFound, match="No candles data available"):
        await gateway.market_data.candles("binance", PAIR, "1m", 10)
    with pytest.raises(MarketDataNotFound, match="No historical data available"):
        await gateway.market_data.historical_candles("binance", PAIR, "1m", hours(1))


def hours(count: float, until: datetime = START) -> CandleRange:
    return CandleRange(start_at=until - timedelta(hours=count), end_at=until)


@pytest.mark.parametrize("page", [1, 7, 24, 1000])
async def test_history_in_pages_of_any_size(market: MarketData, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    """A stretch of history is complete, without a gap or a double, whatever the size of a page."""
    page_of(page, monkeypatch)
    candles = await market.historical_candles("paper", PAIR, "1h", hours(24))
    hour = START.replace(minute=0, second=0)
    assert [candle.opened_at for candle in candles] == [hour - timedelta(hours=age) for age in range(23, -1, -1)]


async def test_two_long_histories_are_read_at_once(market: MarketData, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many callers ask for different ones; what fits into a page waits for none of them."""
    page_of(100, monkeypatch)
    fetch = PaperConnector.fetch_candles
    reading, most = 0, 0
    may_go_on = asyncio.Event()

    async def counted(self: PaperConnector, *arguments: Any, **options: Any) -> Sequence[Candle]:
        nonlocal reading, most
        if options.get("end_at") is None:
            return await fetch(self, *arguments, **options)
        reading += 1
        most = max(most, reading)
        await may_go_on.wait()
        reading -= 1
        return await fetch(self, *arguments, **options)

    monkeypatch.setattr(PaperConnector, "fetch_candles", counted)
    asked = [asyncio.create_task(market.historical_candles("paper", PAIR, "1h", hours(n))) for n in range(6, 12)]
    await until(lambda: reading == 2)
    assert len(await market.candles("paper", PAIR, "1h", 3)) == 3
    may_go_on.set()
    assert [len(found) for found in await asyncio.gather(*asked)] == list(range(6, 12))
    assert most == 2


async def test_history_is_not_kept(market: MarketData) -> None:
    """It is large, and it is no feed."""
    await market.historical_candles("paper", PAIR, "1h", hours(24))
    assert market.active() == []


async def test_history_has_a_limit(market: MarketData, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one answer may hold is refused before anything is read, or as soon as there is too much of an unknown interval."""
    monkeypatch.setattr(module, "MOST_CANDLES", 10)
    monkeypatch.setattr(candle_pages, "MOST_CANDLES", 10)
    assert len(await market.historical_candles("paper", PAIR, "1h", hours(9.5))) == 10
    with pytest.raises(InvalidArgument, match="More than 10 candles of 1h"):
        await market.historical_candles("paper", PAIR, "1h", hours(10))
    future = CandleRange(start_at=START, end_at=START + timedelta(days=3000))
    with pytest.raises(MarketDataNotFound):
        await market.historical_candles("paper", PAIR, "1h", future)


async def test_history_that_turns_out_too_long(
    gateway: Gateway, stub: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The months of an exchange have no length that we know, so they are counted as they come."""
    monkeypatch.setattr(module, "MOST_CANDLES", 2)
    opened = [datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    rows: list[list[Any]] = [
        [int(at.timestamp() * 1000), "1", "1", "1", "1", "1", 0, "1", 1, "1", "1", "0"] for at in opened
    ]
    stub.script(*KLINES, reply(rows))
    with pytest.raises(InvalidArgument, match="More than 2 candles of 1M"):
        await gateway.market_data.historical_candles("binance", PAIR, "1M", hours(24 * 400))


async def test_restarting_names_the_books_that_can_t_be_read(gateway: Gateway, stub: StubExchange) -> None:
    """One that fails takes no other down."""
    good = stub.scripted(*DEPTH)
    for pair in (PAIR, "ETH-BTC"):
        await gateway.market_data.order_book("binance", pair, 5)
    stub.script(*DEPTH, lambda asked: error(503, -1000, "No.") if asked.parameters["symbol"] == "ETHBTC" else good)
    pairs, errors = await gateway.market_data.restart_books("binance")
    assert (pairs, list(errors)) == ([PAIR], ["ETH-BTC"])


async def test_a_range_that_ends_before_it_starts(market: MarketData) -> None:
    """Its caller mixed something up."""
    turned = CandleRange(start_at=START, end_at=START - timedelta(hours=1))
    with pytest.raises(InvalidArgument, match="start_time must not be after end_time"):
        await market.historical_candles("paper", PAIR, "1h", turned)


@pytest.mark.parametrize(
    ("connector_name", "trading_pair", "interval", "error_text"),
    [
        ("nope", PAIR, "1m", r"Unsupported connector 'nope'\. Available connectors: \['backpack'"),
        ("dexalot", PAIR, "1m", "Unsupported connector 'dexalot'"),
        ("paper", "BTCUSDT", "1m", r"Invalid trading pair format 'BTCUSDT'\. Expected format: BASE-QUOTE"),
        ("paper", "NO-PAIR", "1m", "Trading pair 'NO-PAIR' not supported"),
        ("paper", PAIR, "7m", "7m"),
    ],
)
async def test_candles_that_can_not_be_had(
    market: MarketData, connector_name: str, trading_pair: str, interval: str, error_text: str
) -> None:
    """The caller learns what to change."""
    with pytest.raises((InvalidArgument, UnsupportedPair), match=error_text):
        await market.candles(connector_name, trading_pair, interval, 10)


def test_which_connectors_have_a_verb() -> None:
    """A connector has a verb if it answers it itself."""
    assert {"binance", "binance_perpetual", "paper"} <= set(connectors_with("fetch_candles"))
    assert "paper" in connectors_with("fetch_tickers")
    assert "paper" not in connectors_with("fetch_positions")
    assert connectors_with("fetch_candles") == sorted(connectors_with("fetch_candles"))


# -- feeds ------------------------------------------------------------------------------------------------------------------


async def test_adding_and_removing_a_pair(market: MarketData) -> None:
    """A pair that was added is among the active readings until it is removed or nobody asks for it."""
    assert not market.remove_pair("paper", PAIR)
    book = await market.add_pair("paper", PAIR, timedelta(seconds=30))
    assert book.bids
    assert [reading.key.trading_pair for reading in market.books("paper")] == [PAIR]
    assert market.books("binance") == []
    assert market.remove_pair("paper", PAIR)
    assert market.books("paper") == []


async def test_a_pair_whose_book_does_not_come(gateway: Gateway, stub: StubExchange) -> None:
    """The caller's own time limit holds, and the text is the one that callers know."""
    stub.script(*DEPTH, "hang")
    with pytest.raises(ExchangeReadTimeout, match="Failed to initialize order book for BTC-USDT"):
        await gateway.market_data.add_pair("binance", PAIR, timedelta(milliseconds=200))


async def test_restarting_reads_every_book_anew(gateway: Gateway, stub: StubExchange) -> None:
    """Books that are in use are asked for again at once; others are left alone."""
    assert await gateway.market_data.restart_books("binance") == ([], {})
    await gateway.market_data.order_book("binance", PAIR, 10)
    await gateway.market_data.order_book("paper", PAIR, 10)
    assert await gateway.market_data.restart_books("binance") == ([PAIR], {})
    assert len(stub.asked(*DEPTH)) == 2


async def test_checking_a_place(market: MarketData) -> None:
    """A caller who names an account must name one that is there and has the connector."""
    await market.check_names("paper", None)
    await market.check_names("paper", "master_account")
    with pytest.raises(UnknownConnector):
        await market.check_names("nope", None)
    with pytest.raises(UnknownAccount):
        await market.check_names("paper", "nobody")
    with pytest.raises(ConnectorNotConfigured):
        await market.check_names("binance", "master_account")


async def test_the_book_has_the_users_orders(market: MarketData, world: World) -> None:
    """What rests at the paper exchange is in its book."""
    await world.orders.place(request(price=Decimal(64_990)))
    book = await market.order_book("paper", PAIR, 1000)
    assert Decimal(64_990) in {level.price for level in book.bids}
