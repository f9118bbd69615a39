"""The gateway without an exchange: ``ordergate serve``, but placing an order does nothing.

The server, the contract, authentication, validation, the handler and its answer are the real ones; only the service behind the
handler is replaced by one that makes the order in memory as accepted. It is compared with the peers' ``/null``.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any, cast

from msgspec.structs import replace

from app import cli
from app.bootstrap import build_gateway
from app.clock import Clock
from app.domain.enums import OrderState
from app.domain.ids import new_order_id
from app.domain.order import OrderRequest
from app.services.gateway import Gateway
from app.services.orders.placed import Placed
from app.services.orders.placing import Orders
from app.services.orders.preparing import intended
from app.settings import Settings


class NullOrders:
    """Accepts every order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def place(self, request: OrderRequest) -> Placed:
        """The order, neither written nor sent."""
        now = self._clock.now()
        order_id = new_order_id(now, secrets.randbits, "000000")
        order = intended(request, order_id=order_id, at=now, terms=request.terms())
        return Placed(order=replace(order, state=OrderState.OPEN))


def _build(settings: Settings, **options: Any) -> Gateway:
    gateway = build_gateway(settings, **options)
    gateway.orders = cast(Orders, NullOrders(gateway.clock))
    return gateway


if __name__ == "__main__":
    # The command looks its gateway up here when it starts.
    vars(cli)["build_gateway"] = _build
    sys.argv = ["ordergate", "serve"]
    cli.main()
