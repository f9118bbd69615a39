"""Binance's market streams: what they are called, and what they say as events of ours.

No I/O. Books come as the best twenty levels, whole each time, so nothing has to be pieced together; candles come as far as they
have grown. Only trades can be missed within a connection, and their numbers show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.connectors.base import MarketTopic
from app.connectors.binance import market as binance_market
from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import flag, integer_text, mapping, number, text, time
from app.domain.enums import TradeType
from app.domain.reports import Candle, CandleReport, Gap, MarketEvent, PublicTrade, Ticker

#: The deepest book that is pushed whole.
BOOK_LEVELS = 20

#: Futures also tell of trades outside the book (with the insurance fund, for one); those are no market prices, and REST leaves
#: them out.
_MARKET_TRADE = "MARKET"


def stream_name(topic: MarketTopic, symbol: str) -> str:
    """Binance's name of the stream that tells ``topic``."""
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
    """What one stream says. ``now`` is the exchange's time, for books that carry none."""

    def __init__(self, topic: MarketTopic, now: Callable[[], datetime]) -> None:
        self._topic = topic
        self._now = now
        self._last_trade: int | None = None

    def restart(self) -> None:
        """The stream begins anew: what was missed before is somebody else's affair."""
        self._last_trade = None

    def read(self, payload: Any) -> Sequence[MarketEvent]:
        """The events of one message. Raises ``Unreadable``."""
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
        told: list[MarketEvent] = []
        if last is not None and trade_id != last + 1:
            told.append(Gap(reason=f"the trades between {last} and {trade_id} were not told"))
        if row.get("X", _MARKET_TRADE) == _MARKET_TRADE:
            told.append(
                PublicTrade(
                    exchange_trade_id=str(trade_id),
                    trading_pair=self._topic.trading_pair,
                    price=number(row, "p"),
                    amount=number(row, "q"),
                    taker_side=TradeType.SELL if flag(row, "m") else TradeType.BUY,
                    traded_at=time(row, "T"),
                )
            )
        return told

    def _book(self, row: Mapping[str, Any]) -> MarketEvent:
        sides = {"bids": row.get("bids", row.get("b")), "asks": row.get("asks", row.get("a"))}
        return binance_market.order_book({**row, **sides}, self._topic.trading_pair, depth=BOOK_LEVELS, now=self._now())

    def _ticker(self, row: Mapping[str, Any]) -> Ticker:
        return Ticker(
            trading_pair=self._topic.trading_pair,
            price=number(row, "c"),
            reported_at=time(row, "E"),
            base_volume=number(row, "v"),
            quote_volume=number(row, "q"),
        )
