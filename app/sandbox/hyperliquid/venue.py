"""The perpetual exchange as Hyperliquid names things: coins instead of pairs, settled in USDC, and numbered.

The paper exchange settles in USDT; what it calls that is USDC on the wire.
"""

from __future__ import annotations

from decimal import Decimal

from app.clock import Clock
from app.domain.decimals import EXACT
from app.domain.enums import OrderState, TimeInForce
from app.paper.exchange import PaperExchange
from app.paper.orders import PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.common.venue import NamingVenue
from app.sandbox.hyperliquid.failures import invalid

#: The reason of an order that could only have taken, as a status.
WOULD_TAKE = "badAloPxRejected"

#: What the numbers of orders and trades begin at.
_FIRST = 40_000_000_000
_NUMBERS = 1 << 48

#: The most digits of a price that is no whole number, and the most places of price and size together.
_DIGITS, _PLACES = 5, 6


class HyperliquidVenue(NamingVenue):
    """The perpetuals. Pairs whose sizes have more places than prices and sizes may have together are not listed."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock, symbol_of=coin_of, would_take=WOULD_TAKE)
        self.universe = [name for name, pair in exchange.pairs.items() if places(pair.step) <= _PLACES]

    @property
    def perpetual(self) -> PaperPerpetualExchange:
        assert isinstance(self.exchange, PaperPerpetualExchange)
        return self.exchange

    def pair(self, symbol: str) -> Pair:
        pair = self.listings.pairs.get(symbol)
        if pair is None or pair.trading_pair not in self.universe:
            raise invalid(f"unknown coin {symbol}")
        return pair

    def asset(self, number: object) -> Pair:
        """The pair of an asset's number."""
        if not isinstance(number, int) or not 0 <= number < len(self.universe):
            raise invalid(f"unknown asset {number}")
        return self.pair(coin_of(self.universe[number]))

    def wire_id(self, number: int) -> str:
        return str(_FIRST + number)

    def paper_id(self, wire_id: str) -> int:
        number = int(wire_id) - _FIRST if wire_id.isascii() and wire_id.isdecimal() else 0
        return number if 0 < number < _NUMBERS else 0

    def shown_order(self, order: PaperOrder) -> dict[str, str]:
        return {"trading_pair": f"{coin_of(order.trading_pair)}-USDC"}

    def shown_fill(self, fill: PaperFill) -> dict[str, str]:
        return {"fee_currency": "USDC"}

    def is_recorded(self, order: PaperOrder) -> bool:
        """An order that found nobody at once is an error, and no order."""
        return not is_unmatched(order)


def is_unmatched(order: PaperOrder) -> bool:
    """Whether an order ended at once without a fill because nobody was there."""
    return order.state is OrderState.EXPIRED and order.time_in_force is TimeInForce.IOC and not order.filled_amount


def coin_of(trading_pair: str) -> str:
    return trading_pair.partition("-")[0]


def places(step: Decimal) -> int:
    """How many digits a step has after the point."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def is_price(price: Decimal, pair: Pair) -> bool:
    """Whether a price has five significant digits at most, unless it is whole, and not too many places."""
    if price == price.to_integral_value():
        return True
    shown = price.normalize(EXACT)
    return len(shown.as_tuple().digits) <= _DIGITS and places(price) <= _PLACES - places(pair.step)
