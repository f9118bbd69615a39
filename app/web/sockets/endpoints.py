"""The WebSockets of the gateway, in one list."""

from __future__ import annotations

from app.services.gateway import Gateway
from app.web.sockets.market_data import executor_socket, market_socket
from app.web.sockets.orders import order_socket
from app.web.sockets.router import StreamRoute


def sockets(gateway: Gateway) -> list[StreamRoute]:
    """Every socket route."""
    return [order_socket(gateway), market_socket(gateway), executor_socket(gateway)]
