"""Money is neither made nor lost on the perpetual exchange, whatever users, the market, funding, liquidations and restarts do."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import ClassVar, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from app.domain.enums import OrderType, PositionMode, PositionSide, TimeInForce, TradeType
from app.paper.fees import Fees
from app.paper.ledger import CLEARING, FEES, FUNDING, INSURANCE, MARKET, is_house
from app.paper.perpetual.engine import PerpetualEngine
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.margin import is_liquidable
from app.paper.perpetual.orders import NewPerpetualOrder, PaperFunding, PerpetualFill, position_side
from app.paper.perpetual.positions import PaperPosition, initial_margin
from app.paper.refusals import PaperRefusal
from tests.clock import START
from tests.paper.exchange_machine import ACCOUNTS, PAIR, ExchangeMachine
from tests.paper.still_market import APPLE

OPENING = D(500)


class Conservation(ExchangeMachine):
    """The perpetual exchange, which is opened half a minute before a funding."""

    exchange_class = PaperPerpetualExchange
    fees = Fees(maker=D("0.0002"), taker=D("0.0005"))
    balances: ClassVar = {"EURO": OPENING}
    begins_at = START.replace(hour=7, minute=59, second=30)

    def __init__(self) -> None:
        super().__init__()
        self.nights = 0
        self.fills: list[PerpetualFill] = []
        self.fundings: list[PaperFunding] = []
        self.read_fill, self.read_at = 0, self.clock.now()

    @initialize(leverages=st.tuples(*[st.sampled_from((1, 3, 20, 125))] * 3), hedged=st.sampled_from(ACCOUNTS))
    def begin(self, leverages: tuple[int, ...], hedged: str) -> None:
        for account, leverage in zip(ACCOUNTS, leverages, strict=True):
            self.exchange.set_leverage(account, PAIR, leverage)
        self.exchange.set_position_mode(hedged, PositionMode.HEDGE)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(TradeType),
        order_type=st.sampled_from(OrderType),
        time_in_force=st.sampled_from(TimeInForce),
        steps=st.integers(1, 80),
        price=st.integers(92, 108),
        closes=st.booleans(),
    )
    def place(
        self,
        account: str,
        side: TradeType,
        order_type: OrderType,
        time_in_force: TimeInForce,
        steps: int,
        price: int,
        closes: bool,
    ) -> None:
        self.number += 1
        mode = self.engine.state.mode(account)
        sizes = [position.size for position in self.positions(account)]
        new = NewPerpetualOrder(
            account=account,
            client_order_id=f"o{self.number}",
            trading_pair=PAIR,
            trade_type=side,
            order_type=order_type,
            # Closing orders of the whole position or less are the ones that are not refused.
            amount=min([steps * APPLE.step, *sizes]) if closes else steps * APPLE.step,
            price=None if order_type is OrderType.MARKET else D(price),
            time_in_force=time_in_force if order_type is OrderType.LIMIT else TimeInForce.GTC,
            position_side=position_side(mode, side, closes=closes),
            reduce_only=closes,
        )
        self.place_new(new)

    @rule(account=st.sampled_from(ACCOUNTS), leverage=st.sampled_from((1, 5, 50, 125)))
    def change_leverage(self, account: str, leverage: int) -> None:
        try:
            self.exchange.set_leverage(account, PAIR, leverage)
        except PaperRefusal:
            return
        assert self.exchange.margin_account(account).leverages[PAIR] == leverage

    @precondition(lambda self: self.nights == 0)
    @rule(price=st.integers(92, 108))
    def sleep_until_the_next_funding(self, price: int) -> None:
        # Each second is run, so the test's time allows one night per example.
        self.nights += 1
        self.move(8 * 3600, price)

    @rule(price=st.sampled_from((60, 80, 120, 150)))
    def jump(self, price: int) -> None:
        self.move(1, price)

    @property
    def engine(self) -> PerpetualEngine:
        return cast(PerpetualEngine, self.exchange._engine)

    def positions(self, account: str) -> list[PaperPosition]:
        return list(self.engine.state.positions(account))

    def read(self) -> None:
        """Read the fills and payments that are new."""
        if self.engine.state.counters.fill_id > self.read_fill:
            for account in ACCOUNTS:
                self.fills += cast("tuple[PerpetualFill, ...]", self.exchange.fills(account, after_id=self.read_fill))
            self.read_fill = self.engine.state.counters.fill_id
        if self.clock.now() > self.read_at:
            self.fundings = [each for account in ACCOUNTS for each in self.exchange.funding_payments(account)]
            self.read_at = self.clock.now()

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        """Every euro that one account gains another loses, and only the exchange's own accounts are negative."""
        balances = self.engine.state.ledger.all()
        assert sum((each.total for each in balances), D(0)) == 0
        for balance in balances:
            if not is_house(balance.account):
                assert D(0) <= balance.held <= balance.total

    @invariant()
    def holds_are_the_margin_of_positions_and_orders(self) -> None:
        """To the last digit."""
        state = self.engine.state
        for account in ACCOUNTS:
            needed = sum((position.margin for position in self.positions(account)), D(0))
            for order in state.orders_of(account):
                if not order.reduce_only:
                    needed += initial_margin(order.limit * order.remaining, state.leverage(account, PAIR))
            assert state.ledger.balance(account, "EURO").held == needed

    @invariant()
    def wallets_follow_from_fills_and_funding(self) -> None:
        """What is in a wallet is what it opened with, the results of closing less the fees, and the funding."""
        self.read()
        for account in self.engine.state.accounts:
            expected = OPENING + sum(
                (fill.realized_pnl - fill.fee for fill in self.fills if fill.account == account), D(0)
            )
            expected += sum((each.payment for each in self.fundings if each.account == account), D(0))
            assert self.engine.state.ledger.balance(account, "EURO").total == expected

    @invariant()
    def positions_follow_from_fills(self) -> None:
        """Amounts are the sums of what was bought and sold, and their cost and results exactly what that cost and brought."""
        self.read()
        amounts: dict[tuple[str, PositionSide], D] = defaultdict(D)
        cash: dict[tuple[str, PositionSide], D] = defaultdict(D)
        for fill in self.fills:
            sign = 1 if fill.trade_type is TradeType.BUY else -1
            amounts[fill.account, fill.position_side] += sign * fill.amount
            cash[fill.account, fill.position_side] += fill.realized_pnl + sign * fill.amount * fill.price
        for position in self.engine.state.positions():
            key = (position.account, position.side)
            assert position.amount == amounts.pop(key)
            assert (position.cost if position.is_long else -position.cost) == cash.pop(key)
            assert position.cost > 0
        assert set(amounts.values()) | set(cash.values()) <= {D(0)}

    @invariant()
    def the_house_holds_what_users_do_not(self) -> None:
        """Results go through clearing; fees, funding and the insurance explain each other's rest."""
        self.read()
        totals = {each.account: each.total for each in self.engine.state.ledger.all() if is_house(each.account)}
        assert totals.get(CLEARING, D(0)) == -sum((fill.realized_pnl for fill in self.fills), D(0))
        rest = sum((totals.get(name, D(0)) for name in (FEES, FUNDING, INSURANCE)), D(0))
        paid = sum((each.payment for each in self.fundings), D(0))
        assert rest == sum((fill.fee for fill in self.fills), D(0)) - paid
        assert totals.get(MARKET, D(0)) == -OPENING * len(self.engine.state.accounts)

    @invariant()
    def orders_that_only_reduce_never_do_more(self) -> None:
        """None has more left than its position, and no position is left standing beyond its liquidation."""
        state = self.engine.state
        mark = self.engine.market.mid(APPLE, state.tick)
        for account in ACCOUNTS:
            for order in state.orders_of(account):
                position = state.position(account, PAIR, order.position_side)
                assert order.remaining > 0
                if order.reduce_only:
                    assert position.is_long is (order.trade_type is TradeType.SELL)
                    assert order.remaining <= position.size
        for position in state.positions():
            # One that was opened in this very second is looked at in the next.
            assert position.updated_at == self.clock.now() or not is_liquidable(position, mark)


TestConservation = Conservation.TestCase
#: Twenty examples of thirty steps on real files take some seconds.
TestConservation.settings = settings(max_examples=20, stateful_step_count=30, deadline=None, derandomize=True)
