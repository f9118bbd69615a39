"""The matching engine: places and cancels orders, and fills resting orders when the market reaches them.

In memory, without I/O or a clock: times are passed in, and changes are collected for the store. Every refusal is raised before
anything is changed. An order never trades with one of its own account: the rest of the incoming order expires there (Binance's
EXPIRE_TAKER).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import groupby
from typing import TypeVar

from app.domain.decimals import EXACT, ZERO, plain
from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.paper import filters
from app.paper.depth import Depth
from app.paper.fees import Fees
from app.paper.ledger import FEES, MARKET, is_house
from app.paper.market import Level, Market, moment_of, tick_of
from app.paper.matching import Match, Plan, offers, plan
from app.paper.orders import NewOrder, PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode
from app.paper.state import State

Filled = TypeVar("Filled", bound=PaperOrder)

#: After a long stop the market advances in at most this many steps, evenly spread: an hour is run second by second, and a month
#: costs a fraction of a second.
MAX_STEPS = 3_600


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a trade: a user's order, or the market where ``order`` is None."""

    order: PaperOrder | None
    liquidity: Liquidity

    @property
    def account(self) -> str:
        return MARKET if self.order is None else self.order.account

    @property
    def pays_from_hold(self) -> bool:
        return self.order is not None and self.liquidity is Liquidity.MAKER


