"""The present state of one market that its stream keeps up to date: a book, a ticker, the last candles, the last trades. Plain
state, no I/O.

A snapshot is valid from when it was seeded, with what was read after the stream began, until it is cleared. ``apply`` adds an event
of the stream and returns False if the event does not follow on: something is missing then, and the snapshot must be seeded anew. An
event that the stream repeats changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from app.domain.reports import Candle, CandleReport, MarketEvent, OrderBook, PublicTrade, Ticker
from app.services.markets.candle_pages import interval_length

Message = TypeVar("Message", bound=OrderBook | Ticker)


class MarketSnapshot(Protocol):
    """What all snapshots can do."""

    @property
    def value(self) -> Any:
        """The state of the market; None while it is not known."""

    def clear(self) -> None:
        """Drop everything."""

    def seed(self, found: Any) -> None:
        """Begin with what was read over REST."""

    def apply(self, event: MarketEvent) -> bool:
        """Add an event of the stream. Return False if something is missing before it."""


class LastMessage(Generic[Message]):
    """The last message of ``kind``. Each message is complete, as those of books and tickers are, so nothing can be missing."""

    def __init__(self, kind: type[Message]) -> None:
        self._kind = kind
        self.value: Message | None = None

    def clear(self) -> None:
        self.value = None

    def seed(self, found: None) -> None:
        """Do nothing: the first message is complete."""

    def apply(self, event: MarketEvent) -> bool:
        if isinstance(event, self._kind):
            self.value = event
        return True


class CandleSnapshot:
    """The last ``count`` candles, the growing one last."""

    def __init__(self, interval: str, count: int) -> None:
        self._length = interval_length(interval)
        self._count = count
        self._candles: list[Candle] = []
        self._is_last_closed = False

    @property
    def value(self) -> Sequence[Candle] | None:
        return self._candles or None

    def clear(self) -> None:
        self._candles = []

    def seed(self, found: Sequence[Candle]) -> None:
        self._candles = list(found)
        self._is_last_closed = False

    def apply(self, event: MarketEvent) -> bool:
        if not self._candles or not isinstance(event, CandleReport):
            return True
        last, candle = self._candles[-1], event.candle
        if candle.opened_at < last.opened_at:
            return True  # what was read has it already, in its final form
        if candle.opened_at == last.opened_at:
            # The number of trades in a candle only grows, so the report with fewer is the older one.
            if candle.trades >= last.trades:
                self._candles[-1], self._is_last_closed = candle, event.is_closed
            return True
        if not self._is_last_closed or (self._length is not None and candle.opened_at - last.opened_at != self._length):
            return False
        self._candles = [*self._candles[-self._count + 1 :], candle] if self._count > 1 else [candle]
        self._is_last_closed = event.is_closed
        return True


class TradeSnapshot:
    """The last ``count`` trades, oldest first.

    REST may lag behind the stream, so the first new trade after a seed must follow the last one that was read, where their ids are
    numbers. If it does not, it waits while everything is read once more. A gap that is still there then is taken for ids that the
    exchange does not show.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._trades: dict[str, PublicTrade] | None = None
        self._waiting: PublicTrade | None = None
        self._is_fresh = False

    @property
    def value(self) -> Sequence[PublicTrade] | None:
        return None if self._trades is None else list(self._trades.values())

    def clear(self) -> None:
        self._trades = None

    def seed(self, found: Sequence[PublicTrade]) -> None:
        self._trades = {trade.exchange_trade_id: trade for trade in found}
        waiting, self._waiting = self._waiting, None
        self._is_fresh = waiting is None
        if waiting is not None and (not found or waiting.traded_at >= found[-1].traded_at):
            self._add(self._trades, waiting)

    def apply(self, event: MarketEvent) -> bool:
        trades = self._trades
        if trades is None or not isinstance(event, PublicTrade) or event.exchange_trade_id in trades:
            return True
        if len(trades) >= self._count and event.traded_at < next(iter(trades.values())).traded_at:
            return True  # older than everything that was read
        is_first, self._is_fresh = self._is_fresh, False
        if is_first and trades and _has_gap(next(reversed(trades)), event.exchange_trade_id):
            self._waiting = event
            return False
        self._add(trades, event)
        return True

    def _add(self, trades: dict[str, PublicTrade], trade: PublicTrade) -> None:
        trades.setdefault(trade.exchange_trade_id, trade)
        if len(trades) > self._count:
            del trades[next(iter(trades))]


def _has_gap(last: str, first: str) -> bool:
    """Whether there are ids between ``last`` and ``first``. Unknown, and so False, where they are not numbers."""
    return last.isdecimal() and first.isdecimal() and int(first) > int(last) + 1
