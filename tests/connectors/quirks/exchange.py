"""An exchange with habits, in the place of ccxt's client: the paper exchange answers, in the words of ccxt's unified calls.

A habit is the exchange's, so what contradicts it is refused here: a client id of another form, a question that the exchange does
not have, an amount in base units where contracts are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from math import inf
from typing import Any, TypeVar

from app.clock import Clock, SystemClock
from app.connectors.ccxt.pages import Page
from app.connectors.ccxt.row import Row
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.sending import CHECK, SENDING, Sending
from app.domain.decimals import EXACT, plain
from app.domain.enums import OrderState, OrderType, TimeInForce, TradeType
from app.paper.exchange import PaperExchange
from app.paper.faults import FaultPlan, Faults, ServerFault
from app.paper.orders import NewOrder, OrderRecord, PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.sandbox.times import milliseconds, moment
from tests.connectors.conformance import Fault

T = TypeVar("T")

#: How much of the base one contract is, on the pair that has contracts.
CONTRACT = Decimal("0.001")
#: The longest list of orders or of fills.
PAGE = 100
#: The longest list of open orders, where it is short, and the longest page of any list, where they come in short ones.
SHORTEST = 4
#: How long a cancel takes, where it does.
LATE = timedelta(seconds=1)


class Quirk(StrEnum):
    """What is not as at most exchanges."""

    #: A client id is a number of 31 bits.
    NUMERIC_IDS = "numeric_ids"
    #: An order can't be asked for by its client id.
    NO_QUESTION = "no_question"
    #: An order can't be canceled by its client id.
    CANCEL_BY_NUMBER = "cancel_by_number"
    #: Fills are listed by pair and time, and not by order.
    NO_FILLS_BY_ORDER = "no_fills_by_order"
    #: Amounts are contracts.
    CONTRACTS = "contracts"
    #: A MARKET order to buy says how much of the quote currency is spent.
    QUOTE_BUYS = "quote_buys"
    #: The answer to an order has its number, and no state.
    BARE_ANSWERS = "bare_answers"
    #: A fill does not say what it cost.
    UNTOLD_FEES = "untold_fees"
    #: Open orders are listed by pair only.
    OPEN_BY_PAIR = "open_by_pair"
    #: A list of open orders has the last few of them.
    SHORT_BOOK = "short_book"
    #: All lists come in short pages.
    PAGES = "pages"
    #: Orders have the exchange's numbers, and no client ids.
    NO_CLIENT_ID = "no_client_id"
    #: A cancel is taken down at once, and carried out a second later.
    LATE_CANCEL = "late_cancel"
    #: Lists that begin a moment ago have what was placed since on their first pages.
    RECENT = "recent"


#: Habits that no exchange has both of: ids of a form and none, a question by them and none, lists that end and lists that go on.
_APART = (
    {Quirk.NO_CLIENT_ID, Quirk.NUMERIC_IDS},
    {Quirk.NO_CLIENT_ID, Quirk.NO_QUESTION},
    {Quirk.SHORT_BOOK, Quirk.PAGES},
)

#: Every two habits that one exchange may have.
PAIRS_OF_QUIRKS = [each for each in combinations(Quirk, 2) if set(each) not in _APART]


class Habits:
    """The exchange: ``quirks`` are its habits, ``fault`` happens to the next order, ``faults`` to any call."""

    def __init__(
        self,
        exchange: PaperExchange,
        quirks: Collection[Quirk],
        account: str,
        clock: Clock,
        faults: Faults | None = None,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.quirks = frozenset(quirks)
        self.account = account
        self.faults = faults or Faults(FaultPlan(seed=1, parts=0), SystemClock())
        self.requests = 0
        self.submits = 0
        self.fault: Fault | None = None
        #: Pairs that are not listed at the moment.
        self.unlisted: set[str] = set()
        #: The cancels that are taken down: the order's number, and when it is canceled.
        self._cancels: list[tuple[int, datetime]] = []

    def cancel(self, number: int) -> None:
        """Cancel the order, now or later. Raises ``PaperRefusal`` where it is done already."""
        if Quirk.LATE_CANCEL not in self.quirks:
            self.exchange.cancel(self.account, exchange_order_id=number)
        else:
            self._cancels.append((number, self.clock.now() + LATE))

    def carry_out(self) -> None:
        """Cancel what is due. An order that is done by now stays as it is."""
        now = self.clock.now()
        due = [number for number, at in self._cancels if at <= now]
        self._cancels = [(number, at) for number, at in self._cancels if at > now]
        for number in due:
            with suppress(PaperRefusal):
                self.exchange.cancel(self.account, exchange_order_id=number)

    def size(self, trading_pair: str) -> Decimal:
        """How much of the base one unit of an amount is."""
        return CONTRACT if Quirk.CONTRACTS in self.quirks and trading_pair == "BTC-USDT" else Decimal(1)


class _Api:
    """What of ccxt's object is read beside its calls."""

    #: ccxt's word for steps.
    precisionMode = 4

    def __init__(self) -> None:
        self.markets: dict[str, Any] = {}
        self.has: Mapping[str, bool] = {"fetchOrderBook": True, "fetchTrades": True}

    def set_markets(self, listed: Sequence[Mapping[str, Any]]) -> None:
        self.markets = {market["symbol"]: market for market in listed}

    def parse_timeframe(self, interval: str) -> int:
        assert interval == "1m"
        return 60


