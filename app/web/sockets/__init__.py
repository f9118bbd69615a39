"""The WebSockets of the gateway: orders' events, market data, and a frame for subscriptions."""

from __future__ import annotations

from app.services.gateway import Gateway
from app.web.router import SocketRoute
from app.web.sockets.market_data import executor_socket, market_socket
from app.web.sockets.orders import order_socket


def sockets(gateway: Gateway) -> list[SocketRoute]:
    """The routes of all of them."""
    return [order_socket(gateway), market_socket(gateway), executor_socket(gateway)]
