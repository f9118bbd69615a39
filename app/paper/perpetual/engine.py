"""The engine of perpetuals: the spot engine's matching, with positions and margin in place of coins that change hands.

Linear contracts of one base unit, settled in the quote asset, with one margin account per user. Margin is isolated: opening puts a
part of the value on hold by the leverage, closing releases it, and the exchange liquidates a position at the mark price before its
margin is used up. Longs and shorts pay each other funding at fixed times. Every refusal is raised before anything is changed.
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
from app.paper.engine import MAX_STEPS, Engine, Party, executed
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
from app.paper.perpetual.orders import REDUCED, NewPerpetualOrder, PerpetualOrder, execution
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

    # Settings.

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

        Refuses LEVERAGE if it is out of bounds or would liquidate a position at once, INSUFFICIENT_BALANCE if a lower leverage
        needs more margin than is available.
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
                more += _margin_hold(order, leverage) - _margin_hold(order, old)
            self._check_margin(account, pair, more)
            self.state.ledger.hold(account, pair.quote, more)
            for position in after:
                self.state.save_position(position)
            self.state.save_leverage(account, trading_pair, leverage)

    def change_margin(
        self, account: str, trading_pair: str, side: PositionSide, change: Decimal, now: datetime
    ) -> None:
        """Add to a position's margin, or take from it what is above its initial margin, if ``change`` is negative.

        Refuses MARGIN if there is no such position, too little margin would be left, or the position would be liquidated at once;
        INSUFFICIENT_BALANCE if more is added than is available.
        """
        pair = self.pair(trading_pair)
        with localcontext(EXACT):
            position = self.state.position(account, trading_pair, side)
            if not position.is_open:
                raise PaperRefusal(RefusalCode.MARGIN, "there is no such position")
            after = replace(position, margin=position.margin + change, updated_at=now)
            if change < ZERO:
                least = initial_margin(position.cost, self.state.leverage(account, trading_pair))
                if after.margin < least or is_liquidable(after, self.market.mid(pair, self.state.tick)):
                    raise PaperRefusal(RefusalCode.MARGIN, f"a margin of {plain(least)} {pair.quote} has to stay")
            self._check_margin(account, pair, change)
            self.state.ledger.hold(account, pair.quote, change)
            self.state.save_position(after)

    # The market.

    def _ticks_until(self, last: int, tick: int) -> Sequence[int]:
        """As for spot, also while there are only positions, and every tick of a funding."""
        if not last or not (self.state.orders or self.state.has_positions()):
            return [tick]
        steps = min(MAX_STEPS, tick - last)
        spread = {last + (tick - last) * step // steps for step in range(1, steps + 1)}
        first = (last // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
        return sorted(spread | set(range(first, tick + 1, FUNDING_INTERVAL)))

    def _run_tick(self, now: datetime) -> None:
        """Funding, then trades, then the liquidation of positions whose margin no longer suffices at the mark price."""
        if self.state.tick % FUNDING_INTERVAL == 0:
            for position in list(self.state.positions()):
                fund(self.state, self.market, self.pairs[position.trading_pair], position)
        super()._run_tick(now)
        marks: dict[str, Decimal] = {}
        for position in list(self.state.positions()):
            pair = self.pairs[position.trading_pair]
            mark = marks.setdefault(pair.trading_pair, self.market.mid(pair, self.state.tick))
            if is_liquidable(position, mark):
                self._reduce_orders(liquidate(self.state, pair, position, mark, now), now)

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
        size = _reducible(self._position(new), new.trade_type)
        if new.amount > size:
            held = [
                f"a {'long' if each.is_long else 'short'} one of {plain(each.size)}"
                for each in self.state.positions(new.account, new.trading_pair)
            ]
            closes = "short" if new.trade_type is TradeType.BUY else "long"
            raise PaperRefusal(
                RefusalCode.REDUCE_ONLY,
                f"the order would close {plain(new.amount)} of a position of {plain(size)}: a {new.trade_type} closes a {closes}"
                f" position, and the account holds {' and '.join(held) or 'none'} of {new.trading_pair}",
            )

    def _check_funds(self, new: NewOrder, pair: Pair, planned: Plan) -> None:
        """Check for the margin of what the order opens at once and of what will rest, and for the fee. Closing needs no margin."""
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
        self._check_margin(new.account, pair, needed)

    def _check_margin(self, account: str, pair: Pair, needed: Decimal) -> None:
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

    def _as_new(self, order: PaperOrder, amount: Decimal, price: Decimal) -> NewOrder:
        assert isinstance(order, PerpetualOrder)
        new = super()._as_new(order, amount, price)
        shared = {field.name: getattr(new, field.name) for field in fields(new)}
        return NewPerpetualOrder(position_side=order.position_side, reduce_only=order.reduce_only, **shared)

    def _hold_of(self, order: PaperOrder, pair: Pair) -> tuple[str, Decimal]:
        assert isinstance(order, PerpetualOrder)
        return pair.quote, _margin_hold(order, self.state.leverage(order.account, order.trading_pair))

    def _makers(self, pair: Pair, side: TradeType) -> Iterable[PaperOrder]:
        """Resting orders; a reduce-only order counts as far as its position goes after the orders before it."""
        left: dict[tuple[str, PositionSide], Decimal] = {}
        for order in self.state.book(pair.trading_pair).side(side):
            assert isinstance(order, PerpetualOrder)
            key = (order.account, order.position_side)
            if key not in left:
                left[key] = self._position(order).amount
            size = max(ZERO, -left[key] if order.is_buy else left[key])
            maker = _reduced(order, size) if order.reduce_only else order
            if maker.remaining > ZERO:
                left[key] += maker.remaining if order.is_buy else -maker.remaining
                yield maker

    # Trades.

    def _pay(self, pair: Pair, one: Party, other: Party, price: Decimal, amount: Decimal) -> None:
        """Do nothing: each party settles with the exchange when its own fill is recorded."""

    def _fill(
        self, order: PaperOrder, pair: Pair, price: Decimal, amount: Decimal, liquidity: Liquidity, now: datetime
    ) -> PaperOrder:
        # An order of the same account that has just traded may have reduced this one.
        live = self.state.orders[order.exchange_order_id]
        assert isinstance(live, PerpetualOrder)
        after = _executed(live, price, amount, now)
        if liquidity is Liquidity.MAKER:
            self.state.ledger.hold(
                order.account, pair.quote, self._hold_of(after, pair)[1] - self._hold_of(live, pair)[1]
            )
        position, pnl, fee = self._trade(live, pair, price, amount, liquidity, now)
        fill = execution(
            live,
            fill_id=self.state.counters.next_fill_id(),
            price=price,
            amount=amount,
            fee=fee,
            fee_currency=pair.quote,
            liquidity=liquidity,
            realized_pnl=pnl,
            filled_at=now,
        )
        self._record_fill(fill, after)
        self._reduce_orders(position, now)
        return self.state.orders.get(after.exchange_order_id, after)

    def _trade(
        self,
        order: PerpetualOrder,
        pair: Pair,
        price: Decimal,
        amount: Decimal,
        liquidity: Liquidity,
        now: datetime,
    ) -> tuple[PaperPosition, Decimal, Decimal]:
        """Close and open as ``order`` says; the position afterwards, the result of closing and the fee that was paid."""
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
            # The fee may have been paid out of the order's hold; then the margin is smaller by it.
            wanted = initial_margin((amount - part) * price, leverage)
            margin = min(wanted, ledger.available(order.account, quote))
            ledger.hold(order.account, quote, margin)
            signed = amount - part if order.is_buy else part - amount
            position = opened(position, signed, price, margin, now)
        return self.state.save_position(position), pnl, fee - missing - unpaid

    def _reduce_orders(self, position: PaperPosition, now: datetime) -> None:
        """Reduce the reduce-only orders of ``position`` to its size; they expire where it is closed."""
        for order in self.state.orders_of(position.account, position.trading_pair):
            if not order.reduce_only or order.position_side is not position.side:
                continue
            size = _reducible(position, order.trade_type)
            if size == ZERO:
                self._expire(order, REDUCED, now)
            elif order.remaining > size:
                self.state.rest(self.state.save(replace(_reduced(order, size), updated_at=now)))

    def _position(self, order: NewPerpetualOrder | PerpetualOrder) -> PaperPosition:
        """The position that an order opens or closes."""
        return self.state.position(order.account, order.trading_pair, order.position_side)


def _rests(new: NewOrder) -> bool:
    return new.order_type is not OrderType.MARKET and new.time_in_force is TimeInForce.GTC


def _margin_hold(order: PerpetualOrder, leverage: int) -> Decimal:
    """A resting order's hold: the margin of its remaining amount."""
    if order.reduce_only or not order.is_open:
        return ZERO
    return initial_margin(order.limit * order.remaining, leverage)


def _reducible(position: PaperPosition, trade_type: TradeType) -> Decimal:
    """The amount of ``position`` that an order of that side closes before it opens one the other way."""
    closes = position.is_long is (trade_type is TradeType.SELL)
    return position.size if position.is_open and closes else ZERO


def _reduced(order: PerpetualOrder, size: Decimal) -> PerpetualOrder:
    """``order`` with at most ``size`` remaining."""
    if order.remaining <= size:
        return order
    return replace(order, amount=order.filled_amount + size, reason=REDUCED)


def _executed(order: PerpetualOrder, price: Decimal, amount: Decimal, now: datetime) -> PerpetualOrder:
    """``order`` after one more execution. A reduced order ends as expired, since it got less than was asked."""
    after = executed(order, price, amount, now)
    return replace(after, state=OrderState.EXPIRED) if after.is_reduced and not after.is_open else after
