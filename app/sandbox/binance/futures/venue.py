"""The futures exchange as its market uses it, and its orders' client ids on the wire."""

from __future__ import annotations

from contextlib import suppress

from app.clock import Clock
from app.paper.orders import PaperFill, PaperOrder
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.orders import LIQUIDATION, PerpetualFill, PerpetualOrder
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.venue import BinanceVenue

#: The reason of a fill-or-kill order that expired. Binance refuses such an order and does not record it.
_KILLED = "fill_or_kill"

#: The prefix of the client ids of Binance's own orders, which liquidate a position.
_AUTOCLOSE = "autoclose-"
_LIQUIDATION = f"{LIQUIDATION}-"


class FuturesVenue(BinanceVenue):
    """One futures exchange."""

    exchange: PaperPerpetualExchange

    def __init__(self, exchange: PaperPerpetualExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)

    def cancel_all(self, account: str, trading_pair: str) -> None:
        """Cancel all open orders of the account on the pair. Used on the exchange's thread."""
        for record in self.exchange.open_orders(account, trading_pair):
            with suppress(PaperRefusal):  # it was filled since they were listed
                self.exchange.cancel(account, exchange_order_id=record.order.exchange_order_id)


def perpetual_order(order: PaperOrder) -> PerpetualOrder:
    """``order`` of a perpetual exchange, as its own type."""
    assert isinstance(order, PerpetualOrder)
    return order


def perpetual_fill(fill: PaperFill) -> PerpetualFill:
    """``fill`` of a perpetual exchange, as its own type."""
    assert isinstance(fill, PerpetualFill)
    return fill


def is_killed(order: PaperOrder) -> bool:
    """Whether this is a fill-or-kill order that was not filled, which Binance does not record."""
    return order.reason == _KILLED


def is_liquidation(order: PaperOrder) -> bool:
    """Whether the exchange placed this order to liquidate a position, by its client id, which events have too."""
    return order.client_order_id == f"{_LIQUIDATION}{order.exchange_order_id}"


def wire_client_id(order: PaperOrder) -> str:
    """The order's client id on the wire."""
    client_id = order.client_order_id
    return _AUTOCLOSE + client_id.removeprefix(_LIQUIDATION) if is_liquidation(order) else client_id


def paper_client_id(client_id: str | None) -> str | None:
    """The paper exchange's client id of one on the wire."""
    if client_id is None or not client_id.startswith(_AUTOCLOSE):
        return client_id
    return _LIQUIDATION + client_id.removeprefix(_AUTOCLOSE)
