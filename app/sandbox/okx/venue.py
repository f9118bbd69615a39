"""An exchange as OKX's instruments of one type use it: their ids, and amounts in contracts where they are swaps."""

from __future__ import annotations

from decimal import Decimal

from app.clock import Clock
from app.domain.decimals import EXACT
from app.paper.exchange import PaperExchange
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.common.errors import ApiError
from app.sandbox.common.venue import NamingVenue

SPOT, SWAP = "SPOT", "SWAP"

#: The reason of an order that could only have taken, as OKX numbers it (``cancelSource``).
WOULD_TAKE = "31"

#: What the numbers of orders and executions begin at.
_FIRST = {SPOT: 1_900_000_000_000_000_000, SWAP: 2_900_000_000_000_000_000}
_NUMBERS = 1 << 48

#: How many steps of the amount a contract is: an order can be for thousandths of one, as on OKX's large swaps for hundredths.
_STEPS = 1_000


class OkxVenue(NamingVenue):
    """The instruments of one type."""

    def __init__(self, kind: str, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock, symbol_of=swap_of if kind == SWAP else str, would_take=WOULD_TAKE)
        self.kind = kind

    @property
    def perpetual(self) -> PaperPerpetualExchange:
        """The exchange of swaps. Raises ``ApiError`` where it is none."""
        if not isinstance(self.exchange, PaperPerpetualExchange):
            raise ApiError("51000", "Parameter instId error", status=400)
        return self.exchange

    def pair(self, symbol: str) -> Pair:
        try:
            return self.listings.pairs[symbol]
        except KeyError:
            raise ApiError("51001", "Instrument ID doesn't exist.") from None

    def wire_id(self, number: int) -> str:
        return str(_FIRST[self.kind] + number)

    def paper_id(self, wire_id: str) -> int:
        number = int(wire_id) - _FIRST[self.kind] if wire_id.isascii() and wire_id.isdecimal() else 0
        return number if 0 < number < _NUMBERS else 0

    def contract(self, pair: Pair) -> Decimal:
        """How much of the base one unit of an amount is: a contract, of a swap."""
        return EXACT.multiply(pair.step, Decimal(_STEPS)) if self.kind == SWAP else Decimal(1)

    def units(self, trading_pair: str, amount: Decimal) -> Decimal:
        """An amount of the base in the instrument's units."""
        return EXACT.divide(amount, self.contract(self.exchange.pairs[trading_pair]))


def swap_of(trading_pair: str) -> str:
    return f"{trading_pair}-SWAP"
