"""What is used of every limit: the fold of the journal's orders, fills and events into books.

The journal's writer holds one ledger and keeps it at the head of the journal, within its transaction: what an order reserves counts
from the commit of its intent, and is free from the commit that ends the order. ``commit`` and ``rollback`` end a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderState, OrderType
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.safety.books import Book, Reservation, Standing, after_fill, reservation_of
from app.domain.safety.scope import Place, Scope

#: What is counted over time, by the events that are counted.
ORDERS, CANCELS, REFUSALS, UNKNOWNS, FILLS = "orders", "cancels", "refusals", "unknowns", "fills"

_COUNTED: dict[EventKind, str] = {
    EventKind.INTENDED: ORDERS,
    EventKind.RETRIED: ORDERS,
    EventKind.CANCEL_REQUESTED: CANCELS,
    EventKind.REJECTED: REFUSALS,
    EventKind.UNCONFIRMED: UNKNOWNS,
    EventKind.PARTIALLY_FILLED: FILLS,
    EventKind.FILLED: FILLS,
}

#: Events of an order that change nothing here if a later one of its transaction is folded, with the order after all of them.
PASSING = frozenset({EventKind.ACCEPTED, EventKind.AMENDED})

#: Events that are attempts to send an order.
ATTEMPTS = frozenset({EventKind.INTENDED, EventKind.RETRIED})

#: How long times are of interest, where no limit asks for longer.
SHORTEST_MEMORY = timedelta(minutes=1)

#: Days whose profit is of interest: today's, and yesterday's while clocks differ.
_DAYS = 2


class Ledger:
    """The books, as of sequence number ``head``."""

    def __init__(self, memory: timedelta = SHORTEST_MEMORY) -> None:
        self.head = 0
        #: How long the times of events are kept.
        self.memory = max(memory, SHORTEST_MEMORY)
        self._books: dict[Place, Book] = {}
        self._by_pair: dict[tuple[str, str], list[Book]] = {}
        self._by_scope: dict[Scope, list[Book]] = {}
        #: When the same terms were last asked for, by account, connector and terms, with the order's number.
        self._terms: dict[tuple[str, str, str], dict[int, datetime]] = {}
        #: The last price of a pair on a connector, by its fills.
        self.last_prices: dict[tuple[str, str], Decimal] = {}
        self._undo: list[Callable[[], object]] = []
        self._touched: dict[Place, Book] = {}

    # -- reading --------------------------------------------------------------------------------------------------------

    def book(self, place: Place) -> Book:
        """The book of ``place``, empty if nothing has happened there."""
        book = self._books.get(place)
        if book is None:
            book = self._books[place] = Book(place)
            if place.key_id is None:
                self._by_pair.setdefault((place.connector_name, place.trading_pair), []).append(book)
            for scope, books in self._by_scope.items():
                if _counts(scope, place):
                    books.append(book)
        return book

    def books(self, scope: Scope) -> Sequence[Book]:
        """The books of ``scope``: those of its key, or of accounts whoever traded."""
        books = self._by_scope.get(scope)
        if books is None:
            books = self._by_scope[scope] = [book for book in self._books.values() if _counts(scope, book.place)]
        return books

    def books_of_pair(self, connector_name: str, trading_pair: str) -> Iterable[Book]:
        """The books of every account in one pair of one connector."""
        return self._by_pair.get((connector_name, trading_pair), ())

    def last_same(self, order: Order) -> datetime | None:
        """When another order with the terms of ``order`` was last asked for and not refused."""
        times = self._terms.get(_terms(order))
        return None if not times else max(times.values())

    # -- the fold -------------------------------------------------------------------------------------------------------

    def take(self, number: int, order: Order, kind: EventKind, at: datetime, fill: Fill | None = None) -> None:
        """Fold one event of order ``number``; ``order`` is the order after it, or after later events of it."""
        reservation, counted = reservation_of(order), _COUNTED.get(kind)
        for place in places_of(order):
            book = self.book(place)
            self._touched[place] = book
            self._reserve(book, number, reservation)
            if fill is not None:
                self._fill(book, order, fill)
            if counted is not None:
                self._note(book, counted, at)
        if kind in ATTEMPTS:
            self._remember(number, order, at)
        elif order.state is OrderState.REJECTED:
            self._forget_terms(number, order)

    def note_refusal(self, place: Place, at: datetime) -> None:
        """Count a refusal by the limits, of which nothing is in the journal."""
        for each in {place, place._replace(key_id=None)}:
            book = self.book(each)
            self._touched[each] = book
            self._note(book, REFUSALS, at)

    def take_old_fill(self, order: Order, fill: Fill) -> None:
        """Fold a fill from so long ago that nothing else of its order matters."""
        for place in places_of(order):
            book = self.book(place)
            self._touched[place] = book
            self._fill(book, order, fill)

    def reserve(self, number: int, order: Order) -> None:
        """Fold what an active order holds, without an event: for a ledger that begins."""
        for place in places_of(order):
            self._reserve(self.book(place), number, reservation_of(order))

    def commit(self, now: datetime) -> None:
        """What was taken since the last commit is in the journal."""
        self._undo.clear()
        moment = now - self.memory
        for book in self._touched.values():
            for what in book.times:
                book.forget_before(what, moment)
            while len(book.days) > _DAYS:
                del book.days[min(book.days)]
        self._touched.clear()
        if len(self._terms) > _MOST_TERMS:
            self._terms = {
                terms: kept
                for terms, times in self._terms.items()
                if (kept := {number: at for number, at in times.items() if at >= moment})
            }

    def rollback(self) -> None:
        """Forget what was taken since the last commit."""
        while self._undo:
            self._undo.pop()()
        self._touched.clear()

    def _reserve(self, book: Book, number: int, reservation: Reservation | None) -> None:
        before = book.active.get(number)
        if before != reservation:
            book.put(number, reservation)
            self._undo.append(lambda: book.put(number, before))

    def _fill(self, book: Book, order: Order, fill: Fill) -> None:
        reserved = order.price if order.order_type is not OrderType.MARKET else order.reserved_price
        standing, profit = after_fill(
            book.standing, order.trade_type, fill.amount, fill.price, fill.price if reserved is None else reserved
        )
        day = fill.filled_at.date()
        self._set_standing(book, standing)
        before = book.days.get(day, ZERO)
        book.days[day] = before + profit - self._fee(book, fill)
        self._undo.append(lambda: book.days.__setitem__(day, before))
        self.last_prices[book.place.connector_name, book.place.trading_pair] = fill.price

    def _set_standing(self, book: Book, standing: Standing) -> None:
        before, book.standing = book.standing, standing
        self._undo.append(lambda: setattr(book, "standing", before))

    def _fee(self, book: Book, fill: Fill) -> Decimal:
        """The fee in quote units. One in a third currency counts at the last price of the fills; zero where there is none, and
        where the exchange does not tell what it was.
        """
        if fill.fee is None:
            return ZERO
        if fill.fee_currency in (None, book.quote):
            return fill.fee
        base = book.place.trading_pair.partition("-")[0]
        if fill.fee_currency == base:
            return fill.fee * fill.price
        pair = f"{fill.fee_currency}-{book.quote}"
        return fill.fee * self.last_prices.get((book.place.connector_name, pair), ZERO)

    def _note(self, book: Book, what: str, at: datetime) -> None:
        book.note(what, at)
        self._undo.append(lambda: book.unnote(what, at))

    def _remember(self, number: int, order: Order, at: datetime) -> None:
        times = self._terms.setdefault(_terms(order), {})
        # Of terms that come again and again, two old times go for each new one.
        for old in [each for each in islice(times, 2) if times[each] < at - self.memory]:
            del times[old]
        before = times.get(number)
        times[number] = at
        self._undo.append(lambda: _restore(times, number, before))

    def _forget_terms(self, number: int, order: Order) -> None:
        times = self._terms.get(_terms(order))
        if times is not None and number in times:
            before = times.pop(number)
            self._undo.append(lambda: _restore(times, number, before))


#: Terms in memory before those that are old are dropped.
_MOST_TERMS = 20_000


def places_of(order: Order) -> tuple[Place, ...]:
    """The places where ``order`` counts: the account's, and its key's where it has one."""
    place = place_of(order)
    return (place,) if place.key_id is None else (place._replace(key_id=None), place)


def place_of(order: Order) -> Place:
    """Where ``order`` is placed, and by which key."""
    return Place(order.account_name, order.connector_name, order.trading_pair, order.key_id)


def _counts(scope: Scope, place: Place) -> bool:
    """Whether ``scope`` counts the book of ``place``: a scope of one key its own books, any other those of accounts."""
    return place.key_id == scope.key_id and scope.covers(place)


def _terms(order: Order) -> tuple[str, str, str]:
    """The order's terms without its own id, which they end with."""
    return order.account_name, order.connector_name, order.terms.rpartition("|")[0]


def _restore(times: dict[int, datetime], number: int, before: datetime | None) -> None:
    if before is None:
        times.pop(number, None)
    else:
        times[number] = before
