"""The part that both exchanges' state machines share: an exchange on a small market, on a SQLite file, reopened now and then."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from app.paper.exchange import PaperExchange
from app.paper.fees import Fees
from app.paper.orders import NewOrder
from app.paper.refusals import PaperRefusal
from tests.clock import START, FakeClock
from tests.paper.hand_path import HandPath
from tests.paper.still_market import APPLE

PAIR = APPLE.trading_pair
ACCOUNTS = ("ann", "bob", "cy")


class ExchangeMachine(RuleBasedStateMachine):
    """Three accounts on one market; subclasses add the orders and the invariants."""

    exchange_class: ClassVar[type[PaperExchange]]
    fees: ClassVar[Fees]
    balances: ClassVar[dict[str, D]]
    begins_at: ClassVar[datetime] = START

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.directory.name) / 'paper.db'}"
        self.clock = FakeClock(self.begins_at)
        self.path = HandPath()
        self.number = 0
        self.exchange: Any = self.open()

    def open(self) -> PaperExchange:
        return self.exchange_class(
            self.url,
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={PAIR: APPLE},
            fees=self.fees,
            default_balances=self.balances,
        )

    def place_new(self, new: NewOrder) -> None:
        """Place an order, which may be refused; what is stored of it is what was answered."""
        try:
            record = self.exchange.place(new)
        except PaperRefusal:
            return
        assert record.order.filled_amount == sum(fill.amount for fill in record.fills)
        assert record == self.exchange.order(new.account, client_order_id=new.client_order_id)

    @rule(account=st.sampled_from(ACCOUNTS))
    def cancel_oldest(self, account: str) -> None:
        for record in self.exchange.open_orders(account)[:1]:
            self.exchange.cancel(account, exchange_order_id=record.order.exchange_order_id)

    @rule(seconds=st.integers(1, 20), price=st.integers(90, 110))
    def move(self, seconds: int, price: int) -> None:
        self.path.prices[PAIR] = D(price)
        self.clock.advance(seconds)
        self.exchange.advance()

    @rule()
    def restart(self) -> None:
        self.exchange.close()
        self.exchange = self.open()
        self.exchange.advance()

    def teardown(self) -> None:
        self.exchange.close()
        self.directory.cleanup()
