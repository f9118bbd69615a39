"""The TLS context of all connections to exchanges. To make one reads a hundred certificates: the first use belongs in a thread."""

from __future__ import annotations

import ssl
from functools import cache

from app.outbound import Outbound


@cache
def tls_context(outbound: Outbound) -> ssl.SSLContext:
    """Hosts and certificates are checked, against the system's authorities and those that ``outbound`` names.

    Raises ``OSError`` where a bundle can't be read any more.
    """
    context = ssl.create_default_context()
    for path in outbound.ca_paths:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    return context