def _at(milliseconds_of: int | None) -> datetime | None:
    return None if milliseconds_of is None else moment(milliseconds_of)


def _error(refusal: PaperRefusal) -> ErrorAnswer:
    return ErrorAnswer(status=200, headers={}, body=b"", code=refusal.code.value, message=refusal.text)


class HabitClient:
    """The client of one account, with the calls of ``CcxtClient``. ``habits`` is set by the venue's subclass."""

    habits: Habits

    def __init__(self, row: Row, credentials: Mapping[str, str] | None, **_: Any) -> None:
        self.api = _Api()
        self._calls: Mapping[str, Callable[..., Any]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "fetch_markets", "create_order", "cancel_order", "fetch_order", "fetch_open_orders", "fetch_closed_orders",
                "fetch_my_trades", "fetch_balance", "fetch_ticker", "fetch_order_book", "fetch_trades", "fetch_ohlcv",
            )
        }  # fmt: skip

    async def asked(self, *, verb: str, arguments: Sequence[Any] = (), params: Mapping[str, Any] | None = None) -> Any:
        self.habits.requests += 1

        async def ask() -> Any:
            self.habits.carry_out()
            return self._calls[verb](*arguments, **dict(params or {}))

        try:
            # Without its markets nothing can be tried at all.
            return await (ask() if verb == "fetch_markets" else self.habits.faults.ask(ask))
        except ServerFault as fault:
            raise ErrorAnswer(status=502, headers={}, body=b"<html>") from fault
        except PaperRefusal as refusal:
            raise _error(refusal) from refusal

    async def page(
        self,
        *,
        verb: str,
        arguments: Sequence[Any] = (),
        params: Mapping[str, Any] | None = None,
        only: Collection[str] | None = None,
    ) -> Page:
        rows = await self.asked(verb=verb, arguments=arguments, params=params)
        kept = [row for row in rows if only is None or not set(only).isdisjoint(map(str, row.values()))]
        return Page(rows=kept, count=len(rows), answer=rows)

    async def signed(self, *, verb: str, arguments: Sequence[Any] = (), params: Mapping[str, Any] | None = None) -> Any:
        check = CHECK.get()
        SENDING.set(Sending(check=check, has_connection=False))
        is_order = verb == "create_order"
        fault, self.habits.fault = (self.habits.fault, None) if is_order else (None, self.habits.fault)
        if fault is Fault.CONNECTION_REFUSED:
            raise ConnectionRefusedError
        if check is not None:
            check()
        SENDING.set(Sending(check=check, has_connection=True))
        self.habits.submits += is_order
        if fault is Fault.RATE_LIMIT:
            raise ErrorAnswer(status=429, headers={}, body=b"", code="TOO_MANY", message="too many requests")
        if fault is Fault.BAD_KEY:
            raise ErrorAnswer(status=401, headers={}, body=b"", code="BAD_KEY", message="no such key")
        self.habits.requests += 1
        answer = await self._changed(verb, arguments, dict(params or {}))
        if fault is Fault.REPLY_LOST:
            raise NoAnswer("the connection was reset", timed_out=False)
        if fault is Fault.GARBLED:
            raise ErrorAnswer(status=200, headers={}, body=b"{")
        if fault is Fault.SERVER_ERROR:
            raise ErrorAnswer(status=500, headers={}, body=b"<html>")
        if fault is Fault.UNEXPECTED:
            raise ZeroDivisionError("nobody expected this")
        return answer

    async def _changed(self, verb: str, arguments: Sequence[Any], params: dict[str, Any]) -> Any:
        """The answer to an order or a cancel, with what the exchange's faults make of it."""
        faults, name = self.habits.faults, str(params.get("clientOrderId") or arguments[0])

        async def change(_deadline: float = 0) -> Any:
            self.habits.carry_out()
            return self._calls[verb](*arguments, **params)

        try:
            if verb == "create_order":
                return await faults.submit(name, change, inf)
            return await faults.cancel(name, change)
        except PaperRefusal as refusal:
            raise _error(refusal) from refusal
        except PaperUnavailable as error:
            raise ErrorAnswer(status=429, headers={}, body=b"", code="TOO_MANY", message=str(error)) from error

    async def acknowledged(self, **call: Any) -> Mapping[str, Any]:
        await self.signed(**call)
        return {}

    def check_order_count(self) -> None:
        """Nothing is counted."""

    def use_markets(self, other: HabitClient) -> None:
        self.api.markets = other.api.markets

    async def close(self) -> None:
        """Nothing is open."""

    # -- orders -----------------------------------------------------------------------------------------------------------

    def _create_order(
        self, symbol: str, kind: str, side: str, amount: str | None, price: str | None, **params: Any
    ) -> dict[str, Any]:
        habits, pair = self.habits, symbol.replace("/", "-")
        has_name = Quirk.NO_CLIENT_ID not in habits.quirks
        # The paper exchange wants a name, which nobody hears of.
        name, cost = params.pop("clientOrderId") if has_name else f"unnamed-{habits.submits}", params.pop("cost", None)
        if Quirk.NUMERIC_IDS in habits.quirks:
            assert 0 < int(name) < 1 << 31
        is_quote = kind == "market" and side == "buy" and Quirk.QUOTE_BUYS in habits.quirks
        assert (cost is not None) == is_quote, "an amount where the quote currency is meant, or the other way round"
        is_maker, time_in_force = params.pop("postOnly", False), params.pop("timeInForce", "GTC")
        assert not params, f"unknown parameters {sorted(params)}"
        order_type = OrderType.MARKET if kind == "market" else OrderType.LIMIT_MAKER if is_maker else OrderType.LIMIT
        record = habits.exchange.place(
            NewOrder(
                account=habits.account,
                client_order_id=name,
                trading_pair=pair,
                trade_type=TradeType(side.upper()),
                order_type=order_type,
                amount=None if is_quote else EXACT.multiply(Decimal(amount or 0), habits.size(pair)),
                quote_amount=Decimal(cost) if is_quote else None,
                price=None if price is None else Decimal(price),
                time_in_force=TimeInForce(time_in_force),
            )
        )
        if Quirk.BARE_ANSWERS in habits.quirks:
            return {"id": str(record.order.exchange_order_id), "symbol": symbol, "status": None}
        return self._order_row(record.order)

    def _cancel_order(self, identity: str | None, symbol: str, **params: Any) -> dict[str, Any]:
        if Quirk.CANCEL_BY_NUMBER in self.habits.quirks:
            assert identity is not None
            assert not params
        number = None if identity is None else int(identity)
        if number is None and Quirk.LATE_CANCEL in self.habits.quirks:
            found = self.habits.exchange.order(self.habits.account, client_order_id=params["clientOrderId"])
            number = None if found is None or not found.order.is_open else found.order.exchange_order_id
        if number is not None:
            self.habits.cancel(number)
            return {"id": str(number)}
        canceled = self.habits.exchange.cancel(self.habits.account, client_order_id=params["clientOrderId"])
        return {"id": str(canceled.order.exchange_order_id)}

    def _fetch_order(self, identity: str | None, symbol: str, **params: Any) -> dict[str, Any]:
        if Quirk.NO_QUESTION in self.habits.quirks:
            assert identity is not None
            assert not params
        found = self.habits.exchange.order(
            self.habits.account,
            client_order_id=params.get("clientOrderId"),
            exchange_order_id=None if identity is None else int(identity),
        )
        if found is None or self.habits.faults.hides(found):
            raise ErrorAnswer(status=200, headers={}, body=b"", code="UNKNOWN_ORDER", message="no such order")
        return self._order_row(found.order)

    def _fetch_open_orders(self, symbol: str | None = None, *_: Any, offset: int = 0) -> list[dict[str, Any]]:
        assert symbol is not None or Quirk.OPEN_BY_PAIR not in self.habits.quirks
        pair = None if symbol is None else symbol.replace("/", "-")
        found = self.habits.exchange.open_orders(self.habits.account, pair)
        shown = found[-SHORTEST:] if Quirk.SHORT_BOOK in self.habits.quirks else self._page(found[::-1], offset)
        return [self._order_row(each.order) for each in shown]

    def _fetch_closed_orders(
        self, symbol: str | None, since: int | None, limit: int | None, offset: int = 0, until: int | None = None
    ) -> list[dict[str, Any]]:
        pair = None if symbol is None else symbol.replace("/", "-")
        found = self.habits.exchange.orders(
            self.habits.account, trading_pair=pair, since=_at(since), until=_at(until), limit=1_000_000
        )
        shown = self._page([each for each in found if not each.is_open], offset)
        return [self._order_row(each) for each in shown][: min(limit or PAGE, PAGE)]

    def _fetch_my_trades(
        self, symbol: str, since: int | None, limit: int, offset: int = 0, until: int | None = None, **params: Any
    ) -> list[dict[str, Any]]:
        account, number = self.habits.account, params.get("orderId")
        is_list = Quirk.NO_FILLS_BY_ORDER in self.habits.quirks or until is not None
        assert (number is None) == is_list
        if number is not None:
            record: OrderRecord | None = self.habits.exchange.order(account, exchange_order_id=int(number))
            return [] if record is None else [self._trade_row(each) for each in self._page(record.fills, offset)]
        pair, most = symbol.replace("/", "-"), 1_000_000 if Quirk.PAGES in self.habits.quirks else limit
        found = self.habits.exchange.fills(account, trading_pair=pair, since=_at(since), until=_at(until), limit=most)
        return [self._trade_row(each) for each in self._page(found, offset)]

    def _page(self, found: Sequence[T], offset: int) -> Sequence[T]:
        """What is shown of a list at once."""
        return found[offset : offset + SHORTEST] if Quirk.PAGES in self.habits.quirks else found

    def _order_row(self, order: PaperOrder) -> dict[str, Any]:
        size = self.habits.size(order.trading_pair)
        state = {OrderState.FILLED: "closed"}.get(order.state, order.state.value)
        return {
            "id": str(order.exchange_order_id),
            "clientOrderId": None if Quirk.NO_CLIENT_ID in self.habits.quirks else order.client_order_id,
            "symbol": order.trading_pair.replace("-", "/"),
            "side": order.trade_type.value.lower(),
            "type": "market" if order.order_type is OrderType.MARKET else "limit",
            "postOnly": order.order_type is OrderType.LIMIT_MAKER,
            "price": order.price,
            "amount": None if order.amount is None else EXACT.divide(order.amount, size),
            "filled": EXACT.divide(order.filled_amount, size),
            "status": state,
            "timestamp": milliseconds(order.created_at),
            "lastUpdateTimestamp": milliseconds(order.updated_at),
        }

    def _trade_row(self, fill: PaperFill) -> dict[str, Any]:
        fee = {"cost": fill.fee, "currency": fill.fee_currency}
        return {
            "id": str(fill.fill_id),
            "order": str(fill.exchange_order_id),
            "symbol": fill.trading_pair.replace("-", "/"),
            "price": plain(fill.price),
            "amount": EXACT.divide(fill.amount, self.habits.size(fill.trading_pair)),
            "fee": None if Quirk.UNTOLD_FEES in self.habits.quirks else fee,
            "takerOrMaker": fill.liquidity.value,
            "timestamp": milliseconds(fill.filled_at),
        }

    # -- the account and its markets --------------------------------------------------------------------------------------

    def _fetch_balance(self) -> dict[str, Any]:
        found = self.habits.exchange.balances(self.habits.account)
        return {
            "total": {each.asset: each.total for each in found},
            "free": {each.asset: EXACT.subtract(each.total, each.held) for each in found},
        }

    def _fetch_markets(self) -> list[dict[str, Any]]:
        listed = self.habits.exchange.pairs.values()
        return [self._market(pair) for pair in listed if pair.trading_pair not in self.habits.unlisted]

    def _market(self, pair: Pair) -> dict[str, Any]:
        size = self.habits.size(pair.trading_pair)
        return {
            "symbol": pair.trading_pair.replace("-", "/"),
            "base": pair.base,
            "quote": pair.quote,
            "type": "spot",
            "contract": size != 1,
            "contractSize": size,
            "active": pair.is_trading,
            "precision": {"amount": EXACT.divide(pair.step, size), "price": pair.tick},
            "limits": {
                "amount": {"min": EXACT.divide(pair.min_amount, size), "max": EXACT.divide(pair.max_amount, size)},
                "price": {"min": pair.min_price, "max": pair.max_price},
                "cost": {"min": pair.min_notional, "max": pair.max_notional},
            },
        }

    def _fetch_ticker(self, symbol: str) -> dict[str, Any]:
        return {"last": self.habits.exchange.ticker(symbol.replace("/", "-")).price}

    def _fetch_order_book(self, symbol: str, _limit: int | None) -> dict[str, Any]:
        pair = symbol.replace("/", "-")
        book, size = self.habits.exchange.book(pair, 50), self.habits.size(pair)
        return {
            side: [[level.price, EXACT.divide(level.amount, size)] for level in levels]
            for side, levels in (("bids", book.bids), ("asks", book.asks))
        }

    def _fetch_trades(self, symbol: str, _since: int | None, limit: int) -> list[dict[str, Any]]:
        return []

    def _fetch_ohlcv(self, symbol: str, interval: str, since: int | None, limit: int) -> list[list[Any]]:
        pair = symbol.replace("/", "-")
        found = self.habits.exchange.candles(
            pair, interval, limit=limit, start_at=None if since is None else moment(since)
        )
        size = self.habits.size(pair)
        return [
            [milliseconds(c.opened_at), c.open, c.high, c.low, c.close, EXACT.divide(c.volume, size)] for c in found
        ]
