"""The info endpoint: questions about markets, and about any account by its address, which needs no key.

Source: "Info endpoint", "Perpetuals" and "Spot" in Hyperliquid's documentation. There are no spot markets here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.paper.pairs import Pair
from app.paper.perpetual.margin import MAX_LEVERAGE
from app.sandbox.books import Books
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.rows import wire
from app.sandbox.common.venue import ALL
from app.sandbox.hyperliquid import rows
from app.sandbox.hyperliquid.failures import invalid
from app.sandbox.hyperliquid.rows import Row
from app.sandbox.hyperliquid.venue import HyperliquidVenue, coin_of, places
from app.sandbox.keys import KeyRing
from app.sandbox.times import milliseconds, moment

_DAY = timedelta(days=1)
_LEVELS, _FILLS, _ORDERS, _CANDLES = 20, 2_000, 2_000, 5_000

#: The routes of questions in fault rules; all others are about the market.
_ROUTES = {
    "orderStatus": "query",
    "openOrders": "open",
    "frontendOpenOrders": "open",
    "historicalOrders": "orders",
    "userFills": "trades",
    "userFillsByTime": "trades",
    "clearinghouseState": "account",
    "userFunding": "account",
}


class Info:
    """The endpoint that only reads."""

    def __init__(self, venue: HyperliquidVenue, keys: KeyRing) -> None:
        self._venue = venue
        self._keys = keys
        self._books = Books(venue.exchange)
        self._answers: Mapping[str, Callable[[Call], Any]] = {
            "exchangeStatus": lambda call: {"specialStatuses": None, "time": milliseconds(venue.clock.now())},
            "meta": lambda call: self._markets()[0],
            "metaAndAssetCtxs": lambda call: self._markets(),
            "spotMeta": lambda call: {"universe": [], "tokens": []},
            "spotMetaAndAssetCtxs": lambda call: [{"universe": [], "tokens": []}, []],
            "perpDexs": lambda call: [None],
            "allMids": lambda call: {coin_of(name): wire(self._mid(name)) for name in venue.universe},
            "l2Book": self._book,
            "candleSnapshot": self._candles,
            "recentTrades": self._trades,
            "fundingHistory": self._fundings,
            "userAbstraction": lambda call: "disabled",
            "userRole": lambda call: {"role": "user"},
            "spotClearinghouseState": lambda call: {"balances": []},
            "clearinghouseState": self._state,
            "openOrders": self._open,
            "frontendOpenOrders": self._open,
            "historicalOrders": self._history,
            "orderStatus": self._status,
            "userFills": self._fills,
            "userFillsByTime": self._fills,
            "userFunding": self._paid,
        }

    def endpoints(self) -> Sequence[Endpoint]:
        def route(values: Mapping[str, Any]) -> str:
            return _ROUTES.get(str(values.get("type")), "market")

        return (Endpoint(method="POST", path="/info", answer=self.answer, is_private=False, route=route),)

    async def answer(self, call: Call) -> Any:
        kind = call.required("type")
        if kind not in self._answers:
            raise invalid(f"the type {kind} is not served here")
        return await self._venue.run(self._answers[kind], call)

    # All below is used on the exchange's thread.

    def _markets(self) -> list[Any]:
        """What is listed; a pair that is off the list keeps its number."""
        listed = {pair.trading_pair for pair in self._venue.listings.pairs.values()}
        universe, contexts = [], []
        for name in self._venue.universe:
            pair = self._venue.exchange.pairs[name]
            asset: Row = {"name": coin_of(name), "szDecimals": places(pair.step), "maxLeverage": MAX_LEVERAGE}
            if name not in listed:
                asset["isDelisted"] = True
            universe.append(asset)
            contexts.append(self._context(pair))
        return [{"universe": universe}, contexts]

    def _context(self, pair: Pair) -> Row:
        exchange, name = self._venue.perpetual, pair.trading_pair
        terms, now, mid = exchange.funding_terms(name), exchange.ticker(name), self._mid(name)
        return {
            "funding": wire(terms.rate),
            "openInterest": wire(exchange.open_interest(name)),
            "prevDayPx": wire(exchange.window(name, now.at - _DAY).open),
            "dayNtlVlm": wire(now.quote_volume),
            "premium": "0.0",
            "oraclePx": wire(terms.index_price),
            "markPx": wire(terms.mark_price),
            "midPx": wire(mid),
            "impactPxs": [wire(mid), wire(mid)],
            "dayBaseVlm": wire(now.base_volume),
        }

    def _mid(self, name: str) -> Any:
        book = self._venue.exchange.book(name, 1)
        return EXACT.divide(EXACT.add(book.bids[0].price, book.asks[0].price), 2)

    def _book(self, call: Call) -> Row:
        coin = call.required("coin")
        numbered = self._books.current(self._venue.pair(coin).trading_pair)
        sides = (numbered.book.bids, numbered.book.asks)
        levels = [
            [{"px": wire(each.price), "sz": wire(each.amount), "n": 1} for each in side[:_LEVELS]] for side in sides
        ]
        return {"coin": coin, "levels": levels, "time": milliseconds(numbered.book.at)}

    def _candles(self, call: Call) -> list[Row]:
        """Oldest first, from a start to an end, both of which count."""
        asked = call.values.get("req")
        if not isinstance(asked, dict):
            raise invalid("req")
        within = call.with_values(asked)
        coin, interval = within.required("coin"), within.required("interval")
        start, end = within.whole("startTime") or 0, within.whole("endTime")
        found = self._venue.exchange.candles(
            self._venue.pair(coin).trading_pair,
            interval,
            limit=_CANDLES if start == 0 else min(_CANDLES, 1_000),
            start_at=moment(start) if start else None,
            end_at=None if end is None else moment(end),
        )
        return [
            {
                "t": milliseconds(each.opened_at),
                "s": coin,
                "i": interval,
                "o": wire(each.open),
                "h": wire(each.high),
                "l": wire(each.low),
                "c": wire(each.close),
                "v": wire(each.volume),
                "n": 1,
            }
            for each in found
        ]

    def _trades(self, call: Call) -> list[Row]:
        coin = call.required("coin")
        return [
            {
                "coin": coin,
                "side": rows.side_of(each.taker_side),
                "px": wire(each.price),
                "sz": wire(each.amount),
                "time": milliseconds(each.traded_at),
                "tid": each.trade_id,
            }
            for each in reversed(self._venue.exchange.trades(self._venue.pair(coin).trading_pair, 10))
        ]

    def _fundings(self, call: Call) -> list[Row]:
        coin, since = call.required("coin"), call.whole("startTime")
        name = self._venue.pair(coin).trading_pair
        paid = self._venue.perpetual.past_fundings(
            name, since=None if since is None else moment(since), until=None, limit=500
        )
        return [
            {"coin": coin, "fundingRate": wire(each.rate), "premium": "0.0", "time": milliseconds(each.at)}
            for each in paid
        ]

    def _account(self, call: Call) -> str:
        """The account of an address; one that nobody has is that of an empty account."""
        address = call.required("user").lower()
        for key in self._keys.all():
            if key.api_key.lower() == address:
                return key.account
        return ""

    def _state(self, call: Call) -> Row:
        account, exchange = self._account(call), self._venue.perpetual
        views = exchange.positions(account) if account else ()
        total = held = value = profit = ZERO
        for balance in exchange.balances(account) if account else ():
            total, held = EXACT.add(total, balance.total), EXACT.add(held, balance.held)
        for view in views:
            value = EXACT.add(value, EXACT.multiply(view.position.size, view.mark_price))
            profit = EXACT.add(profit, view.unrealized_pnl)
        summary = {
            "accountValue": wire(EXACT.add(total, profit)),
            "totalNtlPos": wire(value),
            "totalRawUsd": wire(total),
            "totalMarginUsed": wire(held),
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": wire(EXACT.subtract(total, held)),
            "assetPositions": [rows.position_row(view) for view in views],
            "time": milliseconds(self._venue.clock.now()),
        }

    def _open(self, call: Call) -> list[Row]:
        found = self._venue.exchange.open_orders(self._account(call))
        return [rows.order_row(each, self._venue) for each in reversed(found)]

    def _history(self, call: Call) -> list[Row]:
        return [rows.status_row(each, self._venue) for each in reversed(self._venue.records(self._account(call)))][
            :_ORDERS
        ]

    def _status(self, call: Call) -> Row:
        asked, account = call.required("oid"), self._account(call)
        found = self._venue.named(account, asked) if asked.startswith("0x") else self._venue.numbered(account, asked)
        if found is None or self._venue.is_forgotten(found.order):
            return {"status": "unknownOid"}
        return {"status": "order", "order": rows.status_row(found, self._venue)}

    def _fills(self, call: Call) -> list[Row]:
        """The newest first, or from a time on the oldest first."""
        since, until = call.whole("startTime"), call.whole("endTime")
        found = [(fill, record.order) for record in self._venue.records(self._account(call)) for fill in record.fills]
        found.sort(key=lambda each: each[0].fill_id)
        shown = [rows.fill_row(fill, order, self._venue) for fill, order in found]
        shown = [row for row in shown if (since or 0) <= row["time"] and (until is None or row["time"] <= until)]
        return shown[:_FILLS] if since is not None else shown[::-1][:_FILLS]

    def _paid(self, call: Call) -> list[Row]:
        since, account = call.whole("startTime"), self._account(call)
        paid = self._venue.perpetual.funding_payments(
            account, since=None if since is None else moment(since), limit=ALL
        )
        return [rows.funding_row(each) for each in paid][:500]
