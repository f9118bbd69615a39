"""Market data over HTTP: prices, books, candles, funding terms, tickers and cross rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.domain.reports import Candle
from app.handlers.forms.market_views import (
    MOST_CANDLES,
    book_health,
    book_row,
    candle_row,
    feed_row,
    funding_row,
    query_row,
    ticker_row,
    unix_seconds,
)
from app.handlers.schemas import (
    AddTradingPairRequestSchema,
    CandlesRequestSchema,
    FundingInfoRequestSchema,
    HistoricalCandlesRequestSchema,
    OrderBookRequestSchema,
    PriceQueryRequestSchema,
    PricesRequestSchema,
    QuoteVolumeQueryRequestSchema,
    RatesRequestSchema,
    RemoveTradingPairRequestSchema,
    VolumeQueryRequestSchema,
)
from app.handlers.streaming import LongList
from app.services.acting import ActingGateway
from app.services.markets.candle_pages import CandleRange
from app.services.markets.market_data import TICKERS_AGE
from app.services.markets.readings import CLEANUP_INTERVAL, FEED_TIMEOUT

_PRICES = PricesRequestSchema()
_FUNDING = FundingInfoRequestSchema()
_ORDER_BOOK = OrderBookRequestSchema()
_BY_VOLUME = VolumeQueryRequestSchema()
_BY_QUOTE_VOLUME = QuoteVolumeQueryRequestSchema()
_BY_PRICE = PriceQueryRequestSchema()
_CANDLES = CandlesRequestSchema()
_HISTORY = HistoricalCandlesRequestSchema()
_ADD = AddTradingPairRequestSchema()
_REMOVE = RemoveTradingPairRequestSchema()
_RATES = RatesRequestSchema()


async def get_prices(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/prices"""
    asked = _PRICES.load(body)
    found = await gateway.market_data.prices(asked["connector_name"], asked["trading_pairs"])
    return {
        "connector": asked["connector_name"],
        "prices": found.prices,
        "timestamp": unix_seconds(gateway.clock.now()),
        "errors": found.errors,
    }


