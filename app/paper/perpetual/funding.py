"""The funding payment of one position.

The synthetic market is the counterparty of the users' net position, so payments pass through an account of the exchange's own. A
position that can't pay in full pays the available balance and its margin; the record has what was paid.
"""

from __future__ import annotations

from decimal import Decimal

from app.domain.decimals import EXACT, ZERO
from app.paper.ledger import FUNDING
from app.paper.market import moment_of
from app.paper.pairs import Pair
from app.paper.perpetual.clearing import collect
from app.paper.perpetual.market import FundedMarket
from app.paper.perpetual.orders import PaperFunding
from app.paper.perpetual.positions import PaperPosition
from app.paper.perpetual.state import PerpetualState

#: Payments are rounded to this, in the settlement asset.
_STEP = Decimal("1e-8")


def fund(state: PerpetualState, market: FundedMarket, pair: Pair, position: PaperPosition) -> None:
    """Let ``position`` pay or receive the funding of the current tick."""
    mark, rate = market.mid(pair, state.tick), market.funding_rate(pair, state.tick)
    payment = (-position.amount * mark * rate).quantize(_STEP, context=EXACT)
    if payment < ZERO:
        position, missing = collect(state.ledger, pair.quote, position, -payment, target=FUNDING)
        state.save_position(position)
        payment += missing
    elif payment:
        state.ledger.move(pair.quote, payment, source=FUNDING, target=position.account)
    state.add_funding(
        PaperFunding(
            funding_id=f"{pair.trading_pair}-{position.side}-{state.tick}",
            account=position.account,
            trading_pair=pair.trading_pair,
            side=position.side,
            payment=payment,
            rate=rate,
            mark_price=mark,
            amount=position.amount,
            paid_at=moment_of(state.tick),
        )
    )
