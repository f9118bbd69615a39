"""The paper exchange's interface: accounts, orders, balances, market data and events.

Every method is one transaction on the store, under a lock that all threads and processes share. It first advances the market to
the present, and returns after the commit. Methods are synchronous, thread-safe and block for about a millisecond. They raise
``PaperRefusal`` (nothing was changed), ``PaperUnavailable`` (nothing was begun), or something else, which proves nothing. An
unknown account is opened on first use, with the default balances.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import islice
from typing import ClassVar, TypeVar

from app.clock import Clock
from app.domain.decimals import EXACT
from app.domain.enums import TradeType
from app.paper import candles as history
from app.paper.candles import PaperCandle, PaperTicker
from app.paper.engine import Engine
from app.paper.fees import Fees
from app.paper.market import PaperBook, PricePath, SyntheticMarket, TapeTrade
from app.paper.orders import (
    AccountEvents,
    NewOrder,
    OrderRecord,
    PaperBalance,
    PaperEvent,
    PaperFill,
    PaperOrder,
    PaperSnapshot,
)
from app.paper.pairs import DEFAULT_BALANCES, PAIRS, Pair
from app.paper.refusals import PaperRefusal, PaperUnavailable, RefusalCode
from app.paper.store import PaperStore
from app.paper.transaction import Selection, Transaction

Answer = TypeVar("Answer")

#: The default limit of a query for orders, fills or events.
PAGE = 1_000


class PaperExchange:
    """One exchange on one store. ``url`` is SQLAlchemy's; ``path`` replaces the price path of ``seed``.

    ``pairs``, ``fees`` and ``default_balances`` (those of a new account) are the class's, unless given.
    """

    default_pairs: ClassVar[Mapping[str, Pair]] = PAIRS
    default_fees: ClassVar[Fees] = Fees()
    opening_balances: ClassVar[Mapping[str, Decimal]] = DEFAULT_BALANCES

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        seed: int,
        path: PricePath | None = None,
        pairs: Mapping[str, Pair] | None = None,
        fees: Fees | None = None,
        default_balances: Mapping[str, Decimal] | None = None,
        is_durable: bool = True,
    ) -> None:
        self.pairs = self.default_pairs if pairs is None else pairs
        self.fees = fees or self.default_fees
        self._clock = clock
        self._market = self._new_market(seed, path)
        self._default_balances = self.opening_balances if default_balances is None else default_balances
        self._opening_balances: dict[str, Mapping[str, Decimal]] = {}
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._reset()
        self._store = self._open_store(url, is_durable=is_durable)

    # Accounts.

    @property
    def assets(self) -> frozenset[str]:
        """The assets that an account can have."""
        return frozenset(asset for pair in self.pairs.values() for asset in (pair.base, pair.quote))

    def create_account(self, account: str, balances: Mapping[str, Decimal]) -> tuple[PaperBalance, ...]:
        """Open an account with these balances; refuses INVALID_ACCOUNT if the name is taken."""

        def create(engine: Engine, _: Transaction, now: datetime) -> tuple[PaperBalance, ...]:
            engine.open_account(account, balances)
            return engine.state.ledger.balances(account)

        return self._run(create)

    def set_opening_balances(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """Use these balances, not the default ones, if ``account`` is opened on its first use."""
        self._opening_balances[account] = balances

    def balances(self, account: str) -> tuple[PaperBalance, ...]:
        """All assets that the account ever had, sorted by name."""

        def read(engine: Engine, _: Transaction, now: datetime) -> tuple[PaperBalance, ...]:
            self._ensure_account(engine, account)
            return engine.state.ledger.balances(account)

        return self._run(read)

    # Orders.

    def place(self, new: NewOrder, *, deadline: float | None = None) -> OrderRecord:
        """Accept an order and match it. After ``deadline``, a time of the clock's ``monotonic``, raises ``PaperUnavailable``."""

        def place(engine: Engine, transaction: Transaction, now: datetime) -> tuple[OrderRecord, ...]:
            if deadline is not None and self._clock.monotonic() > deadline:
                raise PaperUnavailable("the order's deadline has passed")
            self._ensure_account(engine, new.account)
            order = engine.place(new, now)
            fills = engine.state.new_fills(order.exchange_order_id)
            return (OrderRecord(order=order, fills=fills),)

        return self._run(place)[0]

    def check(self, new: NewOrder) -> None:
        """Raise the refusal that ``place`` would get at this moment; nothing is placed."""

        def check(engine: Engine, transaction: Transaction, now: datetime) -> None:
            self._ensure_account(engine, new.account)
            engine.check(new)

        self._run(check)

    def cancel(
        self, account: str, *, client_order_id: str | None = None, exchange_order_id: int | None = None
    ) -> OrderRecord:
        """Cancel an open order; refuses UNKNOWN_ORDER if the account has no open order of that id."""

        def cancel(engine: Engine, transaction: Transaction, now: datetime) -> OrderRecord:
            order = None if exchange_order_id is None else engine.state.orders.get(exchange_order_id)
            if order is None and exchange_order_id is None and client_order_id is not None:
                order = engine.state.open_order(account, client_order_id)
            if order is None or order.account != account:
                raise PaperRefusal(RefusalCode.UNKNOWN_ORDER, "the account has no such open order")
            canceled = engine.cancel(order, now)
            stored = transaction.records([canceled])[0].fills
            return OrderRecord(order=canceled, fills=stored + engine.state.new_fills(canceled.exchange_order_id))

        return self._run(cancel)

    def amend(
        self, account: str | None, *, exchange_order_id: int, amount: Decimal, price: Decimal | None = None
    ) -> OrderRecord:
        """Give an open order, of whichever account if none is named, a new amount, and a new price if one is given; refuses
        UNKNOWN_ORDER, and what ``place`` refuses.
        """

        def amend(engine: Engine, transaction: Transaction, now: datetime) -> OrderRecord:
            order = engine.state.orders.get(exchange_order_id)
            if order is None or account not in (None, order.account):
                raise PaperRefusal(RefusalCode.UNKNOWN_ORDER, "the account has no such open order")
            amended = engine.amend(order, now, amount=amount, price=order.limit if price is None else price)
            stored = transaction.records([amended])[0].fills
            return OrderRecord(order=amended, fills=stored + engine.state.new_fills(amended.exchange_order_id))

        return self._run(amend)

    def order(
        self,
        account: str,
        *,
        client_order_id: str | None = None,
        exchange_order_id: int | None = None,
        trading_pair: str | None = None,
    ) -> OrderRecord | None:
        """The order of that id, open or done; the newest of several with one client id. None if there is none."""

        def read(_: Engine, transaction: Transaction, now: datetime) -> OrderRecord | None:
            order = transaction.order(
                account,
                client_order_id=client_order_id,
                exchange_order_id=exchange_order_id,
                trading_pair=trading_pair,
            )
            return None if order is None else transaction.records([order])[0]

        return self._read(read)

    def resting(self, exchange_order_id: int) -> PaperOrder | None:
        """The open order of that id, of whichever account."""
        return self._run(lambda engine, _, now: engine.state.orders.get(exchange_order_id))

    def open_orders(self, account: str, trading_pair: str | None = None) -> tuple[OrderRecord, ...]:
        """The account's resting orders, oldest first."""

        def read(engine: Engine, transaction: Transaction, now: datetime) -> tuple[OrderRecord, ...]:
            return transaction.records(
                order
                for order in engine.state.orders.values()
                if order.account == account and trading_pair in (None, order.trading_pair)
            )

        return self._read(read)

    def orders(
        self,
        account: str,
        *,
        trading_pair: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after_id: int = 0,
        limit: int = PAGE,
        newest: bool = False,
    ) -> tuple[PaperOrder, ...]:
        """The account's orders, open or done, placed from ``since`` to ``until`` with ids above ``after_id``, oldest first.

        Of more than ``limit``, the last are returned if ``newest``, else the first.
        """

        selection = Selection(
            trading_pair=trading_pair, since=since, until=until, after_id=after_id, limit=limit, newest=newest
        )
        return self._read(lambda _, transaction, now: transaction.orders(account, selection))

    def records_of(self, ids: Collection[int]) -> tuple[OrderRecord, ...]:
        """The orders of ``ids`` with their fills, of whichever account, oldest first."""
        return self._read(lambda _, transaction, now: transaction.records_of(ids))

    def fills(
        self,
        account: str,
        *,
        trading_pair: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after_id: int = 0,
        limit: int = PAGE,
        newest: bool = False,
    ) -> tuple[PaperFill, ...]:
        """The account's fills from ``since`` to ``until`` with ids above ``after_id``, oldest first; limited as ``orders``."""

        selection = Selection(
            trading_pair=trading_pair, since=since, until=until, after_id=after_id, limit=limit, newest=newest
        )
        return self._read(lambda _, transaction, now: transaction.fills(account, selection))

    def snapshot(self) -> PaperSnapshot:
        """Everything at one moment."""

        def read(engine: Engine, transaction: Transaction, now: datetime) -> PaperSnapshot:
            orders, fills = transaction.everything()
            return PaperSnapshot(orders=orders, fills=fills, balances=engine.state.ledger.all(), at=now)

        return self._read(read)

    # Market data.

    def book(self, trading_pair: str, depth: int) -> PaperBook:
        """The ``depth`` best prices of each side; refuses UNKNOWN_PAIR, as all market data does."""

        def read(engine: Engine, _: Transaction, now: datetime) -> PaperBook:
            bids, asks = (tuple(islice(engine.offers(trading_pair, side), depth)) for side in TradeType)
            return PaperBook(trading_pair=trading_pair, bids=bids, asks=asks, at=now)

        return self._run(read)

    def ticker(self, trading_pair: str) -> PaperTicker:
        """The last trade and the day's volume."""
        with localcontext(EXACT):
            return history.ticker(self._market, self._pair(trading_pair), self._clock.now())

    def candles(
        self,
        trading_pair: str,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[PaperCandle]:
        """Candles, oldest first; refuses INVALID_INTERVAL for an unknown interval."""
        pair, now = self._pair(trading_pair), self._clock.now()
        with localcontext(EXACT):
            return history.candles(self._market, pair, interval, now=now, limit=limit, start_at=start_at, end_at=end_at)

    def window(self, trading_pair: str, since: datetime) -> PaperCandle:
        """The market's trades from ``since`` to now, as one candle."""
        with localcontext(EXACT):
            return history.window(self._market, self._pair(trading_pair), since, self._clock.now())

    def trades(self, trading_pair: str, limit: int) -> Sequence[TapeTrade]:
        """The market's last trades, oldest first."""
        with localcontext(EXACT):
            return history.tape(self._market, self._pair(trading_pair), self._clock.now(), limit)

    # Events.

    def last_event(self) -> int:
        """The newest event's ``seq``, 0 before the first. Reads without taking the lock."""
        return self._store.last_seq()

    def events_since(self, seq: int, *, limit: int = PAGE) -> tuple[PaperEvent, ...]:
        """Events of all accounts after ``seq``, oldest first."""
        return self._read(lambda _, transaction, now: transaction.events(seq, None, limit))

    def account_since(self, seq: int, account: str, *, limit: int = PAGE) -> AccountEvents:
        """The account's events after ``seq``, and the orders that they are about."""

        def read(engine: Engine, transaction: Transaction, now: datetime) -> AccountEvents:
            last = engine.state.counters.seq
            if last == seq:
                return AccountEvents(events=(), orders=(), last=seq)
            events = transaction.events(seq, account, limit)
            orders = transaction.records_of({event.order.exchange_order_id for event in events if event.order})
            return AccountEvents(events=events, orders=orders, last=events[-1].seq if len(events) == limit else last)

        return self._read(read)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every commit of this process, in the thread that made it. Returns a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def advance(self) -> None:
        """Advance the market to the present."""
        self._run(lambda engine, transaction, now: None)

    def close(self) -> None:
        """Close the store; may be called twice."""
        with self._lock:
            self._store.close()

    def _run(self, action: Callable[[Engine, Transaction, datetime], Answer]) -> Answer:
        """Run ``action`` in one transaction and return its result after the commit."""
        refusal: PaperRefusal | PaperUnavailable | None = None
        with self._lock:
            try:
                with self._store.transaction() as transaction:
                    now = self._clock.now()
                    self._catch_up(transaction)
                    self._engine.advance(now)
                    try:
                        answer = action(self._engine, transaction, now)
                    except (PaperRefusal, PaperUnavailable) as fault:
                        refusal = fault
                    has_written = self._save(transaction, now)
            except PaperUnavailable:
                raise
            except BaseException:
                # Memory may be ahead of the store now, so the next operation loads everything again.
                self._reset()
                raise
            self._version = transaction.version
        if has_written:
            for listener in tuple(self._listeners):
                listener()
        if refusal is not None:
            raise refusal
        return answer

    def _read(self, action: Callable[[Engine, Transaction, datetime], Answer]) -> Answer:
        """Run ``action``, which queries the store, after the market's changes were written."""

        def read(engine: Engine, transaction: Transaction, now: datetime) -> Answer:
            self._save(transaction, now)
            return action(engine, transaction, now)

        return self._run(read)

    def _save(self, transaction: Transaction, now: datetime) -> bool:
        changes = self._engine.state.take_changes(now)
        if changes:
            transaction.save(changes, self._engine.state)
        return transaction.has_written

    def _catch_up(self, transaction: Transaction) -> None:
        if transaction.version != self._version:
            transaction.load(self._engine.state, self._version)

    def _reset(self) -> None:
        self._engine = self._new_engine()
        self._version = 0

    def _new_market(self, seed: int, path: PricePath | None) -> SyntheticMarket:
        return SyntheticMarket(seed, path)

    def _new_engine(self) -> Engine:
        return Engine(self.pairs, self._market, self.fees)

    def _open_store(self, url: str, *, is_durable: bool) -> PaperStore:
        return PaperStore(url, is_durable=is_durable)

    def _ensure_account(self, engine: Engine, account: str) -> None:
        if account not in engine.state.accounts:
            engine.open_account(account, self._opening_balances.get(account, self._default_balances))

    def _pair(self, trading_pair: str) -> Pair:
        return self._engine.pair(trading_pair)
