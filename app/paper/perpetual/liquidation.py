"""Liquidation: the exchange closes a position whose margin is used up, completely and at the mark price.

It places an order named ``liquidation-<its number>``, with this reason and one fill at the mark. The rest of the margin goes to
the insurance fund as the fee of that fill. Where the loss exceeds the margin, the insurance fund pays the difference, and the fee
is negative.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from app.domain.enums import Liquidity, OrderType, TimeInForce, TradeType
from app.paper.engine import executed
from app.paper.pairs import Pair
from app.paper.perpetual.clearing import wind_up
from app.paper.perpetual.orders import LIQUIDATION, PerpetualOrder, execution
from app.paper.perpetual.positions import PaperPosition, closed
from app.paper.perpetual.state import PerpetualState


def liquidate(
    state: PerpetualState, pair: Pair, position: PaperPosition, mark: Decimal, now: datetime
) -> PaperPosition:
    """Close ``position`` at ``mark``; the empty position afterwards."""
    order = _order(state, position, now)
    state.add_event("new", order, now)
    state.save(order, is_new=True)
    done = closed(position, position.size, mark, now)
    fee = wind_up(state.ledger, pair.quote, position, done.pnl)
    fill = execution(
        order,
        fill_id=state.counters.next_fill_id(),
        price=mark,
        amount=position.size,
        fee=fee,
        fee_currency=pair.quote,
        liquidity=Liquidity.TAKER,
        realized_pnl=done.pnl,
        filled_at=now,
        is_liquidation=True,
    )
    filled = executed(order, mark, position.size, now)
    state.add_fill(fill)
    state.save(filled)
    state.add_event("trade", filled, now, fill)
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
