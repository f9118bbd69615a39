"""How bytes become requests and messages: uvicorn's own protocols, with bounds on what anybody can make the server hold."""

from __future__ import annotations

from functools import partial
from typing import Any

from app.settings import Settings
from app.web.server.connections import Connections
from app.web.server.limits import Limits, backlog, limits_of
from app.web.server.protocol import BoundedProtocol
from app.web.server.websocket import MAX_MESSAGE, BoundedSocket


def server_options(limits: Limits, trusted_proxies: str = "") -> dict[str, Any]:
    """What every server of ours is configured with, whoever starts it: arguments of ``uvicorn.Config``. What a header says of a
    caller's address counts only if it comes from one of ``trusted_proxies``.
    """
    return {
        "loop": "uvloop",
        "http": partial(BoundedProtocol, connections=Connections(limits)),
        "ws": BoundedSocket,
        "ws_max_size": MAX_MESSAGE,
        "lifespan": "on",
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": trusted_proxies,
        "backlog": backlog(limits),
    }


def options_of(settings: Settings) -> dict[str, Any]:
    """The same by the settings."""
    return server_options(limits_of(settings), settings.trusted_proxies)
