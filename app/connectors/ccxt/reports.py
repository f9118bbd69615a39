"""What ccxt reads of an exchange's answers, as our reports: numbers exact, amounts in base units, times aware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.connectors.ccxt.rules import contract_size
from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import instant
from app.domain.decimals import EXACT, ZERO, bounded
from app.domain.enums import Liquidity, OrderType, PositionSide, TradeType
from app.domain.fill import Fill, total_amount
from app.domain.order import OrderRef
from app.domain.reports import (
    Balance,
    BookLevel,
    Candle,
    FundingInfo,
    FundingPayment,
    OrderBook,
    OrderReport,
    Position,
    PublicTrade,
    ReportedState,
    ReportedTerms,
    Ticker,
)

_STATES: Mapping[str, ReportedState] = {
    "open": "open",
    "closed": "filled",
    "canceled": "canceled",
    "cancelled": "canceled",
    "canceling": "open",
    "rejected": "rejected",
    # At GRVT on its way to the book, and at Pacifica ccxt's word for a rejected one.
    "pending": "open",
    "failed": "rejected",
    "expired": "expired",
}

_SIDES = {"buy": TradeType.BUY, "sell": TradeType.SELL}
_TYPES = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The names of pairs, and what one unit of an amount is in each, by ccxt's symbol.

    ``market_is_limit`` says that the exchange has its MARKET orders as immediate LIMIT orders, ``tells_terms`` what
    ``OrderReport`` says of it.
    """

    pairs: Mapping[str, str]
    markets: Mapping[str, Mapping[str, Any]]
    market_is_limit: bool = False
    tells_terms: bool = False

    def pair(self, symbol: Any) -> str:
        """Our name of ``symbol``; one that is no pair of ours keeps its own."""
        if not isinstance(symbol, str) or not symbol:
            raise Unreadable("symbol is not a text")
        return self.pairs.get(symbol, symbol)

    def base(self, symbol: str, amount: Decimal) -> Decimal:
        """An amount of the exchange in base units. Raises ``Unreadable`` for a symbol that is not listed now: nobody can tell what
        one unit of it is.
        """
        market = self.markets.get(symbol)
        if market is None:
            raise Unreadable(f"symbol '{symbol}' is not among the markets")
        return EXACT.multiply(amount, contract_size(market))