async def get_funding_info(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/funding-info"""
    asked = _FUNDING.load(body)
    return funding_row(await gateway.market_data.funding_info(asked["connector_name"], asked["trading_pair"]))


async def get_order_book(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book"""
    asked = _ORDER_BOOK.load(body)
    return book_row(
        await gateway.market_data.order_book(asked["connector_name"], asked["trading_pair"], asked["depth"])
    )


# -- order-book queries ---------------------------------------------------------------------------------------------------


async def get_price_for_volume(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book/price-for-volume"""
    return await _by_volume(gateway, body, ("result_price", "result_volume"))


async def get_vwap_for_volume(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book/vwap-for-volume"""
    return await _by_volume(gateway, body, ("average_price", "result_volume"))


async def get_price_for_quote_volume(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book/price-for-quote-volume"""
    asked = _BY_QUOTE_VOLUME.load(body)
    answer = await gateway.books.by_quote_volume(
        asked["connector_name"], asked["trading_pair"], asked["quote_volume"], is_buy=asked["is_buy"]
    )
    return query_row(asked, answer, ("result_price", "result_volume", "result_quote_volume"))


async def get_volume_for_price(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book/volume-for-price"""
    return await _by_price(gateway, body, ("result_price", "result_volume"))


async def get_quote_volume_for_price(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/order-book/quote-volume-for-price"""
    return await _by_price(gateway, body, ("result_price", "result_volume", "result_quote_volume"))


async def _by_volume(gateway: ActingGateway, body: Mapping[str, Any], results: Sequence[str]) -> Any:
    asked = _BY_VOLUME.load(body)
    answer = await gateway.books.by_volume(
        asked["connector_name"], asked["trading_pair"], asked["volume"], is_buy=asked["is_buy"]
    )
    return query_row(asked, answer, results)


async def _by_price(gateway: ActingGateway, body: Mapping[str, Any], results: Sequence[str]) -> Any:
    asked = _BY_PRICE.load(body)
    answer = await gateway.books.by_price(
        asked["connector_name"], asked["trading_pair"], asked["price"], is_buy=asked["is_buy"]
    )
    return query_row(asked, answer, results)


# -- candles --------------------------------------------------------------------------------------------------------------


async def get_candles(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/candles"""
    asked = _CANDLES.load(body)
    return _rows(
        await gateway.market_data.candles(
            asked["connector_name"], asked["trading_pair"], asked["interval"], min(asked["max_records"], MOST_CANDLES)
        )
    )


async def get_historical_candles(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/historical-candles"""
    asked = _HISTORY.load(body)
    wanted = CandleRange(start_at=asked["start_time"], end_at=asked["end_time"])
    return _rows(
        await gateway.market_data.historical_candles(
            asked["connector_name"], asked["trading_pair"], asked["interval"], wanted
        )
    )


async def get_available_candle_connectors(gateway: ActingGateway) -> Any:
    """GET /market-data/available-candle-connectors"""
    return gateway.bounds.seen(gateway.market_data.candle_connectors())


def _rows(candles: Sequence[Candle]) -> LongList:
    return LongList(items=candles, row=candle_row)


# -- feeds ----------------------------------------------------------------------------------------------------------------


async def get_active_feeds(gateway: ActingGateway) -> Any:
    """GET /market-data/active-feeds"""
    now = gateway.clock.now()
    return {
        reading.key.name: feed_row(reading, now)
        for reading in gateway.market_data.active()
        if gateway.bounds.holds(None, reading.key.connector_name, reading.key.trading_pair)
    }


async def get_settings(gateway: ActingGateway) -> Any:
    """GET /market-data/settings"""
    timeout, interval = int(FEED_TIMEOUT.total_seconds()), int(CLEANUP_INTERVAL.total_seconds())
    return {
        "cleanup_interval": interval,
        "feed_timeout": timeout,
        "description": f"Feeds start on demand and are let go of after {timeout} seconds without a caller.",
    }


async def add_trading_pair(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/trading-pair/add"""
    asked = _ADD.load(body)
    await gateway.market_data.check_names(asked["connector_name"], asked.get("account_name"))
    limit = timedelta(seconds=asked["timeout"])
    await gateway.market_data.add_pair(asked["connector_name"], asked["trading_pair"], limit)
    return _pair_answer(asked, success=True, message=f"Order book initialized for {asked['trading_pair']}")


async def remove_trading_pair(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/trading-pair/remove"""
    asked = _REMOVE.load(body)
    await gateway.market_data.check_names(asked["connector_name"], asked.get("account_name"))
    if gateway.market_data.remove_pair(asked["connector_name"], asked["trading_pair"]):
        return _pair_answer(asked, success=True, message=f"Order book removed for {asked['trading_pair']}")
    return _pair_answer(asked, success=False, message=f"No order book was in use for {asked['trading_pair']}")


async def get_order_book_diagnostics(
    gateway: ActingGateway, connector_name: str, account_name: str | None = None
) -> Any:
    """GET /market-data/order-book/diagnostics/{connector_name}"""
    await gateway.market_data.check_names(connector_name, account_name)
    books = gateway.market_data.books(connector_name)
    return {
        "connector_name": connector_name,
        "account_name": account_name,
        "trading_pairs": sorted({reading.key.trading_pair for reading in books}),
        "order_books": {reading.key.name: book_health(reading) for reading in books},
        "timestamp": unix_seconds(gateway.clock.now()),
    }


async def restart_order_books(gateway: ActingGateway, connector_name: str, account_name: str | None = None) -> Any:
    """POST /market-data/order-book/restart/{connector_name}"""
    await gateway.market_data.check_names(connector_name, account_name)
    trading_pairs, errors = await gateway.market_data.restart_books(connector_name)
    message = f"Order books of {connector_name} read anew: {len(trading_pairs)}"
    if errors:
        message += f"; not read: {len(errors)}"
    return {"success": not errors, "message": message, "trading_pairs": trading_pairs, "errors": errors}


def _pair_answer(asked: Mapping[str, Any], *, success: bool, message: str) -> Any:
    return {
        "success": success,
        "connector_name": asked["connector_name"],
        "trading_pair": asked["trading_pair"],
        "message": message,
    }


# -- tickers and rates ----------------------------------------------------------------------------------------------------


async def get_tickers(
    gateway: ActingGateway,
    connectors: Sequence[str] | None = None,
    refresh: bool = False,
    max_age: Any = None,
) -> Any:
    """GET /market-data/tickers"""
    pool = await gateway.rates.pool(
        connectors or None, max_age=0 if refresh else TICKERS_AGE if max_age is None else max_age
    )
    names = [*pool.tickers, *pool.errors]
    updates = {name: pool.updated_at(name) for name in names}
    return {
        "tickers": {
            name: {trading_pair: ticker_row(ticker) for trading_pair, ticker in tickers.items()}
            for name, tickers in pool.tickers.items()
        },
        "counts": {name: len(tickers) for name, tickers in pool.tickers.items()},
        "updated_at": {name: None if at is None else unix_seconds(at) for name, at in updates.items()},
        "errors": pool.errors,
    }


async def get_rates(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /market-data/rates"""
    asked = _RATES.load(body)
    connector_name = asked.get("connector")
    rates = await gateway.rates.pool_rates(asked["trading_pairs"], connector_name)
    return {"quote_token": await _quote(gateway), "connector": connector_name, "rates": rates}


async def get_rate(gateway: ActingGateway, trading_pair: str, connector: str | None = None) -> Any:
    """GET /market-data/rate/{trading_pair}"""
    rates = await gateway.rates.pool_rates([trading_pair], connector)
    return {
        "trading_pair": trading_pair,
        "rate": rates[trading_pair],
        "quote_token": await _quote(gateway),
        "connector": connector,
    }


async def get_pool_prices(gateway: ActingGateway) -> Any:
    """GET /market-data/pool-prices"""
    prices = await gateway.rates.pool_prices()
    return {"quote_token": await _quote(gateway), "prices_count": len(prices), "prices": prices}


async def _quote(gateway: ActingGateway) -> str:
    return (await gateway.rates.config()).quote
