"""The spot exchange as its market uses it."""

from __future__ import annotations

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.sandbox.binance.venue import BinanceVenue, new_id


class SpotVenue(BinanceVenue):
    """One spot exchange. It adds the ids of cancels, which the exchange does not have."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)
        self._cancel_ids: dict[int, str] = {}

    def set_cancel_id(self, exchange_order_id: int, cancel_id: str) -> None:
        self._cancel_ids[exchange_order_id] = cancel_id

    def cancel_id(self, exchange_order_id: int) -> str:
        """The id of the order's cancel; a new one if it is not known."""
        return self._cancel_ids.setdefault(exchange_order_id, new_id())
