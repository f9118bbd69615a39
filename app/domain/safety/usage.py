"""What is used of the limits of a scope, as callers are shown it, and by the same sums as orders are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.safety.admission import Missing
from app.domain.safety.books import Book
from app.domain.safety.ledger import CANCELS, ORDERS, Ledger
from app.domain.safety.limits import LimitSet

#: What is counted over time, in which window, by limit.
COUNTED = (
    ("orders_per_second", ORDERS, timedelta(seconds=1)),
    ("orders_per_minute", ORDERS, timedelta(minutes=1)),
    ("cancels_per_minute", CANCELS, timedelta(minutes=1)),
)

#: The dollars that a unit of a currency is worth.
Rate = Callable[[str], Decimal]


def is_dollar(currency: str) -> bool:
    """Whether one unit of ``currency`` counts as one US dollar."""
    return "USD" in currency


def gross_notional(books: Iterable[Book], rate: Rate) -> Decimal:
    """The greatest value that the positions can come to with the orders that are active, in dollars."""
    return sum((gross * rate(book.quote) for book in books if (gross := book.gross())), ZERO)


def open_notional(books: Iterable[Book], rate: Rate) -> Decimal:
    """What the active orders are worth, in dollars."""
    return sum((value * rate(book.quote) for book in books if (value := book.open_notional)), ZERO)


def daily_loss(books: Iterable[Book], now: datetime, rate: Rate) -> Decimal:
    """What trading has lost since midnight UTC by realised profits and fees, in dollars; negative for a gain."""
    today = now.date()
    return -sum((made * rate(book.quote) for book in books if (made := book.days.get(today))), ZERO)


def used_of(one: LimitSet, ledger: Ledger, now: datetime, rates: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is used of each limit of ``one`` that sums something up. A position is that of the pair in which most is used.

    Raises ``Missing`` if the ``rates`` of currencies are needed that are not there.
    """
    missing: set[str] = set()

    def rate(currency: str) -> Decimal:
        if is_dollar(currency):
            return Decimal(1)
        if currency not in rates:
            missing.add(currency)
        return rates.get(currency, ZERO)

    limits, books = one.limits, ledger.books(one.scope)
    used: dict[str, Decimal] = {}
    if limits.max_open_orders is not None:
        used["max_open_orders"] = Decimal(sum(len(book.active) for book in books))
    if limits.max_open_notional is not None:
        used["max_open_notional"] = open_notional(books, rate)
    if limits.max_gross_notional is not None:
        used["max_gross_notional"] = gross_notional(books, rate)
    if limits.max_daily_loss is not None:
        used["max_daily_loss"] = daily_loss(books, now, rate)
    if limits.max_position is not None:
        used["max_position"] = _largest_position(books)
    for name, what, window in COUNTED:
        if getattr(limits, name) is not None:
            used[name] = Decimal(sum(book.count(what, now, window) for book in books))
    if missing:
        raise Missing(references=frozenset(), currencies=frozenset(missing), price=False)
    return used


def _largest_position(books: Iterable[Book]) -> Decimal:
    """The largest position that any pair can come to with its active orders, long or short."""
    longs: dict[str, Decimal] = {}
    shorts: dict[str, Decimal] = {}
    for book in books:
        pair = book.place.trading_pair
        longs[pair] = longs.get(pair, ZERO) + book.long()
        shorts[pair] = shorts.get(pair, ZERO) + max(-book.standing.net, ZERO)
    return max([*longs.values(), *shorts.values()], default=ZERO)
