"""An exchange as Binance's markets use it: with symbols, and orders found by the ids on the wire."""

from __future__ import annotations

import secrets

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.orders import OrderRecord
from app.paper.pairs import Pair
from app.sandbox.binance.failures import missing_both
from app.sandbox.binance.symbols import Symbols
from app.sandbox.venue import Venue

#: As many bytes as make the length of Binance's own ids.
_ID_BYTES = 11


class BinanceVenue(Venue):
    """One exchange, its clock, its thread and its symbols."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)
        self.symbols = Symbols(exchange.pairs, clock)

    def pair(self, symbol: str) -> Pair:
        """The pair of ``symbol``. Raises ``ApiError`` for an invalid one."""
        return self.symbols.pair(symbol)

    def find_order(
        self,
        account: str,
        trading_pair: str,
        order_id: int | None,
        client_order_id: str | None,
        names: tuple[str, str] = ("origClientOrderId", "orderId"),
    ) -> OrderRecord | None:
        """The account's order of these ids; ``names`` are the ids' parameters. Used on the exchange's thread.

        Raises ``ApiError`` if there is no id.
        """
        if order_id is None and client_order_id is None:
            raise missing_both(*names)
        return self.exchange.order(
            account,
            client_order_id=client_order_id,
            exchange_order_id=None if order_id is None else self.symbols.paper_id(trading_pair, order_id),
            trading_pair=trading_pair,
        )


def new_id() -> str:
    """An id where the client gave none: 22 letters and digits."""
    return secrets.token_hex(_ID_BYTES)
