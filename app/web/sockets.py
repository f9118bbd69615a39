"""The WebSockets of the gateway, in one list."""

from __future__ import annotations

from app.services.gateway import Gateway
from app.web.order_socket import order_socket
from app.web.streams import StreamRoute


def sockets(gateway: Gateway) -> list[StreamRoute]:
    """Every socket route."""
    return [order_socket(gateway)]
