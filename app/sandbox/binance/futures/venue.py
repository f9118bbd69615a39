"""The futures exchange as the sandbox uses it, and the names that its orders bear on the wire."""

from __future__ import annotations

from app.clock import Clock
from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.orders import LIQUIDATION, PerpetualFill, PerpetualOrder
from app.sandbox.venue import Venue

#: Why a fill-or-kill order expired. Binance refuses such an order and keeps no record of it.
_KILLED = "fill_or_kill"

#: Binance's name for an order by which it closes a position itself.
_AUTOCLOSE = "autoclose-"
_LIQUIDATION = f"{LIQUIDATION}-"


class FuturesVenue(Venue):
    """One futures exchange, its clock and its symbols."""

    exchange: PaperPerpetualExchange

    def __init__(self, exchange: PaperPerpetualExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)


def perpetual_order(order: PaperOrder) -> PerpetualOrder:
    """``order``, which a futures exchange gave, as what it is."""
    assert isinstance(order, PerpetualOrder)
    return order


def perpetual_fill(fill: PaperFill) -> PerpetualFill:
    """The same of a fill."""
    assert isinstance(fill, PerpetualFill)
    return fill


def is_killed(order: PaperOrder) -> bool:
    """Whether this is a fill-or-kill order that got nothing: for the wire it never was."""
    return order.reason == _KILLED


def recorded(record: OrderRecord | None) -> PerpetualOrder | None:
    """The order of ``record``, None where the wire has none."""
    return None if record is None or is_killed(record.order) else perpetual_order(record.order)


def is_liquidation(order: PerpetualOrder) -> bool:
    """Whether the exchange placed this order itself, to close a position; told by the name, which events carry too."""
    return order.client_order_id == f"{_LIQUIDATION}{order.exchange_order_id}"


def wire_name(order: PerpetualOrder) -> str:
    """The order's client id as the wire shows it."""
    name = order.client_order_id
    return _AUTOCLOSE + name.removeprefix(_LIQUIDATION) if is_liquidation(order) else name


def paper_name(name: str | None) -> str | None:
    """The exchange's own client id behind the wire's."""
    if name is None or not name.startswith(_AUTOCLOSE):
        return name
    return _LIQUIDATION + name.removeprefix(_AUTOCLOSE)
