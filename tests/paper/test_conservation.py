"""Money is neither made nor lost, whatever users, the market and restarts do."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.exchange import PaperExchange
from app.paper.fees import Fees
from app.paper.ledger import is_house
from app.paper.orders import NewOrder
from tests.paper.exchange_machine import ACCOUNTS, PAIR, ExchangeMachine
from tests.paper.still_market import APPLE


class Conservation(ExchangeMachine):
    """The spot exchange."""

    exchange_class = PaperExchange
    fees = Fees(maker=D("0.001"), taker=D("0.0015"))
    balances: ClassVar = {"EURO": D(2_000), "APPLE": D(20)}

    @initialize()
    def begin(self) -> None:
        for account in ACCOUNTS:
            self.exchange.balances(account)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(TradeType),
        order_type=st.sampled_from(OrderType),
        time_in_force=st.sampled_from(TimeInForce),
        steps=st.integers(1, 80),
        price=st.integers(90, 110),
        by_quote=st.booleans(),
    )
    def place(
        self,
        account: str,
        side: TradeType,
        order_type: OrderType,
        time_in_force: TimeInForce,
        steps: int,
        price: int,
        by_quote: bool,
    ) -> None:
        self.number += 1
        amount = steps * APPLE.step
        is_market = order_type is OrderType.MARKET
        size: dict[str, Any] = {"quote_amount": amount * 100} if is_market and by_quote else {"amount": amount}
        new = NewOrder(
            account=account,
            client_order_id=f"o{self.number}",
            trading_pair=PAIR,
            trade_type=side,
            order_type=order_type,
            price=None if is_market else D(price),
            time_in_force=time_in_force if order_type is OrderType.LIMIT else TimeInForce.GTC,
            **size,
        )
        self.place_new(new)

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        self.exchange.advance()
        totals: dict[str, D] = defaultdict(D)
        for balance in self.exchange._engine.state.ledger.all():
            totals[balance.asset] += balance.total
            if not is_house(balance.account):
                assert D(0) <= balance.held <= balance.total
                assert balance.available == balance.total - balance.held
        assert set(totals.values()) <= {D(0)}

    @invariant()
    def holds_are_what_open_orders_need(self) -> None:
        for account in ACCOUNTS:
            needed: dict[str, D] = defaultdict(D)
            for record in self.exchange.open_orders(account):
                order = record.order
                assert order.filled_amount == sum(fill.amount for fill in record.fills)
                if order.is_buy:
                    needed["EURO"] += order.limit * order.remaining
                else:
                    needed["APPLE"] += order.remaining
            assert {each.asset: each.held for each in self.exchange.balances(account) if each.held} == dict(needed)


TestConservation = Conservation.TestCase
#: Forty examples of thirty steps on real files take a few seconds.
TestConservation.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)
