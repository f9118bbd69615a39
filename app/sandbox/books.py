"""Numbered order books: the update ids of snapshots, and the differences between them.

A book's number grows when it is read and has changed, so a snapshot and the stream of differences fit together as on real
exchanges: the first difference after a snapshot begins at or before the number that follows it. Used on the exchange's thread only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.paper.exchange import PaperExchange
from app.paper.market import LEVELS, Level, PaperBook
from app.sandbox.times import milliseconds

#: The synthetic levels and as many of users' own.
_DEPTH = 2 * LEVELS

#: Differences are asked for each second; after so long without, nobody listens.
_FORGOTTEN_AFTER = timedelta(minutes=1)

Levels = Mapping[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedBook:
    """A book and its update id."""

    update_id: int
    book: PaperBook

    def side(self, side: TradeType) -> Levels:
        return _by_price(self.book.bids if side is TradeType.BUY else self.book.asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The changes from one published book to the next; an amount of zero is a removed level."""

    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Books:
    """The books of one exchange. Update ids begin at the time of the first read, so that they also grow over a restart."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._latest: dict[str, NumberedBook] = {}
        self._published: dict[str, NumberedBook] = {}
        self._replaced: dict[str, list[NumberedBook]] = defaultdict(list)

    def current(self, trading_pair: str) -> NumberedBook:
        """The book as it is now."""
        book = self._exchange.book(trading_pair, _DEPTH)
        latest = self._latest.get(trading_pair)
        if latest is None:
            current = NumberedBook(update_id=milliseconds(book.at) // 1_000, book=book)
        elif (latest.book.bids, latest.book.asks) == (book.bids, book.asks):
            return latest
        else:
            current = NumberedBook(update_id=latest.update_id + 1, book=book)
            self._remember(trading_pair, latest, book.at)
        self._latest[trading_pair] = current
        return current

    def _remember(self, trading_pair: str, replaced: NumberedBook, now: datetime) -> None:
        """Keep a book for the next difference, as long as anybody asks for differences."""
        published = self._published.get(trading_pair)
        if published is None:
            return
        if now - published.book.at > _FORGOTTEN_AFTER:
            del self._published[trading_pair]
            self._replaced.pop(trading_pair, None)
            return
        self._replaced[trading_pair].append(replaced)

    def difference(self, trading_pair: str) -> Difference | None:
        """The changes since the last call for the pair; None on the first call, or without changes.

        They lead to the current book from any since then, because a snapshot may have been of any of them.
        """
        current, before = self.current(trading_pair), self._published.get(trading_pair)
        self._published[trading_pair] = current
        replaced = self._replaced.pop(trading_pair, [])
        if before is None or before.update_id == current.update_id:
            return None
        bids, asks = (tuple(_changes([each.side(side) for each in replaced], current.side(side))) for side in TradeType)
        return Difference(first_id=before.update_id + 1, last_id=current.update_id, bids=bids, asks=asks)


def _by_price(levels: Iterable[Level]) -> Levels:
    return {level.price: level.amount for level in levels}


def _changes(before: Sequence[Levels], after: Levels) -> Iterable[Level]:
    """The levels of ``after`` that are otherwise in one of the books before it, and those that were only there."""
    for price, amount in after.items():
        if any(book.get(price) != amount for book in before):
            yield Level(price, amount)
    for price in dict.fromkeys(price for book in before for price in book):
        if price not in after:
            yield Level(price, ZERO)
