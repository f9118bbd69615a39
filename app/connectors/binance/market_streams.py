"""Binance's market streams: their names, the messages that subscribe to them, and their payloads as events of ours.

No I/O except opening a connection. Books come as the best twenty levels, whole each time, so nothing has to be pieced together;
candles come as far as they have grown. Only trades can be missed within a connection, and their numbers show it.
Source: "WebSocket Streams" in Binance's spot API documentation, "Websocket Market Streams" in the USD-M futures one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from app.connectors.binance import market
from app.connectors.capabilities import MarketTopic
from app.connectors.common.answers import Unreadable
from app.connectors.common.market_streams import Confirmed, MarketProtocol, MarketSocket, Published, Request
from app.connectors.common.numbers import flag, integer_text, mapping, number, text, time
from app.connectors.common.stream import StreamEnded
from app.domain.enums import TradeType
from app.domain.reports import Candle, CandleReport, Gap, MarketEvent, PublicTrade, Ticker
from app.outbound import Outbound

#: The deepest book that is pushed whole.
BOOK_LEVELS = 20

#: Binance closes each connection at 24 hours; half an hour before, it is our choice when.
MAX_AGE_SECONDS = 23.5 * 3600

#: Between two requests. Spot takes five messages per second, pings and pongs among them, and cuts off who sends more.
_PAUSE_SECONDS = 0.5

#: Names in one request: a kilobyte or two, which any server takes.
_NAMES_PER_REQUEST = 50

#: The most streams on one connection.
_STREAMS_PER_CONNECTION = 1024

#: Futures also report trades outside the book (with the insurance fund, for one); those are no market prices, and REST leaves
#: them out.
_MARKET_TRADE = "MARKET"


def protocol(base_url: str, outbound: Outbound) -> MarketProtocol:
    """How the streams below ``base_url`` are reached and subscribed."""

    def connect() -> AbstractAsyncContextManager[MarketSocket]:
        from app.connectors.binance.sockets import market_socket

        return market_socket(base_url, outbound)

    return MarketProtocol(
        connect=connect,
        request=_request,
        read=_read,
        max_age=MAX_AGE_SECONDS,
        pause=_PAUSE_SECONDS,
        names_per_request=_NAMES_PER_REQUEST,
        streams_per_connection=_STREAMS_PER_CONNECTION,
    )


def stream_name(topic: MarketTopic, symbol: str) -> str:
    """Binance's name of the stream for ``topic``."""
    match topic.kind:
        case "candles":
            what = f"kline_{topic.interval}"
        case "trades":
            what = "trade"
        case "order_book":
            what = f"depth{BOOK_LEVELS}@100ms"
        case "ticker":
            what = "ticker"
    return f"{symbol.lower()}@{what}"


class MarketReader:
    """Reads one stream. ``now`` is the exchange's time, for books that carry none."""

    def __init__(self, topic: MarketTopic, now: Callable[[], datetime]) -> None:
        self._topic = topic
        self._now = now
        self._last_trade: int | None = None

    def restart(self) -> None:
        """The stream begins anew, so the number of the last trade no longer counts."""
        self._last_trade = None

    def read(self, payload: Any) -> Sequence[MarketEvent]:
        """The events in one payload. Raises ``Unreadable``."""
        row = mapping(payload)
        match self._topic.kind:
            case "candles":
                return [self._candle(row)]
            case "trades":
                return self._trade(row)
            case "order_book":
                return [self._book(row)]
            case "ticker":
                return [self._ticker(row)]

    def _candle(self, row: Mapping[str, Any]) -> CandleReport:
        kline = mapping(row.get("k"))
        if text(kline, "i") != self._topic.interval:
            raise Unreadable(f"a candle of {kline['i']} came on the stream of {self._topic.interval}")
        candle = Candle(
            opened_at=time(kline, "t"),
            open=number(kline, "o"),
            high=number(kline, "h"),
            low=number(kline, "l"),
            close=number(kline, "c"),
            volume=number(kline, "v"),
            quote_volume=number(kline, "q"),
            trades=int(integer_text(kline, "n")),
            taker_buy_base_volume=number(kline, "V"),
            taker_buy_quote_volume=number(kline, "Q"),
        )
        return CandleReport(candle=candle, is_closed=flag(kline, "x"))

    def _trade(self, row: Mapping[str, Any]) -> list[MarketEvent]:
        trade_id, last = int(integer_text(row, "t")), self._last_trade
        if last is not None and trade_id <= last:
            return []
        self._last_trade = trade_id
        events: list[MarketEvent] = []
        if last is not None and trade_id != last + 1:
            events.append(Gap(reason=f"the trades between {last} and {trade_id} are missing"))
        if row.get("X", _MARKET_TRADE) == _MARKET_TRADE:
            events.append(
                PublicTrade(
                    exchange_trade_id=str(trade_id),
                    trading_pair=self._topic.trading_pair,
                    price=number(row, "p"),
                    amount=number(row, "q"),
                    taker_side=TradeType.SELL if flag(row, "m") else TradeType.BUY,
                    traded_at=time(row, "T"),
                )
            )
        return events

    def _book(self, row: Mapping[str, Any]) -> MarketEvent:
        sides = {"bids": row.get("bids", row.get("b")), "asks": row.get("asks", row.get("a"))}
        return market.order_book({**row, **sides}, self._topic.trading_pair, depth=BOOK_LEVELS, now=self._now())

    def _ticker(self, row: Mapping[str, Any]) -> Ticker:
        return Ticker(
            trading_pair=self._topic.trading_pair,
            price=number(row, "c"),
            reported_at=time(row, "E"),
            base_volume=number(row, "v"),
            quote_volume=number(row, "q"),
        )


def _request(request: Request, names: Sequence[str], request_id: int) -> Mapping[str, Any]:
    return {"method": request.upper(), "params": names, "id": request_id}


def _read(message: Mapping[str, Any]) -> Confirmed | Published | None:
    if "stream" in message:
        return Published(str(message["stream"]), message.get("data"))
    if "error" in message or "code" in message:
        raise StreamEnded(f"the exchange refused a subscription: {message.get('error') or message.get('msg')}")
    request_id = message.get("id")
    return Confirmed(request_id) if isinstance(request_id, int) else None
