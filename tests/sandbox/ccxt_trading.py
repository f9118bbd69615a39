"""What ccxt, unmodified, must find and be able to do on every local exchange of its family."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


async def sees_the_market(exchange: Any, symbols: list[str]) -> None:
    """Book, ticker, candles and trades of each symbol, and the exchange's time where it tells one."""
    for symbol in symbols:
        book = await exchange.fetch_order_book(symbol, 5)
        assert len(book["bids"]) >= 5
        assert book["bids"][0][0] < 65_000 < book["asks"][0][0]
        assert (await exchange.fetch_ticker(symbol))["last"] > 0
        candles = await exchange.fetch_ohlcv(symbol, "1m", limit=3)
        assert len(candles) >= 3
        assert {later[0] - earlier[0] for earlier, later in pairwise(candles)} == {60_000}
        trades = await exchange.fetch_trades(symbol, limit=3)
        assert len(trades) >= 3
        assert {each["side"] for each in trades} <= {"buy", "sell"}
    if exchange.has["fetchTime"]:
        assert await exchange.fetch_time() > 0
