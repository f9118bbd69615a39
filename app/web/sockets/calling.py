"""The gateway for the caller of a WebSocket."""

from __future__ import annotations

from app.services.acting import ActingGateway
from app.services.gateway import Gateway
from app.web.messages import CALLING


def acting_gateway(gateway: Gateway) -> ActingGateway:
    """``gateway`` for whoever has opened the socket, which is served to known callers only."""
    acting = CALLING.get()
    assert acting is not None, "a socket without a caller"
    return gateway.acting_as(acting)
