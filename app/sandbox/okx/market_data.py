"""The public endpoints: time, instruments, tickers, books, candles, trades and fundings.

Source: "Public Data" and "Order Book Trading", "Market Data" in OKX's documentation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from app.domain.enums import TradeType
from app.paper.pairs import Pair
from app.paper.perpetual.margin import MAX_LEVERAGE
from app.sandbox.books import Books
from app.sandbox.common.calls import Call, Endpoint, Handler, public
from app.sandbox.common.rows import wire
from app.sandbox.okx import rows
from app.sandbox.okx.failures import invalid
from app.sandbox.okx.instruments import Instruments
from app.sandbox.okx.rows import Row
from app.sandbox.okx.venue import SPOT, SWAP, OkxVenue
from app.sandbox.times import milliseconds, moment

#: OKX's words for the lengths of candles. Those of six hours and more without "utc" begin in Hong Kong's time, and are not served.
_BARS = {
    **{name: name for name in ("1m", "3m", "5m", "15m", "30m")},
    **{f"{hours}H": f"{hours}h" for hours in (1, 2, 4)},
    "6Hutc": "6h",
    "12Hutc": "12h",
    "1Dutc": "1d",
    "3Dutc": "3d",
    "1Wutc": "1w",
    "1Mutc": "1M",
}

_DAY = timedelta(days=1)


class MarketData:
    """The endpoints that need no key."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._books = {kind: Books(venue.exchange) for kind, venue in instruments.venues.items()}

    def endpoints(self) -> Sequence[Endpoint]:
        def each(group: str, **answers: Handler) -> list[Endpoint]:
            return [public(f"/api/v5/{group}/{name.replace('_', '-')}", answer) for name, answer in answers.items()]

        return (
            *each("public", time=self.time, instruments=self.instruments, funding_rate=self.funding_rate),
            *each("public", funding_rate_history=self.fundings, mark_price=self.marks, open_interest=self.interests),
            *each("market", ticker=self.ticker, tickers=self.tickers, books=self.book),
            *each("market", candles=self.candles, history_candles=self.candles),
            *each("market", trades=self.trades, history_trades=self.trades),
        )

    async def time(self, call: Call) -> list[Row]:
        return [{"ts": str(milliseconds(self._instruments.spot.clock.now()))}]

    async def instruments(self, call: Call) -> list[Row]:
        call.required("instType")
        return [_instrument(pair, venue) for venue in self._instruments.typed(call) for pair in _asked(call, venue)]

    async def ticker(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        return [await venue.run(_ticker, venue.pair(call.required("instId")), venue)]

    async def tickers(self, call: Call) -> list[Row]:
        call.required("instType")
        return await self._each_of(call, _ticker)

    async def book(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        pair, depth = venue.pair(call.required("instId")), call.rows(1, 400, "sz")

        def read() -> Row:
            numbered = self._books[venue.kind].current(pair.trading_pair)
            sides = {"bids": numbered.book.bids, "asks": numbered.book.asks}
            levels = {
                name: [
                    [wire(each.price), wire(venue.units(pair.trading_pair, each.amount)), "0", "1"]
                    for each in side[:depth]
                ]
                for name, side in sides.items()
            }
            return {**levels, "ts": str(milliseconds(numbered.book.at)), "seqId": numbered.update_id}

        return [await venue.run(read)]

    async def candles(self, call: Call) -> list[list[str]]:
        """Newest first: those that open before ``after`` and after ``before``."""
        venue = self._instruments.of(call)
        pair, interval = venue.pair(call.required("instId")), _BARS.get(call.text("bar") or "1m")
        if interval is None:
            raise invalid("bar")
        older, newer, limit = call.whole("after"), call.whole("before"), call.rows(100, 300)

        def read() -> list[list[str]]:
            found = venue.exchange.candles(
                pair.trading_pair,
                interval,
                limit=limit,
                start_at=None if newer is None else moment(newer + 1),
                end_at=None if older is None else moment(older - 1),
            )
            return [rows.candle_row(each, pair.trading_pair, venue) for each in reversed(found)]

        return await venue.run(read)

    async def trades(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        symbol, limit = call.required("instId"), call.rows(100, 500)
        name = venue.pair(symbol).trading_pair
        return [
            {
                "instId": symbol,
                "tradeId": str(each.trade_id),
                "px": wire(each.price),
                "sz": wire(venue.units(name, each.amount)),
                "side": "buy" if each.taker_side is TradeType.BUY else "sell",
                "ts": str(milliseconds(each.traded_at)),
            }
            for each in reversed(await venue.run(venue.exchange.trades, name, limit))
        ]

    async def funding_rate(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        symbol = call.required("instId")
        terms = await venue.run(venue.perpetual.funding_terms, venue.pair(symbol).trading_pair)
        following = milliseconds(terms.next_at)
        return [
            {
                "instType": SWAP,
                "instId": symbol,
                "fundingRate": wire(terms.rate),
                "fundingTime": str(following),
                "nextFundingRate": "",
                "nextFundingTime": str(following + 8 * 3_600_000),
            }
        ]

    async def fundings(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        symbol, limit = call.required("instId"), call.rows(100, 400)
        newer, older = call.whole("before"), call.whole("after")

        def read() -> list[Row]:
            paid = venue.perpetual.past_fundings(
                venue.pair(symbol).trading_pair,
                since=None if newer is None else moment(newer + 1),
                until=None if older is None else moment(older - 1),
                limit=limit,
            )
            return [
                {
                    "instType": SWAP,
                    "instId": symbol,
                    "fundingRate": wire(each.rate),
                    "realizedRate": wire(each.rate),
                    "fundingTime": str(milliseconds(each.at)),
                }
                for each in reversed(paid)
            ]

        return await venue.run(read)

    async def marks(self, call: Call) -> list[Row]:
        return await self._each_of(call, _mark)

    async def interests(self, call: Call) -> list[Row]:
        call.required("instType")
        return await self._each_of(call, _interest)

    async def _each_of(self, call: Call, row: Callable[[Pair, OkxVenue], Row]) -> list[Row]:
        found: list[Row] = []
        for venue in self._instruments.typed(call):
            if row is _ticker or venue.kind == SWAP:
                found += await venue.run(lambda venue=venue: [row(pair, venue) for pair in _asked(call, venue)])
        return found


def _asked(call: Call, venue: OkxVenue) -> list[Pair]:
    symbol = call.text("instId")
    return list(venue.listings.pairs.values()) if symbol is None else [venue.pair(symbol)]


def _instrument(pair: Pair, venue: OkxVenue) -> Row:
    contract, is_swap = venue.contract(pair), venue.kind == SWAP
    row: dict[str, Any] = {
        "instType": venue.kind,
        "instId": venue.symbol_of(pair.trading_pair),
        "uly": pair.trading_pair if is_swap else "",
        "instFamily": pair.trading_pair if is_swap else "",
        "baseCcy": "" if is_swap else pair.base,
        "quoteCcy": "" if is_swap else pair.quote,
        "settleCcy": pair.quote if is_swap else "",
        "ctVal": wire(contract) if is_swap else "",
        "ctMult": "1" if is_swap else "",
        "ctValCcy": pair.base if is_swap else "",
        "ctType": "linear" if is_swap else "",
        "lever": str(MAX_LEVERAGE) if is_swap else "",
        "listTime": "1548133413000",
        "expTime": "",
        "state": "live" if pair.is_trading else "suspend",
        "tickSz": wire(pair.tick),
    }
    for name, amount in (("lotSz", pair.step), ("minSz", pair.min_amount), ("maxLmtSz", pair.max_amount)):
        row[name] = wire(venue.units(pair.trading_pair, amount))
    # Of spot, the most that a market order may be is told in dollars.
    most = venue.units(pair.trading_pair, pair.max_market_amount) if is_swap else pair.max_notional
    return row | {"maxMktSz": wire(most), "maxLmtAmt": wire(pair.max_notional), "maxMktAmt": wire(pair.max_notional)}


def _ticker(pair: Pair, venue: OkxVenue) -> Row:
    """Used on the exchange's thread."""
    exchange = venue.exchange
    now, book = exchange.ticker(pair.trading_pair), exchange.book(pair.trading_pair, 1)
    day = exchange.window(pair.trading_pair, now.at - _DAY)
    bid, ask = (side[0] if side else None for side in (book.bids, book.asks))

    def units(level: Any) -> str:
        return "" if level is None else wire(venue.units(pair.trading_pair, level.amount))

    return {
        "instType": venue.kind,
        "instId": venue.symbol_of(pair.trading_pair),
        "last": wire(now.price),
        "bidPx": "" if bid is None else wire(bid.price),
        "bidSz": units(bid),
        "askPx": "" if ask is None else wire(ask.price),
        "askSz": units(ask),
        "open24h": wire(day.open),
        "high24h": wire(max(day.high, now.price)),
        "low24h": wire(min(day.low, now.price)),
        "vol24h": wire(venue.units(pair.trading_pair, now.base_volume)),
        "volCcy24h": wire(now.quote_volume if venue.kind == SPOT else now.base_volume),
        "ts": str(milliseconds(now.at)),
    }


def _mark(pair: Pair, venue: OkxVenue) -> Row:
    """Used on the exchange's thread."""
    terms, symbol = venue.perpetual.funding_terms(pair.trading_pair), venue.symbol_of(pair.trading_pair)
    return {"instType": SWAP, "instId": symbol, "markPx": wire(terms.mark_price), "ts": _now(venue)}


def _interest(pair: Pair, venue: OkxVenue) -> Row:
    """Used on the exchange's thread."""
    amount = venue.perpetual.open_interest(pair.trading_pair)
    contracts, symbol = wire(venue.units(pair.trading_pair, amount)), venue.symbol_of(pair.trading_pair)
    return {"instType": SWAP, "instId": symbol, "oi": contracts, "oiCcy": wire(amount), "ts": _now(venue)}


def _now(venue: OkxVenue) -> str:
    return str(milliseconds(venue.clock.now()))
