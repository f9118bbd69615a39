"""``WS /ws/market-data``: books, candles, trades and tickers as they change; and ``WS /ws/executors``, which has nothing to
subscribe to.

A subscription names ``type``, ``connector`` and ``trading_pair``; ``update_interval`` is the time between two checks for news. The
market is asked once before the subscription is confirmed, so that a wrong name is an error and not silence. The gateway runs no
executors: that socket speaks the same frame, so that programs which open it can go on, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.domain.errors import Forbidden, OrdergateError
from app.domain.reports import OrderBook, PublicTrade, Ticker
from app.domain.suggestions import did_you_mean
from app.handlers.forms.market_views import MOST_CANDLES, book_sides, candle_row, ticker_row, trade_row
from app.handlers.streaming import LongList
from app.services.gateway import Gateway
from app.services.markets.market_data import MarketData
from app.services.markets.market_subscriptions import (
    BookSubscription,
    CandleSubscription,
    CandleUpdate,
    MarketSubscription,
    TickerSubscription,
    TradeSubscription,
)
from app.web.contract.names import Names
from app.web.edge import SocketRoute
from app.web.messages import encode_long
from app.web.sockets.calling import acting_gateway
from app.web.sockets.subscriptions import Subscribe, Subscription, SubscriptionSocket, Unsubscribable, shown

#: The bounds of ``update_interval`` that callers know, in seconds.
_SHORTEST, _LONGEST = 0.25, 60.0
_MOST_LEVELS = 1000

_NAMES = Names(
    "message",
    ("action", "type", "connector", "trading_pair", "update_interval", "interval", "max_records", "depth"),
)

_MARKETS = ("candles", "order_book", "ticker", "trades")
_EXECUTORS = (
    "executors",
    "executor_detail",
    "executor_summary",
    "performance",
    "positions",
    "executor_logs",
    "bot_status",
    "all_bots_status",
)


def market_socket(gateway: Gateway) -> SocketRoute:
    """The route of the market-data socket."""

    async def subscribe(asked: Mapping[str, Any]) -> Subscription:
        acting = acting_gateway(gateway)
        try:
            acting.check_named(asked)
        except Forbidden as refusal:
            raise Unsubscribable(refusal.detail) from refusal
        return await _subscription(acting.market_data, asked)

    return _route(gateway, "/ws/market-data", subscribe)


def executor_socket(gateway: Gateway) -> SocketRoute:
    """The route of the executors' socket."""

    async def subscribe(asked: Mapping[str, Any]) -> Subscription:
        _check_type(asked, _EXECUTORS)
        raise Unsubscribable("This server runs no executors and no bots: there is nothing to subscribe to")

    return _route(gateway, "/ws/executors", subscribe)


def _route(gateway: Gateway, path: str, subscribe: Subscribe) -> SocketRoute:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await SubscriptionSocket(socket, gateway.clock, gateway.market_data.ended, subscribe).serve()

    return SocketRoute(path=path, endpoint=serve)


async def _subscription(market_data: MarketData, asked: Mapping[str, Any]) -> Subscription:
    kind = _check_type(asked, _MARKETS)
    ignored = _ignored(asked)
    connector_name, trading_pair = asked.get("connector"), asked.get("trading_pair")
    if not (isinstance(connector_name, str) and isinstance(trading_pair, str) and connector_name and trading_pair):
        raise Unsubscribable("connector and trading_pair are required")
    interval = min(max(_number(asked, "update_interval", 1.0), _SHORTEST), _LONGEST)
    name, market = f"{kind}_{connector_name}_{trading_pair}", _market(market_data, kind, asked)
    if kind == "candles":
        name = f"{name}_{_interval(asked)}"
    try:
        await market.start()
    except OrdergateError as error:
        raise Unsubscribable(f"Failed to start feed: {error.detail}") from error

    async def poll() -> Mapping[str, Any] | None:
        news = await market.poll()
        return None if news is None else await _message(news)

    return Subscription(subscription_id=name, interval=interval, poll=poll, close=market.close, ignored=ignored)


def _market(market_data: MarketData, kind: str, asked: Mapping[str, Any]) -> MarketSubscription:
    market = (asked["connector"], asked["trading_pair"])
    if kind == "order_book":
        return BookSubscription(market_data, *market, _count(asked, "depth", 10, _MOST_LEVELS))
    if kind == "candles":
        return CandleSubscription(
            market_data, *market, _interval(asked), _count(asked, "max_records", 100, MOST_CANDLES)
        )
    if kind == "ticker":
        return TickerSubscription(market_data, *market)
    return TradeSubscription(market_data, *market)


async def _message(news: object) -> Mapping[str, Any]:
    if isinstance(news, OrderBook):
        return {"type": "order_book", "data": book_sides(news)}
    if isinstance(news, Ticker):
        return {"type": "ticker", "data": ticker_row(news)}
    if isinstance(news, CandleUpdate):
        if not news.is_new:
            return {"type": "candle_update", "data": candle_row(news.candles[0])}
        return {"type": "candles", "data": await encode_long(LongList(items=news.candles, row=candle_row))}
    assert isinstance(news, Sequence)
    trades: Sequence[PublicTrade] = news
    return {"type": "trades", "data": [trade_row(trade) for trade in trades]}


def _check_type(asked: Mapping[str, Any], known: Sequence[str]) -> str:
    kind = asked.get("type")
    if kind not in known:
        meant = did_you_mean(kind, known) if isinstance(kind, str) else ""
        raise Unsubscribable(f"Invalid subscription type: {shown(kind)}. Valid types: {', '.join(known)}.{meant}")
    assert isinstance(kind, str)
    return kind


def _ignored(asked: Mapping[str, Any]) -> Sequence[str]:
    """The names of the message that mean nothing. Raises ``Unsubscribable`` for one that nearly is another."""
    ignored = _NAMES.unknown(asked.keys())
    for name in ignored:
        advice = _NAMES.advice(name)
        if advice is not None:
            raise Unsubscribable(advice)
    return ignored


def _interval(asked: Mapping[str, Any]) -> str:
    interval = asked.get("interval")
    if interval is None:
        return "1m"
    if not isinstance(interval, str) or not 0 < len(interval) <= 10:
        raise Unsubscribable("interval must be a text such as 1m")
    return interval


def _count(asked: Mapping[str, Any], name: str, default: int, most: int) -> int:
    return min(max(int(_number(asked, name, default)), 1), most)


def _number(asked: Mapping[str, Any], name: str, default: float) -> float:  # a duration or a count, never money
    value = asked.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unsubscribable(f"{name} must be a number")
    if value < 0:
        raise Unsubscribable(f"{name} must not be negative")
    return value
