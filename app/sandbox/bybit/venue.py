"""An exchange as Bybit's categories use it: its symbols and ids, of which a client id is one order's for ever."""

from __future__ import annotations

import uuid

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder, PaperOrder
from app.paper.pairs import Pair
from app.sandbox.bybit.failures import SPOT, duplicate, invalid
from app.sandbox.common.errors import ApiError
from app.sandbox.common.venue import NamingVenue

#: The reason of an order that could only have taken, as Bybit writes it.
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"

#: What spot's numbers begin at, and what the ids of linear end in.
_FIRST_SPOT = 1_900_000_000_000_000_000
_LINEAR_SPACE = uuid.UUID("7a0e0000-0000-4000-8000-000000000000").int


class BybitVenue(NamingVenue):
    """One category."""

    def __init__(self, category: str, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock, symbol_of=symbol_of, would_take=WOULD_TAKE)
        self.category = category

    def pair(self, symbol: str) -> Pair:
        """The pair of ``symbol``. Raises ``ApiError`` for an invalid one."""
        try:
            return self.listings.pairs[symbol]
        except KeyError:
            raise (
                ApiError(170121, "Invalid symbol.") if self.category == SPOT else invalid("symbol invalid")
            ) from None

    def wire_id(self, number: int) -> str:
        """The id of an order or an execution: a number on spot, a UUID on linear."""
        return str(_FIRST_SPOT + number) if self.category == SPOT else str(uuid.UUID(int=_LINEAR_SPACE + number))

    def paper_id(self, wire_id: str) -> int:
        """The paper exchange's id of one on the wire, 0 for one that is none."""
        try:
            number = int(wire_id) - _FIRST_SPOT if self.category == SPOT else uuid.UUID(wire_id).int - _LINEAR_SPACE
        except ValueError:
            return 0
        return number if 0 < number < 1 << 62 else 0

    def place(self, new: NewOrder) -> PaperOrder:
        if self.named(new.account, new.client_order_id) is not None:
            raise duplicate(self.category)
        return super().place(new)


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")
