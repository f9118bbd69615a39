"""An engine of perpetuals on a market that a test sets, with its mark price and funding rate."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from app.domain.enums import OrderType, PositionMode, PositionSide, TradeType
from app.paper.fees import Fees
from app.paper.orders import PaperOrder
from app.paper.pairs import Pair
from app.paper.perpetual.engine import PerpetualEngine
from app.paper.perpetual.orders import NewPerpetualOrder, PerpetualFill, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition
from app.paper.perpetual.state import PerpetualChanges
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.clock import START
from tests.paper.still_market import APPLE, StillMarket

BUY, SELL = TradeType.BUY, TradeType.SELL
PAIR = APPLE.trading_pair
#: A quarter of an hour before a funding.
EVENING = START.replace(hour=15, minute=45, second=0)


class MarkedMarket(StillMarket):
    """``mark`` is the mark price and ``rate`` the next funding rate."""

    def __init__(self, bids: tuple[tuple[int, str], ...] = (), asks: tuple[tuple[int, str], ...] = ()) -> None:
        super().__init__(bids, asks)
        self.mark = D(100)
        self.rate = D("0.001")

    def mid(self, pair: Pair, tick: int) -> D:
        return self.mark

    def index(self, pair: Pair, tick: int) -> D:
        return self.mark

    def funding_rate(self, pair: Pair, tick: int) -> D:
        return self.rate


class PerpetualWorld:
    """Ann and bob with a thousand euros each, ten times leverage, a deep market at 100, and a clock that counts seconds."""

    def __init__(self, *, leverage: int = 10, balance: str = "1000") -> None:
        self.market = MarkedMarket(bids=((99, "100"), (98, "100")), asks=((101, "100"), (102, "100")))
        self.engine = PerpetualEngine({PAIR: APPLE}, self.market, Fees(maker=D("0.001"), taker=D("0.002")))
        self.state = self.engine.state
        self.now = EVENING
        self.engine.advance(self.now)
        self._number = 0
        for account in ("ann", "bob"):
            self.engine.open_account(account, {"EURO": D(balance)})
            self.engine.set_leverage(account, PAIR, leverage, self.now)
        self.changes()

    def place(
        self, account: str, side: TradeType, amount: str | None, price: int | None = None, **terms: Any
    ) -> PerpetualOrder:
        """Market orders without a price, limit orders with one."""
        order = self.engine.place(self.new(account, side, amount, price, **terms), self.now)
        assert isinstance(order, PerpetualOrder)
        return order

    def new(
        self, account: str, side: TradeType, amount: str | None, price: int | None, **terms: Any
    ) -> NewPerpetualOrder:
        self._number += 1
        given: dict[str, Any] = {
            "account": account,
            "client_order_id": f"o{self._number}",
            "trading_pair": PAIR,
            "trade_type": side,
            "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
            "amount": None if amount is None else D(amount),
            "price": None if price is None else D(price),
        }
        return NewPerpetualOrder(**given | terms)

    def refuses(
        self, account: str, side: TradeType, amount: str | None, price: int | None = None, **terms: Any
    ) -> RefusalCode:
        """The code of a refusal that changed nothing."""
        before = self.state.ledger.all(), list(self.state.positions())
        with pytest.raises(PaperRefusal) as refusal:
            self.place(account, side, amount, price, **terms)
        assert (self.state.ledger.all(), list(self.state.positions())) == before
        assert not self.changes()
        return refusal.value.code

    def later(self, seconds: int = 1, mark: int | None = None) -> None:
        """Advance the time; the market moves to ``mark``, with its book around it."""
        if mark is not None:
            self.market.mark = D(mark)
            self.market.bids = ((mark - 1, "100"), (mark - 2, "100"))
            self.market.asks = ((mark + 1, "100"), (mark + 2, "100"))
        self.now += timedelta(seconds=seconds)
        self.engine.advance(self.now)

    def hedge(self, account: str) -> None:
        self.engine.set_mode(account, PositionMode.HEDGE)

    def position(self, account: str, side: PositionSide = PositionSide.BOTH) -> PaperPosition:
        return self.state.position(account, PAIR, side)

    def order(self, placed: PaperOrder) -> PerpetualOrder | None:
        """The order as it is now, if it is open."""
        order = self.state.orders.get(placed.exchange_order_id)
        assert order is None or isinstance(order, PerpetualOrder)
        return order

    def changes(self) -> PerpetualChanges:
        """The changes since the last call."""
        changes = self.state.take_changes(self.now)
        assert isinstance(changes, PerpetualChanges)
        return changes

    def fills(self) -> list[PerpetualFill]:
        return [fill for fill in self.changes().fills if isinstance(fill, PerpetualFill)]

    def money(self, account: str) -> tuple[D, D]:
        """The wallet's total and hold."""
        balance = self.state.ledger.balance(account, "EURO")
        return balance.total, balance.held
