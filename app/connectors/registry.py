"""Which connectors there are: a name and the dotted path of its class, imported on first use.

An exchange's SDK costs half a second and fifty megabytes to import, so nobody pays for an exchange that is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from app.connectors.base import Connector, CredentialField
from app.connectors.known import KNOWN_FIELDS
from app.domain.errors import UnknownConnector, UnsupportedConnector

CONNECTORS: Mapping[str, str] = MappingProxyType(
    {
        "binance": "app.connectors.binance.spot:BinanceConnector",
        "binance_perpetual": "app.connectors.binance.perpetual:BinancePerpetualConnector",
        "binance_perpetual_testnet": "app.connectors.binance.perpetual:BinancePerpetualTestnetConnector",
        "paper": "app.connectors.paper.spot:PaperConnector",
        "paper_perpetual": "app.connectors.paper.perpetual:PaperPerpetualConnector",
    }
)


def connector_class(name: str) -> type[Connector]:
    """The class of the connector ``name``. Raises ``UnknownConnector``, or ``UnsupportedConnector`` for a known exchange."""
    try:
        path = CONNECTORS[name]
    except KeyError:
        if name in KNOWN_FIELDS:
            raise UnsupportedConnector(name) from None
        raise UnknownConnector(f"Connector '{name}' not found") from None
    module, _, class_name = path.partition(":")
    found: type[Connector] = getattr(import_module(module), class_name)
    return found


def credential_fields(name: str) -> Mapping[str, CredentialField]:
    """The fields of the credentials of ``name``, also where it can't trade yet. Raises ``UnknownConnector``."""
    if name not in CONNECTORS and name in KNOWN_FIELDS:
        return KNOWN_FIELDS[name]
    return connector_class(name).credential_fields