class Engine:
    """All pairs and all accounts of one exchange."""

    def __init__(self, pairs: Mapping[str, Pair], market: Market, fees: Fees) -> None:
        self.pairs = pairs
        self._market = market
        self._fees = fees
        self.state = State(Depth(market))

    def pair(self, trading_pair: str) -> Pair:
        """The pair of that name; refuses UNKNOWN_PAIR."""
        try:
            return self.pairs[trading_pair]
        except KeyError:
            raise PaperRefusal(RefusalCode.UNKNOWN_PAIR, f"there is no pair {trading_pair}") from None

    def open_account(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """Add an account with balances; refuses INVALID_ACCOUNT for a name that is taken or not valid."""
        if not account or is_house(account):
            raise PaperRefusal(RefusalCode.INVALID_ACCOUNT, "an account needs a name that does not begin with ~")
        if account in self.state.accounts:
            raise PaperRefusal(RefusalCode.INVALID_ACCOUNT, f"there is an account {account} already")
        if any(amount < ZERO for amount in balances.values()):
            raise PaperRefusal(RefusalCode.INVALID_ACCOUNT, "a balance is below zero")
        with localcontext(EXACT):
            self.state.open_account(account, balances)

    def place(self, new: NewOrder, now: datetime) -> PaperOrder:
        """Accept ``new`` and match it; the order after its trades. A refusal changes nothing."""
        with localcontext(EXACT):
            pair = self.pair(new.trading_pair)
            planned = self.check(new)
            order = self._accept(new, planned, now)
            if new.time_in_force is TimeInForce.FOK and not planned.complete:
                return self._expire(order, "self_trade" if planned.met_own else "fill_or_kill", now)
            for match in planned.matches:
                order = self._execute(order, match, pair, now)
            return self._finish(order, planned, pair, now)

    def cancel(self, order: PaperOrder, now: datetime) -> PaperOrder:
        """Remove an open order from the book and release its hold."""
        with localcontext(EXACT):
            pair = self.pair(order.trading_pair)
            asset, amount = self._hold_of(order, pair)
            self.state.ledger.hold(order.account, asset, -amount)
            canceled = self.state.save(replace(order, state=OrderState.CANCELED, updated_at=now))
            self.state.add_event("canceled", canceled, now)
            return canceled

    def amend(self, order: PaperOrder, now: datetime, *, amount: Decimal, price: Decimal) -> PaperOrder:
        """Give an open limit order a new amount and price; the order after the trades that they bring. It keeps its age.

        Where nothing is left to fill, and where a LIMIT_MAKER order would trade at once, the order is canceled. A refusal changes
        nothing. Source: "Modify Order" in Binance's USD-M futures documentation.
        """
        with localcontext(EXACT):
            pair = self.pair(order.trading_pair)
            self._check_rules(self._as_new(order, amount, price), pair)
            if amount <= order.filled_amount:
                return self.cancel(order, now)
            rest = self._as_new(order, amount - order.filled_amount, price)
            planned = self._plan(rest, pair)
            if order.order_type is OrderType.LIMIT_MAKER and (planned.matches or planned.met_own):
                return self.cancel(order, now)
            asset, held = self._hold_of(order, pair)
            self.state.ledger.hold(order.account, asset, -held)
            try:
                self._check_funds(rest, pair, planned)
            except PaperRefusal:
                self.state.ledger.hold(order.account, asset, held)
                raise
            amended = self.state.save(replace(order, amount=amount, price=price, updated_at=now))
            self.state.add_event("amended", amended, now)
            for match in planned.matches:
                amended = self._execute(amended, match, pair, now)
            return self._finish(amended, planned, pair, now)

    def advance(self, now: datetime) -> None:
        """Advance the market to ``now``: resting orders that it reaches on the way are filled, as far as its depth suffices."""
        tick, last = tick_of(now), self.state.tick
        if tick <= last:
            return
        ticks = self._ticks_until(last, tick)
        with localcontext(EXACT):
            for each in ticks:
                self.state.depth.move_to(each)
                self._run_tick(now if len(ticks) == 1 else moment_of(each))

    def offers(self, trading_pair: str, side: TradeType) -> Iterator[Level]:
        """The levels of one side, users' orders and the synthetic depth together, best price first."""
        pair = self.pair(trading_pair)
        users = self.state.book(trading_pair).side(side)
        resting = offers(users, self.state.depth.levels(pair, side), side is TradeType.SELL, self.state.tick)
        for price, matches in groupby(resting, key=lambda match: match.price):
            yield Level(price, sum((match.amount for match in matches), ZERO))

    def check(self, new: NewOrder) -> Plan:
        """What ``new`` would match at this moment. Raises the refusal that placing it would get."""
        with localcontext(EXACT):
            pair = self.pair(new.trading_pair)
            self._check_rules(new, pair)
            if self.state.open_order(new.account, new.client_order_id) is not None:
                raise PaperRefusal(RefusalCode.DUPLICATE_ORDER_ID, f"{new.client_order_id} is an open order already")
            planned = self._plan(new, pair)
            if new.order_type is OrderType.LIMIT_MAKER and (planned.matches or planned.met_own):
                raise PaperRefusal(RefusalCode.WOULD_TAKE, "The order would trade at once")
            self._check_funds(new, pair, planned)
            return planned

    def _ticks_until(self, last: int, tick: int) -> Sequence[int]:
        """The ticks to run after ``last`` up to ``tick``; only the last where there are no open orders."""
        steps = min(MAX_STEPS, tick - last) if last and self.state.orders else 1
        return [last + (tick - last) * step // steps for step in range(1, steps + 1)]

    def _run_tick(self, now: datetime) -> None:
        """Let the market trade at its current tick."""
        for pair in self.pairs.values():
            if pair.is_trading and not self.state.book(pair.trading_pair).is_empty():
                self._fill_reached(pair, now)

    def _check_rules(self, new: NewOrder, pair: Pair) -> None:
        filters.check(new, pair, self._market.mid(pair, self.state.tick))

    def _makers(self, pair: Pair, side: TradeType) -> Iterable[PaperOrder]:
        """The users' orders that an incoming one may trade with, best first."""
        return self.state.book(pair.trading_pair).side(side)

    def _plan(self, new: NewOrder, pair: Pair) -> Plan:
        side = opposite(new.trade_type)
        return plan(
            new,
            self._makers(pair, side),
            self.state.depth.levels(pair, side),
            step=pair.step,
            tick=self.state.tick,
        )

    def _check_funds(self, new: NewOrder, pair: Pair, planned: Plan) -> None:
        if new.trade_type is TradeType.BUY:
            asset, asked = pair.quote, _asked_cost(new)
            needed = planned.cost if asked is None else asked
        else:
            asset = pair.base
            needed = planned.amount if new.amount is None else new.amount
        available = self.state.ledger.available(new.account, asset)
        if needed > available:
            raise PaperRefusal(
                RefusalCode.INSUFFICIENT_BALANCE, f"{plain(needed)} {asset} needed, {plain(available)} available"
            )

    def _accept(self, new: NewOrder, planned: Plan, now: datetime) -> PaperOrder:
        order = self._order(new, planned, now)
        self.state.add_event("new", order, now)
        return self.state.save(order, is_new=True)

    def _order(self, new: NewOrder, planned: Plan, now: datetime) -> PaperOrder:
        """The new order. One by quote amount that can be filled has the base amount that its quote buys."""
        return PaperOrder(
            exchange_order_id=self.state.counters.next_order_id(),
            account=new.account,
            client_order_id=new.client_order_id,
            trading_pair=new.trading_pair,
            trade_type=new.trade_type,
            order_type=new.order_type,
            time_in_force=new.time_in_force,
            price=new.price,
            amount=planned.amount if new.amount is None and planned.complete else new.amount,
            quote_amount=new.quote_amount,
            placed_tick=self.state.tick,
            created_at=now,
            updated_at=now,
        )

    def _as_new(self, order: PaperOrder, amount: Decimal, price: Decimal) -> NewOrder:
        """What its owner would ask to place ``order`` again with ``amount`` and ``price``."""
        return NewOrder(
            account=order.account,
            client_order_id=order.client_order_id,
            trading_pair=order.trading_pair,
            trade_type=order.trade_type,
            order_type=order.order_type,
            amount=amount,
            price=price,
            time_in_force=order.time_in_force,
        )

    def _hold_of(self, order: PaperOrder, pair: Pair) -> tuple[str, Decimal]:
        """The asset and amount that an open order has on hold: its cost in quote, or the base that it sells."""
        return (pair.quote, order.limit * order.remaining) if order.is_buy else (pair.base, order.remaining)

    def _execute(self, taker: PaperOrder, match: Match, pair: Pair, now: datetime) -> PaperOrder:
        """Trade ``taker`` with one counterparty; the taker afterwards."""
        if match.maker is None:
            self.state.depth.take(pair, opposite(taker.trade_type), match.price, match.amount)
        incoming, resting = Party(taker, Liquidity.TAKER), Party(match.maker, Liquidity.MAKER)
        self._pay(pair, incoming, resting, match.price, match.amount)
        if match.maker is not None:
            self._fill(match.maker, pair, match.price, match.amount, Liquidity.MAKER, now)
        return self._fill(taker, pair, match.price, match.amount, Liquidity.TAKER, now)

    def _finish(self, order: PaperOrder, planned: Plan, pair: Pair, now: datetime) -> PaperOrder:
        """Rest the order's remaining amount after the trades, or let it expire."""
        if not order.is_open:
            return order
        if planned.met_own:
            return self._expire(order, "self_trade", now)
        if order.order_type is OrderType.MARKET:
            return self._expire(order, "no_depth", now)
        if order.time_in_force is TimeInForce.IOC:
            return self._expire(order, "immediate_or_cancel", now)
        asset, amount = self._hold_of(order, pair)
        self.state.ledger.hold(order.account, asset, amount)
        self.state.rest(order)
        return order

    def _expire(self, order: PaperOrder, reason: str, now: datetime) -> PaperOrder:
        expired = self.state.save(replace(order, state=OrderState.EXPIRED, reason=reason, updated_at=now))
        self.state.add_event("expired", expired, now)
        return expired

    def _fill_reached(self, pair: Pair, now: datetime) -> None:
        """Fill the resting orders that the synthetic market has reached, at their prices, best price first."""
        for side in TradeType:
            resting = self.state.book(pair.trading_pair).side(side)
            while (best := resting.best()) is not None:
                amount = self._take_depth(best, pair)
                if amount == ZERO:
                    break
                maker, market = Party(best, Liquidity.MAKER), Party(None, Liquidity.TAKER)
                self._pay(pair, maker, market, best.limit, amount)
                self._fill(best, pair, best.limit, amount, Liquidity.MAKER, now)

    def _take_depth(self, order: PaperOrder, pair: Pair) -> Decimal:
        """Take from the depth what the market offers ``order`` at its price or better; the amount."""
        side = opposite(order.trade_type)
        taken: list[tuple[Decimal, Decimal]] = []
        left = order.remaining
        for level in self.state.depth.levels(pair, side):
            if left == ZERO or (level.price > order.limit if order.is_buy else level.price < order.limit):
                break
            amount = min(left, level.amount)
            taken.append((level.price, amount))
            left -= amount
        for price, amount in taken:
            self.state.depth.take(pair, side, price, amount)
        return order.remaining - left

    def _pay(self, pair: Pair, one: Party, other: Party, price: Decimal, amount: Decimal) -> None:
        """Move base and quote between the two parties, and each user's fee out of what it received."""
        assert one.order is not None
        buyer, seller = (one, other) if one.order.is_buy else (other, one)
        cost = price * amount
        ledger = self.state.ledger
        ledger.move(pair.quote, cost, source=buyer.account, target=seller.account, held=buyer.pays_from_hold)
        ledger.move(pair.base, amount, source=seller.account, target=buyer.account, held=seller.pays_from_hold)
        for party, asset, received in ((buyer, pair.base, amount), (seller, pair.quote, cost)):
            if party.order is not None:
                ledger.move(asset, received * self._fees.rate(party.liquidity), source=party.account, target=FEES)

    def _fill(
        self, order: PaperOrder, pair: Pair, price: Decimal, amount: Decimal, liquidity: Liquidity, now: datetime
    ) -> PaperOrder:
        """Record one execution of ``order``; the order afterwards."""
        received, currency = (amount, pair.base) if order.is_buy else (price * amount, pair.quote)
        fill = PaperFill(
            fill_id=self.state.counters.next_fill_id(),
            exchange_order_id=order.exchange_order_id,
            account=order.account,
            trading_pair=order.trading_pair,
            trade_type=order.trade_type,
            price=price,
            amount=amount,
            fee=received * self._fees.rate(liquidity),
            fee_currency=currency,
            liquidity=liquidity,
            filled_at=now,
        )
        return self._record_fill(fill, executed(order, price, amount, now))

    def _record_fill(self, fill: PaperFill, after: PaperOrder) -> PaperOrder:
        """Record ``fill`` and the order after it, which stays in the book if it rests there."""
        self.state.add_fill(fill)
        self.state.save(after)
        if after.is_open and fill.liquidity is Liquidity.MAKER:
            self.state.rest(after)
        self.state.add_event("trade", after, fill.filled_at, fill)
        return after


def executed(order: Filled, price: Decimal, amount: Decimal, now: datetime) -> Filled:
    """``order`` after one more execution."""
    total = order.filled_amount + amount
    return replace(
        order,
        filled_amount=total,
        filled_quote=order.filled_quote + price * amount,
        state=OrderState.FILLED if total == order.amount else OrderState.OPEN,
        updated_at=now,
    )


def opposite(side: TradeType) -> TradeType:
    """The other side of the book."""
    return TradeType.SELL if side is TradeType.BUY else TradeType.BUY


def _asked_cost(new: NewOrder) -> Decimal | None:
    """The maximum cost of a BUY by its own terms; None for a market order by amount, whose cost depends on the book."""
    if new.price is not None and new.amount is not None:
        return new.price * new.amount
    return new.quote_amount
