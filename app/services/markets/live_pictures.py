"""What is known of one market while its stream tells: a book, a ticker, the last candles, the last trades. Plain state, no I/O.

A picture is good from when it was seeded, with what was read after the stream began, until it is cleared. ``take`` adds what the
stream says and answers False where that does not fit on: something is missing then, and the picture must be seeded anew. What the
stream repeats changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from app.domain.reports import Candle, CandleReport, MarketEvent, OrderBook, PublicTrade, Ticker
from app.services.markets.candle_pages import interval_length

Whole = TypeVar("Whole", bound=OrderBook | Ticker)


class Picture(Protocol):
    """What all of them can do."""

    @property
    def value(self) -> Any:
        """What is known; None while that is nothing."""

    def clear(self) -> None:
        """Forget everything."""

    def seed(self, found: Any) -> None:
        """Begin with what was read over REST."""

    def take(self, event: MarketEvent) -> bool:
        """Add what the stream says; False if something is missing in between."""


class WholePicture(Generic[Whole]):
    """The last message of ``kind``. Each holds all there is to know, as a book's and a ticker's do, so nothing can be missing."""

    def __init__(self, kind: type[Whole]) -> None:
        self._kind = kind
        self.value: Whole | None = None

    def clear(self) -> None:
        self.value = None

    def seed(self, found: None) -> None:
        """The first message will do it."""

    def take(self, event: MarketEvent) -> bool:
        if isinstance(event, self._kind):
            self.value = event
        return True


class CandlesPicture:
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

    def take(self, event: MarketEvent) -> bool:
        if not self._candles or not isinstance(event, CandleReport):
            return True
        last, candle = self._candles[-1], event.candle
        if candle.opened_at < last.opened_at:
            return True  # what was read knows it already, in its final form
        if candle.opened_at == last.opened_at:
            # A candle's trades only grow in number, so the picture with fewer is the older one.
            if candle.trades >= last.trades:
                self._candles[-1], self._is_last_closed = candle, event.is_closed
            return True
        if not self._is_last_closed or (self._length is not None and candle.opened_at - last.opened_at != self._length):
            return False
        self._candles = [*self._candles[-self._count + 1 :], candle] if self._count > 1 else [candle]
        self._is_last_closed = event.is_closed
        return True


class TradesPicture:
    """The last ``count`` trades, oldest first.

    REST may lag behind the stream, so the first new trade after a seed must follow the last one that was read, where their ids are
    numbers. If it does not, it is held while everything is read once more; a hole that is still there then is taken for ids that
    the exchange does not show.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._trades: dict[str, PublicTrade] | None = None
        self._held: PublicTrade | None = None
        self._is_fresh = False

    @property
    def value(self) -> Sequence[PublicTrade] | None:
        return None if self._trades is None else list(self._trades.values())

    def clear(self) -> None:
        self._trades = None

    def seed(self, found: Sequence[PublicTrade]) -> None:
        self._trades = {trade.exchange_trade_id: trade for trade in found}
        held, self._held = self._held, None
        self._is_fresh = held is None
        if held is not None and (not found or held.traded_at >= found[-1].traded_at):
            self._add(self._trades, held)

    def take(self, event: MarketEvent) -> bool:
        trades = self._trades
        if trades is None or not isinstance(event, PublicTrade) or event.exchange_trade_id in trades:
            return True
        if len(trades) >= self._count and event.traded_at < next(iter(trades.values())).traded_at:
            return True  # told before what was read, and further back than that reaches
        is_first, self._is_fresh = self._is_fresh, False
        if is_first and trades and _leaves_out(next(reversed(trades)), event.exchange_trade_id):
            self._held = event
            return False
        self._add(trades, event)
        return True

    def _add(self, trades: dict[str, PublicTrade], trade: PublicTrade) -> None:
        trades.setdefault(trade.exchange_trade_id, trade)
        if len(trades) > self._count:
            del trades[next(iter(trades))]


def _leaves_out(last: str, first: str) -> bool:
    """Whether there are ids between the two, as far as they are numbers."""
    return last.isdecimal() and first.isdecimal() and int(first) > int(last) + 1