def stated(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer states; the library fills what it does not state with None."""
    return {name: value for name, value in answer.items() if value is not None}


def order_report(order: Mapping[str, Any], pairs: Pairs, order_id: str = "") -> OrderReport:
    """One order. ``order_id`` stands for a client id that the exchange does not repeat. Raises ``Unreadable``.

    An answer that acknowledges the order without saying how it is gives an open order of which nothing is filled: the exchange is
    asked for the rest.
    """
    symbol = order.get("symbol")
    exchange_order_id = order.get("id")
    if not exchange_order_id and not order.get("clientOrderId"):
        raise Unreadable("id is not there")
    status = order.get("status")
    if status is not None and status not in _STATES:
        raise Unreadable(f"status '{status}' is none that we know")
    # What an acknowledgement tells of fills beside it is asked for with the rest.
    filled = ZERO if status is None else optional(order, "filled") or ZERO
    amount = optional(order, "amount")
    state = _STATES[status] if status is not None else "open"
    if state == "filled" and amount is not None and symbol and filled < amount:
        # "closed" is also what ccxt calls an order that was canceled in part.
        state = "canceled"
    return OrderReport(
        order_id=order.get("clientOrderId") or order_id,
        exchange_order_id=str(exchange_order_id) if exchange_order_id else None,
        trading_pair=pairs.pair(symbol),
        state=state,
        filled_amount=pairs.base(str(symbol), filled),
        amount=None if amount is None else pairs.base(str(symbol), amount),
        reported_at=optional_time(order, "lastUpdateTimestamp") or optional_time(order, "lastTradeTimestamp"),
        terms=_terms(order, pairs),
        is_partial=status is None,
        tells_terms=pairs.tells_terms,
    )


def _terms(order: Mapping[str, Any], pairs: Pairs) -> ReportedTerms | None:
    if pairs.market_is_limit and str(order.get("timeInForce")).upper() == "IOC":
        return None  # nothing tells whether it was asked for as a MARKET order or as a LIMIT order
    side, kind = _SIDES.get(str(order.get("side"))), _TYPES.get(str(order.get("type")))
    if side is None or kind is None:
        return None
    if kind is OrderType.LIMIT and order.get("postOnly") is True:
        kind = OrderType.LIMIT_MAKER
    price = None if kind is OrderType.MARKET else optional(order, "price")
    return ReportedTerms(trade_type=side, order_type=kind, price=price, created_at=optional_time(order, "timestamp"))


def fill(trade: Mapping[str, Any], pairs: Pairs) -> Fill:
    """One execution. Raises ``Unreadable``."""
    symbol = str(trade.get("symbol"))
    fee = trade.get("fee") or {}
    cost = optional(fee, "cost")
    taker_or_maker = trade.get("takerOrMaker")
    identity = trade.get("id")
    if not identity:
        raise Unreadable("the trade has no id")
    return Fill(
        exchange_fill_id=str(identity),
        price=exact(trade, "price"),
        amount=pairs.base(symbol, exact(trade, "amount")),
        fee=cost,
        fee_currency=None if cost is None else fee.get("currency"),
        filled_at=time(trade, "timestamp"),
        liquidity=Liquidity(taker_or_maker) if taker_or_maker in ("maker", "taker") else None,
    )


def filled_report(
    ref: OrderRef, trade: Mapping[str, Any], told: AbstractSet[Any], fills: Sequence[Fill], pairs: Pairs
) -> OrderReport | None:
    """The order of ``ref``, of which ``trade`` is an execution, as filled: its ``fills`` add up to the only amount of the order
    that was ``told`` with them. None where they don't, or where not all was told. Raises ``Unreadable``.
    """
    if len(told) != 1 or None in told:
        return None
    symbol = str(trade.get("symbol"))
    (amount,) = (pairs.base(symbol, number(each, "the amount of the order")) for each in told)
    if total_amount(fills) != amount:
        return None
    return OrderReport(
        order_id=ref.client_order_id,
        exchange_order_id=ref.exchange_order_id,
        trading_pair=pairs.pair(symbol),
        state="filled",
        filled_amount=amount,
        amount=amount,
        fills=tuple(fills),
    )


def balances(payload: Mapping[str, Any]) -> Sequence[Balance]:
    """The balances of all assets of which anything is held."""
    totals, free = payload.get("total"), payload.get("free")
    if not isinstance(totals, dict) or not isinstance(free, dict):
        raise Unreadable("the balances have no totals")
    found = []
    for asset, total in totals.items():
        if total is None:
            continue
        amount = number(total, f"the total of {asset}")
        if amount:
            available = free.get(asset)
            found.append(
                Balance(
                    asset=asset,
                    total=amount,
                    available=None if available is None else number(available, f"what is free of {asset}"),
                )
            )
    return found


def position(row: Mapping[str, Any], pairs: Pairs) -> Position | None:
    """One position, None where nothing is held."""
    symbol = str(row.get("symbol"))
    contracts = optional(row, "contracts")
    if not contracts:
        return None
    amount = pairs.base(symbol, abs(contracts))
    is_short = row.get("side") == "short"
    hedged = row.get("hedged") is True
    side = (PositionSide.SHORT if is_short else PositionSide.LONG) if hedged else PositionSide.BOTH
    return Position(
        trading_pair=pairs.pair(symbol),
        side=side,
        amount=-amount if is_short else amount,
        entry_price=optional(row, "entryPrice"),
        unrealized_pnl=optional(row, "unrealizedPnl"),
        leverage=optional(row, "leverage"),
        mark_price=optional(row, "markPrice"),
        liquidation_price=optional(row, "liquidationPrice"),
        margin=optional(row, "initialMargin"),
    )


def funding_payment(row: Mapping[str, Any], pairs: Pairs, *, is_cost: bool = False) -> FundingPayment:
    """One payment of funding; ``is_cost`` says that what was paid is positive there."""
    # Hyperliquid's payments all have the same hash, of zeros.
    identity = str(row.get("id") or "").strip("0x") and row["id"]
    identity = identity or f"{row.get('symbol')}:{row.get('timestamp')}"
    currency = row.get("code")
    if not currency:
        raise Unreadable("the payment has no currency")
    return FundingPayment(
        exchange_funding_id=str(identity),
        trading_pair=pairs.pair(row.get("symbol")),
        payment=-exact(row, "amount") if is_cost else exact(row, "amount"),
        currency=str(currency),
        paid_at=time(row, "timestamp"),
        rate=optional(row, "rate"),
    )


def funding_info(row: Mapping[str, Any], trading_pair: str) -> FundingInfo:
    """The funding terms as they stand."""
    return FundingInfo(
        trading_pair=trading_pair,
        funding_rate=optional(row, "fundingRate"),
        next_funding_at=optional_time(row, "nextFundingTimestamp") or optional_time(row, "fundingTimestamp"),
        mark_price=optional(row, "markPrice"),
        index_price=optional(row, "indexPrice"),
    )


def ticker(row: Mapping[str, Any], trading_pair: str, now: datetime, scale: Decimal) -> Ticker:
    """A ticker; without a last price there is none. ``scale`` is what of the base one unit of its volume is."""
    price = optional(row, "last")
    if price is None:
        raise Unreadable("the ticker has no last price")
    volume = optional(row, "baseVolume")
    return Ticker(
        trading_pair=trading_pair,
        price=price,
        reported_at=optional_time(row, "timestamp") or now,
        base_volume=None if volume is None else EXACT.multiply(volume, scale),
        quote_volume=optional(row, "quoteVolume"),
    )


def order_book(payload: Mapping[str, Any], trading_pair: str, depth: int, now: datetime, scale: Decimal) -> OrderBook:
    """A book with at most ``depth`` levels; ``scale`` is what of the base one unit is."""

    def levels(name: str) -> tuple[BookLevel, ...]:
        rows = payload.get(name)
        if not isinstance(rows, list):
            raise Unreadable(f"{name} is not a list")
        return tuple(
            BookLevel(price=number(row[0], "a price"), amount=EXACT.multiply(number(row[1], "an amount"), scale))
            for row in rows[:depth]
        )

    return OrderBook(
        trading_pair=trading_pair,
        bids=levels("bids"),
        asks=levels("asks"),
        reported_at=optional_time(payload, "timestamp") or now,
    )


def candle(row: Sequence[Any], scale: Decimal) -> Candle:
    """One candle. Volumes in quote and numbers of trades are not told, and stand as zero."""
    if not isinstance(row, list | tuple) or len(row) < 6:
        raise Unreadable("a candle has fewer than six numbers")
    opened, *numbers = row[:6]
    if not isinstance(opened, int) or isinstance(opened, bool):
        raise Unreadable("a candle has no time")
    first, highest, lowest, last, volume = (number(each, "a candle") for each in numbers)
    return Candle(
        opened_at=instant(opened),
        open=first,
        high=highest,
        low=lowest,
        close=last,
        volume=EXACT.multiply(volume, scale),
        quote_volume=ZERO,
        trades=0,
        taker_buy_base_volume=ZERO,
        taker_buy_quote_volume=ZERO,
    )


def public_trade(row: Mapping[str, Any], trading_pair: str, scale: Decimal) -> PublicTrade:
    """One trade of the whole market."""
    side = _SIDES.get(str(row.get("side")))
    if side is None:
        raise Unreadable("the trade has no side")
    return PublicTrade(
        exchange_trade_id=str(row.get("id") or row.get("timestamp")),
        trading_pair=trading_pair,
        price=exact(row, "price"),
        amount=EXACT.multiply(exact(row, "amount"), scale),
        taker_side=side,
        traded_at=time(row, "timestamp"),
    )


def number(value: Any, what: str) -> Decimal:
    """An exact number. A float is none: the library made one of a text on the way."""
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except ArithmeticError:
            raise Unreadable(f"{what} is not a number") from None
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise Unreadable(f"{what} is not an exact number")
    try:
        return bounded(value)
    except ValueError as error:
        raise Unreadable(f"{what} {error}") from error


def text_at(payload: Any, way: Sequence[str]) -> str:
    """The text or whole number at the end of ``way`` through an answer's objects."""
    for name in way:
        payload = payload.get(name) if isinstance(payload, dict) else None
    if isinstance(payload, bool) or not isinstance(payload, int | str) or payload in ("", 0, "0"):
        raise Unreadable(f"there is no {'.'.join(way)}")
    return str(payload)


def exact(row: Mapping[str, Any], name: str) -> Decimal:
    """The number under ``name``."""
    return number(row.get(name), name)


def optional(row: Mapping[str, Any], name: str) -> Decimal | None:
    """The number under ``name``, None where there is none."""
    value = row.get(name)
    return None if value is None else number(value, name)


def time(row: Mapping[str, Any], name: str) -> datetime:
    """The time under ``name``, in milliseconds."""
    found = optional_time(row, name)
    if found is None:
        raise Unreadable(f"{name} is not a time")
    return found


def optional_time(row: Mapping[str, Any], name: str) -> datetime | None:
    """The time under ``name``, None where there is none."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise Unreadable(f"{name} is not a time")
    return instant(value)
