"""Numbered pictures of the order books: the ``lastUpdateId`` of snapshots and the differences between two of them.

A book's number grows when somebody looks and it has changed, so a snapshot and the difference stream fit together as Binance's
do: the first difference after a snapshot begins at or before the number that follows it. Used on the exchange's thread only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.paper.exchange import PaperBook, PaperExchange
from app.paper.market import LEVELS, Level
from app.sandbox.times import milliseconds

#: The synthetic levels and as many of users' own.
_DEPTH = 2 * LEVELS

Levels = Mapping[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedBook:
    """A book and its number."""

    update_id: int
    book: PaperBook

    def side(self, side: TradeType) -> Levels:
        return _by_price(self.book.bids if side is TradeType.BUY else self.book.asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from one published picture to the next; an amount of zero is a level that is gone."""

    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Books:
    """The books of one exchange. Numbers begin at the time of the first look, so that they also grow over a restart."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._seen: dict[str, NumberedBook] = {}
        self._published: dict[str, NumberedBook] = {}

    def look(self, trading_pair: str) -> NumberedBook:
        """The book as it is now."""
        book = self._exchange.book(trading_pair, _DEPTH)
        seen = self._seen.get(trading_pair)
        if seen is None:
            current = NumberedBook(update_id=milliseconds(book.at) // 1_000, book=book)
        elif (seen.book.bids, seen.book.asks) == (book.bids, book.asks):
            return seen
        else:
            current = NumberedBook(update_id=seen.update_id + 1, book=book)
        self._seen[trading_pair] = current
        return current

    def difference(self, trading_pair: str) -> Difference | None:
        """What changed since this was last called for the pair; None if nothing did, or nobody had looked."""
        current, before = self.look(trading_pair), self._published.get(trading_pair)
        self._published[trading_pair] = current
        if before is None or before.update_id == current.update_id:
            return None
        bids, asks = (tuple(_changes(before.side(side), current.side(side))) for side in TradeType)
        return Difference(first_id=before.update_id + 1, last_id=current.update_id, bids=bids, asks=asks)


def _by_price(levels: Iterable[Level]) -> Levels:
    return {level.price: level.amount for level in levels}


def _changes(before: Levels, after: Levels) -> Iterable[Level]:
    for price, amount in after.items():
        if before.get(price) != amount:
            yield Level(price, amount)
    for price in before:
        if price not in after:
            yield Level(price, ZERO)
