"""The exchange closes a position whose margin is used up: all of it, at the mark price, by an order of the exchange's own.

The order is named ``liquidation-<its number>``, its reason says so, and its one fill carries the mark. What is left of the margin
goes to the insurance as the fee of that fill; where the loss was more than the margin, the fee is negative, because the insurance
pays the difference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.paper.pairs import Pair
from app.paper.perpetual.clearing import wind_up
from app.paper.perpetual.orders import LIQUIDATION, PerpetualFill, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition, closed
from app.paper.perpetual.state import PerpetualState


def liquidate(
    state: PerpetualState, pair: Pair, position: PaperPosition, mark: Decimal, now: datetime
) -> PaperPosition:
    """Close ``position`` at ``mark``; the empty position that is left."""
    order = _order(state, position, now)
    state.tell("new", order, now)
    state.save(order, is_new=True)
    done = closed(position, position.size, mark, now)
    fee = wind_up(state.ledger, pair.quote, position, done.pnl)
    fill = PerpetualFill(
        fill_id=state.counters.next_fill_id(),
        exchange_order_id=order.exchange_order_id,
        account=order.account,
        trading_pair=order.trading_pair,
        trade_type=order.trade_type,
        price=mark,
        amount=position.size,
        fee=fee,
        fee_currency=pair.quote,
        liquidity=Liquidity.TAKER,
        filled_at=now,
        position_side=position.side,
        realized_pnl=done.pnl,
        is_liquidation=True,
    )
    filled = replace(
        order, state=OrderState.FILLED, filled_amount=position.size, filled_quote=position.size * mark, updated_at=now
    )
    state.add_fill(fill)
    state.save(filled)
    state.tell("trade", filled, now, fill)
    return state.save_position(done.position)


def _order(state: PerpetualState, position: PaperPosition, now: datetime) -> PerpetualOrder:
    number = state.counters.next_order_id()
    return PerpetualOrder(
        exchange_order_id=number,
        account=position.account,
        client_order_id=f"{LIQUIDATION}-{number}",
        trading_pair=position.trading_pair,
        trade_type=TradeType.SELL if position.is_long else TradeType.BUY,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        price=None,
        amount=position.size,
        quote_amount=None,
        reason=LIQUIDATION,
        placed_tick=state.tick,
        created_at=now,
        updated_at=now,
        position_side=position.side,
        reduce_only=True,
    )
