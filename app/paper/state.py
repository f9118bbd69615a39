"""The exchange's state in memory: counters, open orders, balances and the depth taken; and an operation's changes of it.

No I/O. The engine changes it, the store loads it (``restore``) and writes what ``take_changes`` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import ClassVar

from app.paper.book import Book
from app.paper.depth import Depth, Taken
from app.paper.ledger import Ledger, is_house
from app.paper.orders import EventName, PaperBalance, PaperEvent, PaperFill, PaperOrder


@dataclass(slots=True)
class Counters:
    """The last ids in use. They only grow."""

    order_id: int = 0
    fill_id: int = 0
    seq: int = 0

    def next_order_id(self) -> int:
        self.order_id += 1
        return self.order_id

    def next_fill_id(self) -> int:
        self.fill_id += 1
        return self.fill_id

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq


@dataclass(slots=True, kw_only=True)
class Changes:
    """The changes of one operation: the new version of each changed order, and what was added. Orders in ``created`` are new."""

    accounts: list[str] = field(default_factory=list)
    orders: dict[int, PaperOrder] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    fills: list[PaperFill] = field(default_factory=list)
    events: list[PaperEvent] = field(default_factory=list)
    balances: tuple[PaperBalance, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.accounts or self.orders or self.balances or self.events)


class State:
    """Everything in memory. Only open orders are here; closed ones are in the store only."""

    changes_class: ClassVar[type[Changes]] = Changes

    def __init__(self, depth: Depth) -> None:
        self.counters = Counters()
        self.ledger = Ledger()
        self.depth = depth
        self.accounts: set[str] = set()
        self.orders: dict[int, PaperOrder] = {}
        self._books: dict[str, Book] = {}
        self._by_client: dict[tuple[str, str], int] = {}
        self._changes = self.changes_class()

    @property
    def tick(self) -> int:
        return self.depth.tick

    def book(self, trading_pair: str) -> Book:
        """The users' book of a pair."""
        if trading_pair not in self._books:
            self._books[trading_pair] = Book()
        return self._books[trading_pair]

    def open_order(self, account: str, client_order_id: str) -> PaperOrder | None:
        """The account's open order of that client id, if there is one."""
        order_id = self._by_client.get((account, client_order_id))
        return None if order_id is None else self.orders[order_id]

    def restore(
        self,
        *,
        counters: Counters,
        tick: int,
        taken: Taken,
        accounts: Iterable[str],
        orders: Iterable[PaperOrder],
        balances: Iterable[PaperBalance],
    ) -> None:
        """Load what the store has, all of it or only what is newer. The tick never goes back."""
        self.counters = counters
        if tick >= self.tick:
            self.depth.move_to(tick, taken)
        self.accounts.update(accounts)
        for order in orders:
            self._put(order)
            if order.is_open:
                self.rest(order)
        self.ledger.restore(balances)

    def open_account(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """Add an account with ``balances``."""
        self.accounts.add(account)
        self._changes.accounts.append(account)
        self.ledger.deposit(account, balances)

    def save(self, order: PaperOrder, *, is_new: bool = False) -> PaperOrder:
        """Set the current version of ``order``; one that is done leaves the book."""
        self._put(order)
        self._changes.orders[order.exchange_order_id] = order
        if is_new:
            self._changes.created.add(order.exchange_order_id)
        return order

    def add_fill(self, fill: PaperFill) -> None:
        self._changes.fills.append(fill)

    def new_fills(self, exchange_order_id: int) -> tuple[PaperFill, ...]:
        """The order's fills since the last ``take_changes``."""
        return tuple(fill for fill in self._changes.fills if fill.exchange_order_id == exchange_order_id)

    def add_event(self, name: EventName, order: PaperOrder, at: datetime, fill: PaperFill | None = None) -> None:
        """Add an event of ``order``."""
        seq = self.counters.next_seq()
        self._changes.events.append(
            PaperEvent(seq=seq, account=order.account, name=name, at=at, order=order, fill=fill)
        )

    def take_changes(self, now: datetime) -> Changes:
        """The changes since the last call, with one balance event for each account whose balances changed."""
        changes, self._changes = self._changes, self.changes_class()
        changes.balances = self.ledger.take_changed()
        by_account = sorted(changes.balances, key=lambda balance: balance.account)
        for account, balances in groupby(by_account, key=lambda balance: balance.account):
            if not is_house(account):
                seq = self.counters.next_seq()
                changes.events.append(
                    PaperEvent(seq=seq, account=account, name="balance", at=now, balances=tuple(balances))
                )
        return changes

    def rest(self, order: PaperOrder) -> None:
        """Put an open order in the book, or replace its older version."""
        self.book(order.trading_pair).side(order.trade_type).put(order)

    def _put(self, order: PaperOrder) -> None:
        order_id, name = order.exchange_order_id, (order.account, order.client_order_id)
        if order.is_open:
            self.orders[order_id] = order
            self._by_client[name] = order_id
            return
        if self.orders.pop(order_id, None) is not None:
            self.book(order.trading_pair).side(order.trade_type).remove(order)
        if self._by_client.get(name) == order_id:
            del self._by_client[name]
