"""The lists of an account's orders and fills: how they are asked for, and what was placed a moment ago in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from app.connectors.ccxt import reports
from app.connectors.ccxt.markets import CcxtMarkets
from app.connectors.ccxt.pages import Ask, Listing, Page, Pages, read_moving, read_pages
from app.connectors.ccxt.reports import Pairs
from app.connectors.common.connector import AccountCalls
from app.connectors.common.lists import of_object, read_rows
from app.connectors.common.numbers import milliseconds_of
from app.connectors.rows import Rows
from app.domain.decimals import ZERO
from app.domain.enums import OrderType
from app.domain.fill import Fill
from app.domain.order import OrderRef
from app.domain.recognition import is_same_order
from app.domain.reports import OrderReport

if TYPE_CHECKING:
    from app.connectors.ccxt.client import CcxtClient

#: How long before its intent a list of orders begins in which an order is looked for: clocks differ.
_BEFORE = timedelta(minutes=2)
#: The same by the exchange's own clock, where an order that is not listed is asked about by its names.
_JUST_BEFORE = timedelta(milliseconds=250)


class CcxtLists(CcxtMarkets):
    """The lists of one account on the exchange and market of ``row``."""

    calls: AccountCalls[CcxtClient]

    async def fetch_orders(self, refs: Sequence[OrderRef]) -> Mapping[str, OrderReport]:
        of_pair: defaultdict[str, list[OrderRef]] = defaultdict(list)
        for ref in refs:
            of_pair[ref.trading_pair].append(ref)
        found: dict[str, OrderReport] = {}
        for pair, mine in of_pair.items():
            found |= await self._of_a_moment(pair, mine)
        return found

    async def _of_a_moment(self, trading_pair: str, refs: Sequence[OrderRef]) -> Mapping[str, OrderReport]:
        """What the newest rows of the lists of open orders, of done ones and of fills tell of orders on one pair."""
        pairs, symbol = await self._pairs(trading_pair), self._symbol(trading_pair)
        begun = min((ref.created_at for ref in refs if ref.created_at is not None), default=self.context.clock.now())
        now = self.venue.server_clock.now()
        since = milliseconds_of(begun + (now - self.context.clock.now()) - _JUST_BEFORE)
        arguments = None if self.row.lists_all_pairs else symbol, since
        # Without an end, what is placed meanwhile comes before what is looked for.
        until = {"until": milliseconds_of(now)}
        ours = {ref.exchange_order_id: ref for ref in refs if ref.exchange_order_id is not None}
        rows = await self._rows_of_fills(arguments, until, ours.keys()) if self.row.fills_tell_amount else None
        found = {} if rows is None else self._filled(rows, ours, pairs)
        missing = [ref for ref in refs if ref.order_id not in found]
        # The open ones first: an order that is done in between is in the second list.
        if any(ref.order_type is not OrderType.MARKET for ref in missing):
            found |= await self._found("fetch_open_orders", self.row.open_pages, (symbol, None), {}, missing, pairs)
        for verb in self.row.done_verbs:
            missing = [ref for ref in refs if ref.order_id not in found]
            if missing:
                found |= await self._found(verb, self.row.done_pages, arguments, until, missing, pairs)
        filled = {
            each.exchange_order_id or "" for each in found.values() if each.filled_amount > ZERO and not each.fills
        }
        if filled and rows is None:
            rows = await self._rows_of_fills(arguments, until, filled)
        for name, each in found.items():
            if each.exchange_order_id in filled and rows is not None:
                found[name] = structs.replace(each, fills=self._fills_in(rows, each.exchange_order_id, pairs))
        return found

    async def _rows_of_fills(
        self, arguments: tuple[Any, ...], params: Mapping[str, Any], numbers: AbstractSet[str]
    ) -> Mapping[str, Sequence[Any]]:
        """The rows of the list of fills that are of the orders ``numbers``, by these: as far as they are on the first pages, up to
        the one on which each order has one. What an order lacks then is asked for by its number.
        """
        pages = self.row.fill_pages
        ask = self._asking("fetch_my_trades", (*arguments, pages.limit), params, only=numbers)
        of_order: defaultdict[str, list[Any]] = defaultdict(list)

        def has_each(rows: Sequence[Any]) -> bool:
            return len({row.get("order") for row in rows}) >= len(numbers)

        for row in (await read_pages(pages, ask, has_each, most=_most(pages, len(numbers)))).rows:
            of_order[str(row.get("order"))].append(row)
        return of_order

    def _fills_in(self, rows: Mapping[str, Sequence[Any]], number: str, pairs: Pairs) -> tuple[Fill, ...]:
        fills = self._fills_of(number, rows.get(number, ()), pairs)
        self.venue.odd_rows.note("trades", fills.unreadable)
        return tuple(fills)

    def _filled(
        self, rows: Mapping[str, Sequence[Any]], refs: Mapping[str, OrderRef], pairs: Pairs
    ) -> dict[str, OrderReport]:
        """The reports of the LIMIT orders whose fills add up to the amount that the exchange says with each of them."""
        found: dict[str, OrderReport] = {}
        for number, mine in rows.items():
            ref = refs.get(number)
            # A MARKET order may have been placed by an amount of the quote currency.
            if ref is None or ref.order_type is OrderType.MARKET:
                continue
            told = {(row.get("info") or {}).get(self.row.fills_tell_amount) for row in mine}
            with self._reading():
                report = reports.filled_report(ref, mine[0], told, self._fills_in(rows, number, pairs), pairs)
            if report is not None and not ref.is_contradicted_by(report):
                found[ref.order_id] = report
        return found

    async def _found(
        self,
        verb: str,
        pages: Pages,
        arguments: tuple[Any, ...],
        params: Mapping[str, Any],
        refs: Sequence[OrderRef],
        pairs: Pairs,
    ) -> dict[str, OrderReport]:
        """The reports of those of ``refs`` that are on the first pages of a list, by their ids."""
        wanted = {name: ref for ref in refs for name in (ref.client_order_id, ref.exchange_order_id) if name}
        ask = self._asking(verb, (*arguments, pages.limit), params, only=wanted.keys())
        listing = await read_pages(pages, ask, lambda rows: len(rows) >= len(refs), most=_most(pages, len(refs)))
        found: dict[str, OrderReport] = {}
        for report in self._reports("orders", listing.rows, pairs):
            ref = wanted.get(report.exchange_order_id or "") or wanted.get(report.order_id)
            if ref is not None and is_same_order(ref, report):
                found[ref.order_id] = report
        return found

    # -- how lists are asked for ------------------------------------------------------------------------------------------

    async def _pairs(self, trading_pair: str | None = None) -> Pairs:
        """The names of pairs; the exchange is asked again where they lack ``trading_pair``."""
        venue = self.venue
        markets = await (venue.markets() if trading_pair is None else venue.markets_for(trading_pair))
        client = await self.venue.public_client()
        market_is_limit = self.row.needs_price_for_market
        return Pairs(
            pairs=markets.pairs,
            markets=client.api.markets,
            market_is_limit=market_is_limit,
            tells_terms=self.row.tells_terms,
        )

    async def _open_orders(self, symbol: str | None) -> Listing:
        """The list of open orders, of one pair or of all."""
        pages = self.row.open_pages
        return await read_moving(pages, self._asking("fetch_open_orders", (symbol, None, pages.limit)))

    def _asking(
        self,
        verb: str,
        arguments: tuple[Any, ...],
        params: Mapping[str, Any] | None = None,
        only: AbstractSet[str] | None = None,
    ) -> Ask:
        """How a page of a list is asked for. With ``only`` those rows are read that have one of these names."""

        async def ask(more: Mapping[str, Any]) -> Page:
            asked = {**(params or {}), **more}
            page: Page = await self.calls.ask("page", verb=verb, arguments=arguments, params=asked, only=only)
            return page

        return ask

    def _reports(self, what: str, payload: Any, pairs: Pairs) -> Rows[OrderReport]:
        with self._reading():
            found = read_rows(payload, of_object(partial(reports.order_report, pairs=pairs)), _names)
        self.venue.odd_rows.note(what, found.unreadable)
        return found

    def _fills_of(self, number: str, payload: Sequence[Any], pairs: Pairs) -> Rows[Fill]:
        # Parts of a list may both have what is at their common end.
        mine = {row.get("id"): row for row in payload if isinstance(row, dict) and str(row.get("order")) == number}
        with self._reading():
            return read_rows(list(mine.values()), of_object(partial(reports.fill, pairs=pairs)), _names)

    def _fill_windows(self, ref: OrderRef) -> Iterable[tuple[int | None, int | None]]:
        """The times for which the order's fills are asked, since some exchanges show no more than so many days at once."""
        since = self._since(ref) if self.row.fills_since else None
        return [(None, None)] if since is None else self._windows(since, self.row.fills_window)

    def _windows(self, since: int, window: timedelta | None) -> Iterable[tuple[int, int | None]]:
        """The beginnings and ends of the parts of a list from ``since`` to now, which are ``window`` long."""
        if window is None:
            return [(since, None)]
        until, length = max(since, milliseconds_of(self.context.clock.now())), window // timedelta(milliseconds=1)
        return ((begun, begun + length) for begun in range(since, until + 1, length))

    def _since(self, ref: OrderRef) -> int | None:
        """From when on the order can be in a list, in milliseconds; None if nobody knows when it was placed."""
        return None if ref.created_at is None else milliseconds_of(ref.created_at - _BEFORE)


def _most(pages: Pages, count: int) -> int:
    """The most pages on which ``count`` rows are looked for, among those of orders that are on their way and of other programs."""
    return 2 * (1 + pages.number_for(count))


def _names(row: Mapping[str, Any]) -> Mapping[str, str | None]:
    """What still names a row that can't be read."""
    return {"order_id": row.get("clientOrderId"), "exchange_order_id": row.get("id") or row.get("order")}
