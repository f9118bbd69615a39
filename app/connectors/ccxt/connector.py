"""One account on one exchange that ccxt knows.

What the exchanges do differently is in their rows. Where an exchange pushes nothing that is followed here, its account is polled:
each poll is told as a gap, after which the gateway compares its orders with the exchange's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from app.concurrency.waiting import wait_for_event
from app.connectors.base import ConnectorContext
from app.connectors.ccxt import reports
from app.connectors.ccxt.lists import CcxtLists
from app.connectors.ccxt.pages import read_pages
from app.connectors.ccxt.reports import Pairs
from app.connectors.common.answers import Unreadable
from app.connectors.common.connector import AccountCalls
from app.connectors.rows import Rows, UnreadableRow
from app.domain.decimals import EXACT, ceil_to, floor_to, plain
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.errors import CredentialsRefused, ExchangeReadError, OrdergateError, OrderRefused
from app.domain.fill import Fill, total_amount
from app.domain.order import Order, OrderRef
from app.domain.recognition import is_same_order
from app.domain.reports import (
    POLLED,
    BalanceReport,
    ConnectorEvent,
    Gap,
    OrderReport,
)

if TYPE_CHECKING:
    from app.connectors.ccxt.client import CcxtClient

#: The most orders whose fills may be asked for later than the order itself without a further question.
_REMEMBERED = 256

#: Every how many polls the balances are asked for.
_BALANCE_POLLS = 6


class CcxtConnector(CcxtLists):
    """One account on the exchange and market of ``row``."""

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        self.calls = AccountCalls(self.venue, self._build_client)
        self._closing = asyncio.Event()
        #: Orders that were found to be done, until their fills are asked for: they need not be asked about again.
        self._done: OrderedDict[str, OrderReport] = OrderedDict()

    def check_available(self) -> None:
        self.calls.check_available()

    async def close(self) -> None:
        self._closing.set()
        await self.calls.close()

    # -- orders -----------------------------------------------------------------------------------------------------------

    async def submit_order(self, order: Order) -> OrderReport:
        ref = order.ref
        with self.calls.unsent("what the order depends on could not be read"):
            pairs, symbol = await self._pairs(order.trading_pair), self._symbol(order.trading_pair)
            for verb in self.row.before_orders:
                await self.calls.ask("asked", verb=verb)
            arguments, terms = await self._terms(order, pairs, symbol)
        params = {**terms, **({self.row.client_id: ref.client_order_id} if self.row.client_id else {})}
        answer = await self.calls.order("signed", verb="create_order", arguments=arguments, params=params)
        report = reports.order_report({"symbol": symbol, **reports.stated(answer)}, pairs, ref.client_order_id)
        if report.order_id != ref.client_order_id:
            raise Unreadable(f"{self.row.title} answered about the order '{report.order_id}'")
        return report

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        await self.venue.markets_for(ref.trading_pair)
        symbol = self._symbol(ref.trading_pair)
        identity, params = await self._name_to_cancel(ref)
        try:
            await self.calls.cancel("acknowledged", verb="cancel_order", arguments=(identity, symbol), params=params)
        except OrderRefused:
            report = await self.fetch_order(ref)
            if report is None or report.state == "open":
                raise
            return report
        report = await self.fetch_order(ref)
        if report is None:
            raise ExchangeReadError(f"{self.row.title} took the cancel and does not show the order yet")
        return report

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        found = await self._find(ref)
        if found is not None and found.state != "open" and found.exchange_order_id is not None:
            self._done[found.exchange_order_id] = found
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
        return found

    async def _find(self, ref: OrderRef) -> OrderReport | None:
        pairs, symbol = await self._pairs(ref.trading_pair), self._symbol(ref.trading_pair)
        if self.row.ask_client_id:
            found = await self._ask_by(self.row.ask_client_id, ref.client_order_id, symbol, ref, pairs)
            if found is not None:
                return found
        if ref.exchange_order_id is not None:
            found = await self._ask_by("id", ref.exchange_order_id, symbol, ref, pairs)
            if found is not None:
                return found
        if self.row.settles == "by_operator" and ref.exchange_order_id is None:
            raise ExchangeReadError(f"{self.row.title} can't be asked about an order whose number is not known")
        self._check_reach(ref)
        return await self._listed(ref, symbol, pairs) if self.row.settles == "by_listing" else None

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        pairs = await self._pairs(trading_pair)
        symbol = None if trading_pair is None else self._symbol(trading_pair)
        listing = await self._open_orders(symbol)
        found = self._reports("open orders", listing.rows, pairs)
        if listing.is_whole:
            return found
        # Any order may be among those that are missing, so that nothing is concluded from the list.
        return Rows.of(found, [*found.unreadable, UnreadableRow(why="the list may be cut")])

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        report = None if ref.exchange_order_id is None else self._done.pop(ref.exchange_order_id, None)
        if report is None or not is_same_order(ref, report):
            report = await self._find(ref)
        number = ref.exchange_order_id if report is None else report.exchange_order_id
        if number is None:
            return []
        pairs, symbol = await self._pairs(ref.trading_pair), self._symbol(ref.trading_pair)
        filled = None if report is None else report.filled_amount
        mine, is_whole, fills = list[Any](), True, Rows[Fill]()

        def is_all(payload: Sequence[Any]) -> bool:
            nonlocal fills
            fills = self._fills_of(number, [*mine, *payload], pairs)
            return filled is not None and total_amount(fills) >= filled

        for since, until in self._fill_windows(ref):
            params: dict[str, Any] = {} if until is None else {"until": until}
            params |= {self.row.fills_number: number} if self.row.fills_number else {}
            arguments = (None if self.row.lists_all_pairs else symbol, since, self.row.fill_pages.limit)
            ask = self._asking("fetch_my_trades", arguments, params)
            listing = await read_pages(self.row.fill_pages, ask, is_all)
            is_whole &= listing.is_whole
            if is_all(listing.rows):
                break
            mine += listing.rows
        self.venue.odd_rows.note("trades", fills.unreadable)
        if filled is not None and total_amount(fills) < filled and not fills.unreadable:
            raise ExchangeReadError(f"{self.row.title} does not show all fills of the order yet")
        if not is_whole and (filled is None or total_amount(fills) < filled):
            raise ExchangeReadError(f"{self.row.title} lists more fills than can be read")
        return fills

    async def fetch_balances(self) -> Any:
        payload = await self.calls.ask("asked", verb="fetch_balance")
        with self._reading():
            return reports.balances(payload)

    async def fetch_exchange_account(self) -> str:
        """The number that the exchange gave the account; where it is not asked for one, what the credentials sign in with."""
        if not self.row.account:
            names = [self._credential(name) or "" for name in self.row.names_of_account]
            # The letters of an address in hexadecimal digits may be of either case.
            names = [name.lower() if name.startswith("0x") else name for name in names]
            return sha256("\n".join(names).encode()).hexdigest()[:32]
        verb, *way = self.row.account
        payload = await self.calls.ask("asked", verb=verb)
        with self._reading():
            return reports.text_at(payload, way)

    async def events(self) -> AsyncGenerator[ConnectorEvent, None]:
        count = 0
        while not self._closing.is_set():
            yield Gap(reason=POLLED if count else "connected")
            if count % _BALANCE_POLLS == 0:
                try:
                    balances = await self.fetch_balances()
                except OrdergateError:
                    if self._closing.is_set():
                        return
                    raise
                yield BalanceReport(balances=tuple(balances))
            count += 1
            await wait_for_event(self._closing, self.context.clock, self.row.poll_seconds)

    # -- shared steps -----------------------------------------------------------------------------------------------------

    def _build_client(self) -> CcxtClient:
        missing = [name for name, each in self.row.fields.items() if each.required and not self._credential(name)]
        if missing:
            raise CredentialsRefused(f"There are no credentials for {self.name}; nothing was sent")
        return self.venue.new_client(self.context.credentials)

    def _credential(self, name: str) -> str | None:
        return self.context.credentials.get(name)

    async def _terms(self, order: Order, pairs: Pairs, symbol: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments and parameters of ``create_order``. Raises ``OrderRefused`` for what the exchange does not do."""
        row, side = self.row, "buy" if order.trade_type is TradeType.BUY else "sell"
        params: dict[str, Any] = {**row.parameters}
        if order.reduce_only or self._closes(order):
            if not row.is_perpetual:
                raise OrderRefused("reduce_only has no meaning on spot; nothing was sent")
            params |= row.closing
        if order.order_type is OrderType.MARKET:
            params |= row.market_parameters
            amount, price = await self._market_terms(order, params)
            return (symbol, "market", side, amount, price), params
        assert order.amount is not None, "the service demands an amount"
        assert order.price is not None, "the service demands a price"
        if order.order_type is OrderType.LIMIT_MAKER:
            params |= row.maker
        elif order.time_in_force not in (None, TimeInForce.GTC):
            params["timeInForce"] = str(order.time_in_force)
        return (symbol, "limit", side, self._units(order.trading_pair, order.amount), plain(order.price)), params

    async def _market_terms(self, order: Order, params: dict[str, Any]) -> tuple[str | None, str | None]:
        in_quote = self.row.market_buy_in == "quote" and order.trade_type is TradeType.BUY
        if order.quote_amount is not None:
            if not in_quote:
                # ccxt would take it for an amount of the base.
                raise OrderRefused(
                    f"{self.row.title} takes quote_amount only for a MARKET order to buy: give amount instead; nothing was sent"
                )
            params["cost"] = plain(order.quote_amount)
            return params["cost"], None
        assert order.amount is not None, "the service demands an amount"
        if in_quote:
            raise OrderRefused(
                f"{self.row.title} takes a MARKET order to buy only in the quote currency: give quote_amount instead of"
                " amount; nothing was sent"
            )
        price = None
        if self.row.needs_price_for_market:
            price = await self._collar(order)
        return self._units(order.trading_pair, order.amount), price

    async def _collar(self, order: Order) -> str:
        """The worst price of a MARKET order, where the exchange has only LIMIT orders; ccxt may widen it by a collar of its own."""
        ticker, rules = await self.fetch_ticker(order.trading_pair), await self.load_trading_rules()
        is_buy = order.trade_type is TradeType.BUY
        share = self.row.market_collar if is_buy else -self.row.market_collar
        worst = EXACT.multiply(ticker.price, 1 + share)
        step = rules[order.trading_pair].tick_at(worst)
        # Never beyond the collar.
        return plain((floor_to if is_buy else ceil_to)(worst, step))

    def _closes(self, order: Order) -> bool:
        return self.row.is_perpetual and order.position_action.value == "CLOSE"

    def _units(self, trading_pair: str, amount: Decimal) -> str:
        """``amount`` in the units of the exchange, exactly. Raises ``OrderRefused`` where that is not possible."""
        scale = self._scale(trading_pair)
        units = EXACT.divide(amount, scale)
        if EXACT.multiply(units, scale) != amount:
            raise OrderRefused(f"{plain(amount)} is no whole number of the exchange's units; nothing was sent")
        return plain(units)

    async def _name_to_cancel(self, ref: OrderRef) -> tuple[str | None, dict[str, Any]]:
        """The order's id and the parameters by which it is canceled. Raises ``OrderRefused`` if the exchange has no such order."""
        by = self.row.cancel_client_id
        if by == "id":
            return ref.client_order_id, {}
        if by:
            return None, {by: ref.client_order_id}
        if ref.exchange_order_id is not None:
            return ref.exchange_order_id, {}
        report = await self.fetch_order(ref)
        if report is None or report.exchange_order_id is None:
            raise OrderRefused(f"{self.row.title} does not know the order; nothing was sent")
        return report.exchange_order_id, {}

    async def _ask_by(self, by: str, name: str, symbol: str, ref: OrderRef, pairs: Pairs) -> OrderReport | None:
        """The order that the exchange has under ``name``, which goes into the parameter ``by``; "id" is the place of its own id."""
        for verb in self.row.ask_verbs:
            if verb == "fetch_order":
                arguments: tuple[Any, ...] = (name if by == "id" else None, symbol)
                params = {} if by == "id" else {by: name}
                answer = await self.calls.ask_order("asked", verb=verb, arguments=arguments, params=params)
                answers = [] if answer is None else [answer]
            else:
                key = self.row.ask_number if by == "id" else by
                # Without a time, some exchanges list the last days of orders that are done, and no older ones.
                arguments = (symbol,) if verb == "fetch_open_orders" else (symbol, self._since(ref))
                answers = await self.calls.ask(
                    "asked", verb=verb, arguments=arguments, params={key: name} if key else {}
                )
            found = self._reports("orders", [{"symbol": symbol, **reports.stated(each)} for each in answers], pairs)
            for report in found:
                if is_same_order(ref, report):
                    return report
            if found.unreadable:
                raise ExchangeReadError(f"{self.row.title} answered about the order: {found.unreadable[0].why}")
        return None

    def _check_reach(self, ref: OrderRef) -> None:
        """Raise ``ExchangeReadError`` where the exchange may have forgotten the order, whose absence proves nothing then."""
        reach, begun = self.row.reach, ref.created_at
        if reach is not None and (begun is None or self.context.clock.now() - begun > reach):
            raise ExchangeReadError(f"{self.row.title} does not show all orders that are as old as this one")

    async def _listed(self, ref: OrderRef, symbol: str, pairs: Pairs) -> OrderReport | None:
        """The order as the lists of open and of done orders since its intent have it; None if both are complete and lack it.

        Raises ``ExchangeReadError`` where a list may be cut, because that proves nothing.
        """
        listed, since, pages = None if self.row.lists_all_pairs else symbol, self._since(ref), self.row.done_pages
        # The open ones first: an order that is done in between is in the second list.
        for verb in ("fetch_open_orders", *self.row.done_verbs):
            if verb == "fetch_open_orders":
                listing = await self._open_orders(symbol)
            else:
                listing = await read_pages(pages, self._asking(verb, (listed, since, pages.limit)))
                # Without a time it may begin after the order.
                listing.is_whole &= since is not None
            found = self._reports("orders", listing.rows, pairs)
            for report in found:
                if is_same_order(ref, report):
                    return report
            if not listing.is_whole or any(row.may_be(ref) for row in found.unreadable):
                raise ExchangeReadError(f"{self.row.title} does not list all orders since this one was placed")
        return None
