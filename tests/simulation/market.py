"""The exchange's book as it truly is: orders, their executions over time, and what the exchange keeps from those who ask.

A small model beside the gateway's own paper exchange, on purpose: it shares no code with it. Prices do not move; whether and when a
resting order is executed is drawn for each order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Literal

from tests.simulation.faults import Faults
from tests.simulation.kernel import Kernel
from tests.simulation.randomness import stream

Status = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"]

DONE = frozenset({"FILLED", "CANCELED", "EXPIRED"})
ZERO = Decimal(0)
_FEE = Decimal("0.001")

#: How long questions may not show an order, in seconds: a new one for less than any grace, one that was seen for minutes.
_HIDDEN = 8.0
_FORGOTTEN = 200.0
#: How long a symbol takes no orders, and how long questions about it are answered as if there were no such symbol.
_CLOSED = 80.0
_UNLISTED = 90.0


@dataclass(slots=True, kw_only=True)
class Trade:
    """One execution."""

    number: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    at_ms: int
    is_maker: bool


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, which an amendment may have given another ``client_id`` than the one it was ``placed_as``. ``hidden_until`` and
    ``trades_late_until`` are times until which questions do not show it, or its last trades.
    """

    account: str
    symbol: str
    number: int
    placed_as: str
    client_id: str
    side: str
    kind: str
    lasting: str
    amount: Decimal
    price: Decimal
    created_ms: int
    updated_ms: int
    status: Status = "NEW"
    filled: Decimal = ZERO
    quote: Decimal = ZERO
    trades: list[Trade] = field(default_factory=list)
    hidden_until: float = 0.0
    trades_late_until: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.status not in DONE


class Refusal(Exception):
    """The engine refuses: a code and a text of Binance's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A market: its price, and the two assets."""

    base: str
    quote: str
    price: Decimal
    tick: Decimal
    step: Decimal
    #: Nothing is executed on it.
    is_still: bool = False

    @property
    def symbol(self) -> str:
        return self.base + self.quote

    @property
    def name(self) -> str:
        return f"{self.base}-{self.quote}"


PAIRS = tuple(
    Pair(base=base, quote="USDT", price=Decimal(price), tick=Decimal(tick), step=Decimal(step))
    for base, price, tick, step in (
        ("BTC", "60000", "0.01", "0.00001"),
        ("ETH", "3000", "0.01", "0.0001"),
        ("SOL", "140", "0.001", "0.001"),
        ("BNB", "600", "0.001", "0.001"),
    )
)

#: A market on which orders rest for ever, beside those that callers trade on.
STILL = Pair(base="DOGE", quote="USDT", price=Decimal("0.2"), tick=Decimal("0.00001"), step=Decimal(1), is_still=True)

#: What the market tells of each change: the order, the word for what happened, the trade if it was one, and its client id before.
Listener = Callable[[Order, str, Trade | None, str], None]


