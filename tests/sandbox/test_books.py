"""Tests of numbered books."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from app.domain.enums import TradeType
from app.paper.exchange import PaperExchange
from app.sandbox.books import Books
from app.sandbox.prices import SteeredPath
from tests.clock import FakeClock


def test_differences_lead_from_snapshot_to_snapshot(
    exchange: PaperExchange, clock: FakeClock, path: SteeredPath
) -> None:
    """A snapshot taken at any time and the differences after it give the next snapshot, level by level."""
    books = Books(exchange)
    assert books.difference("BTC-USDT") is None
    assert books.difference("BTC-USDT") is None
    for price in (65_010, 64_000, 66_000):
        snapshot = books.current("BTC-USDT")
        clock.advance(1)
        path.prices["BTC-USDT"] = D(price)
        between = books.current("BTC-USDT")
        assert between.update_id == snapshot.update_id + 1
        assert books.current("BTC-USDT") is between
        change = books.difference("BTC-USDT")
        assert change is not None
        assert change.first_id <= snapshot.update_id + 1 <= change.last_id
        for side, changes in ((TradeType.BUY, change.bids), (TradeType.SELL, change.asks)):
            levels: dict[Any, Any] = dict(snapshot.side(side))
            levels.update({level.price: level.amount for level in changes})
            assert {price: amount for price, amount in levels.items() if amount} == dict(between.side(side))


def test_differences_lead_from_every_snapshot(exchange: PaperExchange, clock: FakeClock, path: SteeredPath) -> None:
    """Also from one that was taken between two differences, whose levels neither the first nor the last book has."""
    books = Books(exchange)
    books.difference("BTC-USDT")
    for price in (65_010, 64_000):
        clock.advance(1)
        path.prices["BTC-USDT"] = D(price)
        snapshot = books.current("BTC-USDT")
    clock.advance(1)
    path.prices["BTC-USDT"] = D(65_000)
    change = books.difference("BTC-USDT")
    assert change is not None
    assert change.first_id <= snapshot.update_id < change.last_id
    levels: dict[Any, Any] = dict(snapshot.side(TradeType.SELL))
    levels.update({level.price: level.amount for level in change.asks})
    after = books.current("BTC-USDT").side(TradeType.SELL)
    assert {price: amount for price, amount in levels.items() if amount} == dict(after)


def test_books_are_forgotten_while_nobody_asks_for_differences(
    exchange: PaperExchange, clock: FakeClock, path: SteeredPath
) -> None:
    """Those between differences are kept for a minute; then differences begin anew."""
    books = Books(exchange)
    books.difference("BTC-USDT")
    for second in range(100):
        clock.advance(1)
        path.prices["BTC-USDT"] = D(65_000 + second)
        books.current("BTC-USDT")
        assert len(books._replaced["BTC-USDT"]) <= 60
    assert books.difference("BTC-USDT") is None
