"""The users' resting orders of one pair, in price-time priority. It sorts; it neither matches nor pays."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from app.domain.enums import TradeType
from app.paper.orders import PaperOrder


class BookSide:
    """One side. The best price comes first; at one price the smaller exchange order id, which is the older order."""

    def __init__(self, side: TradeType) -> None:
        self._sign = -1 if side is TradeType.BUY else 1
        self._keys: list[tuple[Decimal, int]] = []
        self._orders: dict[int, PaperOrder] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[PaperOrder]:
        return (self._orders[order_id] for _, order_id in self._keys)

    def put(self, order: PaperOrder) -> None:
        """Add ``order``, or replace the older version of it, which may have had another price."""
        older = self._orders.get(order.exchange_order_id)
        if older is None or older.price != order.price:
            self.remove(order)
            insort(self._keys, self._key(order))
        self._orders[order.exchange_order_id] = order

    def remove(self, order: PaperOrder) -> None:
        """Remove ``order``, in whatever version it is in the book, if it is there."""
        known = self._orders.pop(order.exchange_order_id, None)
        if known is not None:
            del self._keys[bisect_left(self._keys, self._key(known))]

    def best(self) -> PaperOrder | None:
        return self._orders[self._keys[0][1]] if self._keys else None

    def _key(self, order: PaperOrder) -> tuple[Decimal, int]:
        return (self._sign * order.limit, order.exchange_order_id)


class Book:
    """Both sides of one pair."""

    def __init__(self) -> None:
        self._sides = {side: BookSide(side) for side in TradeType}

    def side(self, side: TradeType) -> BookSide:
        return self._sides[side]

    def is_empty(self) -> bool:
        return not any(len(side) for side in self._sides.values())