class Market:
    """The engine and its book."""

    def __init__(self, kernel: Kernel, faults: Faults, seed: int, epoch_ms: int, listener: Listener) -> None:
        self._kernel = kernel
        self._faults = faults
        self._luck = stream(seed, "market")
        self._epoch_ms = epoch_ms
        self._listener = listener
        self._pairs = {pair.symbol: pair for pair in (*PAIRS, STILL)}
        self.orders: list[Order] = []
        self.by_number: dict[tuple[str, int], Order] = {}
        self.by_client_id: dict[tuple[str, str, str], list[Order]] = defaultdict(list)
        self.open: dict[tuple[str, int], Order] = {}
        self._order_numbers: defaultdict[str, int] = defaultdict(lambda: 1000)
        self._trade_numbers: defaultdict[str, int] = defaultdict(lambda: 500)
        #: The executions of an order that rests, each as soon as it may happen; None lets the seed decide.
        self.plan_of: Callable[[Order], Sequence[Decimal]] | None = None
        #: When each symbol that takes no orders does so again, and when each that is off the list is on it again.
        self._closed_until: dict[str, float] = {}
        self._unlisted_until: dict[str, float] = {}
        #: Whether an amendment gives an order another client id, and leaves its price: spot's does, futures' does not.
        self.is_renaming = True
        #: How an order is refused on a symbol that takes none for a while: a code and a text.
        self.closed_refusal = (-1013, "Market is closed.")
        #: Whether a cancel is carried out after it was answered.
        self.is_canceling_late = False
        #: Whether the gateway has seen an order.
        self.was_seen: Callable[[Order], bool] = lambda order: False
        #: Called with each new order before anything else happens with it.
        self.on_accepted: Callable[[Order], None] = lambda order: None

    def now_ms(self) -> int:
        return self._epoch_ms + int(self._kernel.now * 1000)

    def submit(
        self,
        account: str,
        symbol: str,
        client_id: str,
        side: str,
        kind: str,
        lasting: str,
        amount: Decimal,
        price: Decimal | None,
    ) -> Order:
        """A new order, executed as far as it takes. Raises ``Refusal``."""
        pair = self._pairs.get(symbol)
        if pair is None:
            raise Refusal(-1121, "Invalid symbol.")
        if self._faults.of_exchange("market_closed", 0.0015):
            self._closed_until[symbol] = self._kernel.now + self._faults.within(_CLOSED)
        if self.is_closed(symbol):
            raise Refusal(*self.closed_refusal)
        if any(each.is_open for each in self.by_client_id[account, symbol, client_id]):
            raise Refusal(-2010, "Duplicate order sent.")
        takes = price is None or (price >= pair.price if side == "BUY" else price <= pair.price)
        if kind == "LIMIT_MAKER" and takes:
            raise Refusal(-2010, "Order would immediately match and take.")
        self._order_numbers[symbol] += 1
        order = Order(
            account=account,
            symbol=symbol,
            number=self._order_numbers[symbol],
            placed_as=client_id,
            client_id=client_id,
            side=side,
            kind=kind,
            lasting=lasting,
            amount=amount,
            price=price or ZERO,
            created_ms=self.now_ms(),
            updated_ms=self.now_ms(),
        )
        self.on_accepted(order)
        self.orders.append(order)
        self.by_number[symbol, order.number] = order
        self.by_client_id[account, symbol, client_id].append(order)
        self.open[symbol, order.number] = order
        self._keep_back(order)
        self._listener(order, "NEW", None, order.client_id)
        if takes:
            self._take(order, pair)
        if order.is_open and lasting in ("IOC", "FOK"):
            self._end(order, "EXPIRED")
        elif order.is_open:
            self._plan(order)
        return order

    def cancel(self, order: Order | None) -> Order:
        """Take an order off the book. Raises ``Refusal``."""
        if order is None or not order.is_open:
            raise Refusal(-2011, "Unknown order sent.")
        if self.is_canceling_late:
            self._kernel.post(
                lambda: self._end_if_open(order, "CANCELED"), "late cancel", after=self._luck.random() * 3
            )
        else:
            self._end(order, "CANCELED")
        return order

    def is_closed(self, symbol: str) -> bool:
        """Whether a symbol takes no orders for a while."""
        return self._closed_until.get(symbol, 0.0) > self._kernel.now

    def is_unlisted(self, symbol: str) -> bool:
        """Whether questions about a symbol are answered as if there were none, as when it moves between lists."""
        if self._faults.of_exchange("unlisted", 0.002):
            self._unlisted_until[symbol] = self._kernel.now + self._faults.within(_UNLISTED)
        return self._unlisted_until.get(symbol, 0.0) > self._kernel.now

    def find(self, account: str, symbol: str, client_id: str) -> Order | None:
        """The last order of an id."""
        found = self.by_client_id.get((account, symbol, client_id))
        return found[-1] if found else None

    def closures(self) -> list[tuple[str, float]]:
        """The symbols that take no orders or are off the list, and until when."""
        return [*self._closed_until.items(), *self._unlisted_until.items()]

    def show_all(self) -> None:
        """Keep nothing back any more, and take orders on every symbol."""
        for order in self.orders:
            order.hidden_until = order.trades_late_until = 0.0
        self._closed_until.clear()
        self._unlisted_until.clear()

    def _keep_back(self, order: Order) -> None:
        if self._faults.of_exchange("hidden", 0.04):
            order.hidden_until = self._kernel.now + self._faults.within(_HIDDEN)
        elif self._faults.of_exchange("forgotten", 0.03):
            self._kernel.post(lambda: self._forget(order), "forgetting", after=self._faults.within(20.0))

    def _forget(self, order: Order) -> None:
        """Questions about an order which the gateway has seen are answered for minutes as if it were not there."""
        if order.is_open and self.was_seen(order):
            order.hidden_until = self._kernel.now + self._faults.within(_FORGOTTEN)

    def _take(self, order: Order, pair: Pair) -> None:
        """Executions at once: all of it, or a part where the order may rest."""
        share = Decimal(1)
        if order.price and self._luck.random() < 0.3:
            share = Decimal("0.5")
        for amount in self._parts(order.amount * share, pair.step):
            self._trade(order, pair, amount, pair.price, is_maker=False)

    def _plan(self, order: Order) -> None:
        """Executions to come while the order rests."""
        if self.plan_of is not None:
            for amount in self.plan_of(order):
                fill = partial(self._execute, order, self._pairs[order.symbol], amount)
                self._kernel.post(fill, "fill", what=order.number, channel=order)
            return
        pair = self._pairs[order.symbol]
        if self._faults.of_exchange("amended", 0.05):
            self._kernel.post(lambda: self._amend(order, pair), "amendment", after=self._faults.within(6.0))
        if self._luck.random() < 0.55 or pair.is_still:
            return
        after = 0.0
        whole = order.amount - order.filled
        for amount in self._parts(whole if self._luck.random() < 0.8 else whole / 2, pair.step):
            after += self._luck.random() * self._luck.choice((0.02, 0.5, 10.0))
            self._kernel.post(lambda amount=amount: self._execute(order, pair, amount), "fill", after=after)
        if self._luck.random() < 0.1:
            end = after + self._luck.random() * 5
            self._kernel.post(lambda: self._end_if_open(order, "EXPIRED"), "expiry", after=end)

    def _execute(self, order: Order, pair: Pair, amount: Decimal) -> None:
        if order.is_open and order.filled < order.amount:
            self._trade(order, pair, min(amount, order.amount - order.filled), order.price, is_maker=True)

    def _end_if_open(self, order: Order, status: Status) -> None:
        if order.is_open:
            self._end(order, status)

    def _amend(self, order: Order, pair: Pair) -> None:
        """Somebody who sees the order changes it in the exchange's own page."""
        amount = order.amount - pair.step * 7
        if not order.is_open or amount <= order.filled or not self.was_seen(order):
            return
        order.amount = amount
        order.updated_ms = self.now_ms()
        before = order.client_id
        if self.is_renaming:
            order.client_id = f"amended{order.number}-{order.updated_ms}"
            self.by_client_id[order.account, order.symbol, before].remove(order)
            self.by_client_id[order.account, order.symbol, order.client_id].append(order)
        else:
            order.price += pair.tick * (1 if order.side == "BUY" else -1)
        self._listener(order, "AMENDED", None, before)

    def _parts(self, whole: Decimal, step: Decimal) -> list[Decimal]:
        """``whole`` in one to three parts, each a multiple of ``step``."""
        whole = whole // step * step
        if whole <= step * 3 or self._luck.random() < 0.6:
            return [whole] if whole else []
        first = whole / 3 // step * step
        return [first, whole - first] if self._luck.random() < 0.5 else [first, first, whole - 2 * first]

    def _trade(self, order: Order, pair: Pair, amount: Decimal, price: Decimal, *, is_maker: bool) -> None:
        self._trade_numbers[order.symbol] += 1
        is_buy = order.side == "BUY"
        trade = Trade(
            number=self._trade_numbers[order.symbol],
            price=price,
            amount=amount,
            fee=(amount if is_buy else amount * price) * _FEE,
            fee_asset=pair.base if is_buy else pair.quote,
            at_ms=self.now_ms(),
            is_maker=is_maker,
        )
        order.trades.append(trade)
        order.filled += amount
        order.quote += amount * price
        order.status = "FILLED" if order.filled == order.amount else "PARTIALLY_FILLED"
        order.updated_ms = trade.at_ms
        if self._faults.of_exchange("trades_late", 0.04):
            order.trades_late_until = self._kernel.now + self._faults.within(6.0)
        if not order.is_open:
            self.open.pop((order.symbol, order.number), None)
        self._listener(order, "TRADE", trade, order.client_id)

    def _end(self, order: Order, status: Status) -> None:
        order.status = status
        order.updated_ms = self.now_ms()
        self.open.pop((order.symbol, order.number), None)
        self._listener(order, status, None, order.client_id)
