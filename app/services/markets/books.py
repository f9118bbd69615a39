"""Volume and price queries on an order book as it stands.

The cheap book is read first, and the deep one only where the cheap one is not deep enough. Where the deep one is not deep enough
either, there is no price, and the answer says how much the book holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.markets.order_book import Sweep, sweep_quote_volume, sweep_to_price, sweep_volume, taken_side
from app.domain.reports import BookLevel
from app.services.markets.market_data import MarketData

_SHALLOW, _DEEP = 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAnswer:
    """What taking a part of the book would come to at ``reported_at``."""

    sweep: Sweep
    reported_at: datetime


class Books:
    """The verbs by volume, by quote volume and by price."""

    def __init__(self, market_data: MarketData) -> None:
        self._market_data = market_data

    async def by_volume(self, connector_name: str, trading_pair: str, volume: Decimal, *, is_buy: bool) -> BookAnswer:
        """Taking ``volume`` base units."""
        return await self._answer(connector_name, trading_pair, is_buy, lambda side: sweep_volume(side, volume))

    async def by_quote_volume(
        self, connector_name: str, trading_pair: str, quote_volume: Decimal, *, is_buy: bool
    ) -> BookAnswer:
        """Taking for ``quote_volume`` quote units."""
        return await self._answer(
            connector_name, trading_pair, is_buy, lambda side: sweep_quote_volume(side, quote_volume)
        )

    async def by_price(self, connector_name: str, trading_pair: str, price: Decimal, *, is_buy: bool) -> BookAnswer:
        """Taking everything at ``price`` or better."""
        return await self._answer(
            connector_name, trading_pair, is_buy, lambda side: sweep_to_price(side, price, is_buy=is_buy)
        )

    async def _answer(
        self, connector_name: str, trading_pair: str, is_buy: bool, sweep: Callable[[Sequence[BookLevel]], Sweep]
    ) -> BookAnswer:
        book = await self._market_data.order_book(connector_name, trading_pair, _SHALLOW)
        side = taken_side(book, is_buy=is_buy)
        found = sweep(side)
        if not found.is_complete and len(side) >= _SHALLOW:
            book = await self._market_data.order_book(connector_name, trading_pair, _DEEP)
            found = sweep(taken_side(book, is_buy=is_buy))
        return BookAnswer(sweep=found, reported_at=book.reported_at)
