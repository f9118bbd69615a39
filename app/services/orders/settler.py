"""What the order path needs of settling, which ``reconciling`` implements."""

from __future__ import annotations

from typing import Protocol

from app.connectors.base import Connector
from app.domain.order import Order, OrderKey


class Settler(Protocol):
    """Asks an exchange what became of an order whose outcome or fills are not known. ``reconciling`` implements it."""

    def wake(self, key: OrderKey) -> None:
        """Ask in the background until the order is settled."""

    def follow(self, order: Order, connector: Connector) -> None:
        """Find out soon how an order stands that the exchange has taken, and with which fills."""

    async def ask_now(self, key: OrderKey) -> Order:
        """Ask once and return the order as the answer leaves it. Raises what the exchange raises."""

    async def look_again(self, order: Order) -> Order:
        """Ask once more about an order that is taken not to be there; return and raise as ``ask_now`` does."""
