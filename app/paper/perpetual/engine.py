"""The engine of perpetuals: the spot engine's matching, with positions and margin in place of coins that change hands.

Linear contracts of one base unit, settled in the quote asset, one margin account a user. Margin is isolated: opening sets a part of
the value aside by the leverage, closing sets it free, and a position is closed by the exchange at the mark price before its margin
is used up. Longs and shorts pay each other funding at fixed times. Every refusal is raised before anything was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal, localcontext

from app.domain.decimals import EXACT, ZERO, plain
from app.domain.enums import Liquidity, OrderState, OrderType, PositionMode, PositionSide, TimeInForce, TradeType
from app.paper import filters
from app.paper.depth import Depth
from app.paper.engine import MAX_LOOKS, Engine, Party
from app.paper.fees import Fees
from app.paper.ledger import FEES
from app.paper.matching import Plan
from app.paper.orders import NewOrder, PaperOrder
from app.paper.pairs import Pair
from app.paper.perpetual.clearing import collect, settle
from app.paper.perpetual.funding import fund
from app.paper.perpetual.liquidation import liquidate
from app.paper.perpetual.margin import MAX_LEVERAGE, is_liquidable
from app.paper.perpetual.market import FUNDING_INTERVAL, FundedMarket
from app.paper.perpetual.orders import REDUCED, NewPerpetualOrder, PerpetualFill, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition, closed, initial_margin, opened
from app.paper.perpetual.state import PerpetualState
from app.paper.refusals import PaperRefusal, RefusalCode


class PerpetualEngine(Engine):
    """All perpetuals and all margin accounts of one exchange."""

    state: PerpetualState

    def __init__(self, pairs: Mapping[str, Pair], market: FundedMarket, fees: Fees) -> None:
        super().__init__(pairs, market, fees)
        self.market = market
        self.state = PerpetualState(Depth(market))

    # What a user may set.

    def set_mode(self, account: str, mode: PositionMode) -> None:
        """Change the account's position mode; refuses POSITION_MODE while it has open orders or positions."""
        if mode is self.state.mode(account):
            return
        if self.state.orders_of(account):
            raise PaperRefusal(RefusalCode.POSITION_MODE, "the position mode can't change while there are open orders")
        if any(self.state.positions(account)):
            raise PaperRefusal(RefusalCode.POSITION_MODE, "the position mode can't change while there are positions")
        self.state.save_mode(account, mode)

    def set_leverage(self, account: str, trading_pair: str, leverage: int, now: datetime) -> None:
        """Change the leverage of a pair, and with it the margin of its positions and orders.

        Refuses LEVERAGE if it is out of bounds or would have a position liquidated at once, INSUFFICIENT_BALANCE if the margin that
        a lower one needs is not there.
        """
        pair = self.pair(trading_pair)
        if not 1 <= leverage <= MAX_LEVERAGE:
            raise PaperRefusal(RefusalCode.LEVERAGE, f"the leverage is not between 1 and {MAX_LEVERAGE}")
        with localcontext(EXACT):
            before = list(self.state.positions(account, trading_pair))
            after = [replace(each, margin=initial_margin(each.cost, leverage), updated_at=now) for each in before]
            mark = self.market.mid(pair, self.state.tick)
            if any(is_liquidable(position, mark) for position in after):
                raise PaperRefusal(RefusalCode.LEVERAGE, "a position would be liquidated at once with so little margin")
            old = self.state.leverage(account, trading_pair)
            more = sum((new.margin - each.margin for new, each in zip(after, before, strict=True)), ZERO)
            for order in self.state.orders_of(account, trading_pair):
                more += _margin_held(order, leverage) - _margin_held(order, old)
            self._demand(account, pair, more)
            self.state.ledger.hold(account, pair.quote, more)
            for position in after:
                self.state.save_position(position)
            self.state.save_leverage(account, trading_pair, leverage)

    # The market's part.

    def _looks(self, last: int, tick: int) -> Sequence[int]:
        """As for spot, also while there are positions only, and at every moment of funding."""
        if not last or not (self.state.orders or self.state.has_positions()):
            return [tick]
        looks = min(MAX_LOOKS, tick - last)
        spread = {last + (tick - last) * look // looks for look in range(1, looks + 1)}
        first = (last // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
        return sorted(spread | set(range(first, tick + 1, FUNDING_INTERVAL)))

    def _look(self, now: datetime) -> None:
        """Funding, then trades, then the liquidation of what the mark price has caught up with."""
        if self.state.tick % FUNDING_INTERVAL == 0:
            for position in list(self.state.positions()):
                fund(self.state, self.market, self.pairs[position.trading_pair], position)
        super()._look(now)
        marks: dict[str, Decimal] = {}
        for position in list(self.state.positions()):
            pair = self.pairs[position.trading_pair]
            mark = marks.setdefault(pair.trading_pair, self.market.mid(pair, self.state.tick))
            if is_liquidable(position, mark):
                self._cut_orders(liquidate(self.state, pair, position, mark, now), now)

    # Orders.

    def _check_rules(self, new: NewOrder, pair: Pair) -> None:
        assert isinstance(new, NewPerpetualOrder)
        filters.check(new, pair, self.market.mid(pair, self.state.tick), may_be_small=new.only_reduces)
        if new.quote_amount is not None:
            raise PaperRefusal(RefusalCode.INVALID_ORDER, "a perpetual order needs an amount in base units")
        if (new.position_side is PositionSide.BOTH) != (self.state.mode(new.account) is PositionMode.ONEWAY):
            raise PaperRefusal(RefusalCode.POSITION_SIDE, "the position side does not fit the account's position mode")
        if new.only_reduces:
            self._check_reduces(new)

    def _check_reduces(self, new: NewPerpetualOrder) -> None:
        assert new.amount is not None
        there = _reducible(self._position(new), new.trade_type)
        if new.amount > there:
            raise PaperRefusal(
                RefusalCode.REDUCE_ONLY, f"the order would close {plain(new.amount)} of a position of {plain(there)}"
            )

    def _check_funds(self, new: NewOrder, pair: Pair, planned: Plan) -> None:
        """Margin for what the order opens at once and for what will rest of it, and the fee; closing needs nothing."""
        assert isinstance(new, NewPerpetualOrder)
        if new.only_reduces:
            return
        assert new.amount is not None
        leverage = self.state.leverage(new.account, pair.trading_pair)
        position = self._position(new)
        needed, closing = ZERO, _reducible(position, new.trade_type)
        for match in planned.matches:
            part = min(closing, match.amount)
            if part:
                done = closed(position, part, match.price, position.updated_at)
                position, closing = done.position, closing - part
                needed -= done.freed + done.pnl
            needed += initial_margin((match.amount - part) * match.price, leverage)
            needed += match.amount * match.price * self._fees.taker
        if new.price is not None and _rests(new):
            needed += initial_margin((new.amount - planned.amount) * new.price, leverage)
        self._demand(new.account, pair, needed)

    def _demand(self, account: str, pair: Pair, needed: Decimal) -> None:
        available = self.state.ledger.available(account, pair.quote)
        if needed > available:
            raise PaperRefusal(
                RefusalCode.INSUFFICIENT_BALANCE,
                f"margin of {plain(needed)} {pair.quote} needed, {plain(available)} available",
            )

    def _order(self, new: NewOrder, planned: Plan, now: datetime) -> PaperOrder:
        assert isinstance(new, NewPerpetualOrder)
        order = super()._order(new, planned, now)
        shared = {field.name: getattr(order, field.name) for field in fields(order)}
        return PerpetualOrder(position_side=new.position_side, reduce_only=new.only_reduces, **shared)

    def _held(self, order: PaperOrder, pair: Pair) -> tuple[str, Decimal]:
        assert isinstance(order, PerpetualOrder)
        return pair.quote, _margin_held(order, self.state.leverage(order.account, order.trading_pair))

    def _makers(self, pair: Pair, side: TradeType) -> Iterable[PaperOrder]:
        """Resting orders, those that may only reduce as far as their position will go when it is their turn."""
        left: dict[tuple[str, PositionSide], Decimal] = {}
        for order in self.state.book(pair.trading_pair).side(side):
            assert isinstance(order, PerpetualOrder)
            key = (order.account, order.position_side)
            if key not in left:
                left[key] = self._position(order).amount
            there = max(ZERO, -left[key] if order.is_buy else left[key])
            maker = _cut(order, there) if order.reduce_only else order
            if maker.remaining > ZERO:
                left[key] += maker.remaining if order.is_buy else -maker.remaining
                yield maker

    # Trades.

    def _pay(self, pair: Pair, one: Party, other: Party, price: Decimal, amount: Decimal) -> None:
        """Nothing passes between the two: each settles with the exchange when its own fill is recorded."""

    def _fill(
        self, order: PaperOrder, pair: Pair, price: Decimal, amount: Decimal, liquidity: Liquidity, now: datetime
    ) -> PaperOrder:
        # An order of the same account that traded a moment ago may have cut this one.
        live = self.state.orders[order.exchange_order_id]
        assert isinstance(live, PerpetualOrder)
        after = self._grown(live, price, amount, now)
        if liquidity is Liquidity.MAKER:
            self.state.ledger.hold(order.account, pair.quote, self._held(after, pair)[1] - self._held(live, pair)[1])
        position, pnl, fee = self._trade(live, pair, price, amount, liquidity, now)
        fill = self._record_fill(live, pair, price, amount, liquidity, fee, pnl, now)
        self.state.add_fill(fill)
        self.state.save(after)
        if after.is_open and liquidity is Liquidity.MAKER:
            self.state.rest(after)
        self.state.tell("trade", after, now, fill)
        self._cut_orders(position, now)
        return self.state.orders.get(after.exchange_order_id, after)

    def _grown(self, order: PerpetualOrder, price: Decimal, amount: Decimal, now: datetime) -> PerpetualOrder:
        """``order`` with one more execution. One that was cut does not end as filled: it got less than was asked."""
        total = order.filled_amount + amount
        state = OrderState.OPEN
        if total == order.amount:
            state = OrderState.EXPIRED if order.is_cut else OrderState.FILLED
        return replace(
            order,
            filled_amount=total,
            filled_quote=order.filled_quote + price * amount,
            state=state,
            updated_at=now,
        )

    def _trade(
        self,
        order: PerpetualOrder,
        pair: Pair,
        price: Decimal,
        amount: Decimal,
        liquidity: Liquidity,
        now: datetime,
    ) -> tuple[PaperPosition, Decimal, Decimal]:
        """Close and open as ``order`` says; the position after it, the result of closing and the fee that was paid."""
        ledger, quote = self.state.ledger, pair.quote
        position = self._position(order)
        part, pnl, missing = min(amount, _reducible(position, order.trade_type)), ZERO, ZERO
        if part:
            done = closed(position, part, price, now)
            ledger.hold(order.account, quote, -done.freed)
            pnl = done.pnl
            position, missing = settle(ledger, quote, done.position, pnl)
        fee = amount * price * self._fees.rate(liquidity)
        position, unpaid = collect(ledger, quote, position, fee, target=FEES)
        if part < amount:
            leverage = self.state.leverage(order.account, pair.trading_pair)
            # The fee may have come out of what the order held; then so much less is set aside.
            wanted = initial_margin((amount - part) * price, leverage)
            margin = min(wanted, ledger.available(order.account, quote))
            ledger.hold(order.account, quote, margin)
            signed = amount - part if order.is_buy else part - amount
            position = opened(position, signed, price, margin, now)
        return self.state.save_position(position), pnl, fee - missing - unpaid

    def _record_fill(
        self,
        order: PerpetualOrder,
        pair: Pair,
        price: Decimal,
        amount: Decimal,
        liquidity: Liquidity,
        fee: Decimal,
        pnl: Decimal,
        now: datetime,
    ) -> PerpetualFill:
        return PerpetualFill(
            fill_id=self.state.counters.next_fill_id(),
            exchange_order_id=order.exchange_order_id,
            account=order.account,
            trading_pair=order.trading_pair,
            trade_type=order.trade_type,
            price=price,
            amount=amount,
            fee=fee,
            fee_currency=pair.quote,
            liquidity=liquidity,
            filled_at=now,
            position_side=order.position_side,
            realized_pnl=pnl,
        )

    def _cut_orders(self, position: PaperPosition, now: datetime) -> None:
        """Cut the orders that may only reduce ``position`` to what is left of it; without anything left they expire."""
        for order in self.state.orders_of(position.account, position.trading_pair):
            if not order.reduce_only or order.position_side is not position.side:
                continue
            there = _reducible(position, order.trade_type)
            if there == ZERO:
                self._expire(order, REDUCED, now)
            elif order.remaining > there:
                self.state.rest(self.state.save(replace(_cut(order, there), updated_at=now)))

    def _position(self, order: NewPerpetualOrder | PerpetualOrder) -> PaperPosition:
        """The position that an order is about."""
        return self.state.position(order.account, order.trading_pair, order.position_side)


def _rests(new: NewOrder) -> bool:
    return new.order_type is not OrderType.MARKET and new.time_in_force is TimeInForce.GTC


def _margin_held(order: PerpetualOrder, leverage: int) -> Decimal:
    """What a resting order holds: the margin of what is left of it."""
    if order.reduce_only or not order.is_open:
        return ZERO
    return initial_margin(order.limit * order.remaining, leverage)


def _reducible(position: PaperPosition, trade_type: TradeType) -> Decimal:
    """How much of ``position`` an order of that side closes before it would open one the other way."""
    closes = position.is_long is (trade_type is TradeType.SELL)
    return position.size if position.is_open and closes else ZERO


def _cut(order: PerpetualOrder, there: Decimal) -> PerpetualOrder:
    """``order`` with no more left to do than ``there``."""
    if order.remaining <= there:
        return order
    return replace(order, amount=order.filled_amount + there, reason=REDUCED)
