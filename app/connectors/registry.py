"""Which connectors there are: a name and the dotted path of its class, imported on first use.

An exchange's SDK costs half a second and fifty megabytes to import, so nobody pays for an exchange that is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from app.connectors.base import Connector
from app.domain.errors import UnknownConnector

CONNECTORS: Mapping[str, str] = MappingProxyType(
    {
        "paper": "app.connectors.paper:PaperConnector",
    }
)


def connector_class(name: str) -> type[Connector]:
    """The class of the connector ``name``. Raises ``UnknownConnector``."""
    try:
        path = CONNECTORS[name]
    except KeyError:
        raise UnknownConnector(f"Connector '{name}' not found") from None
    module, _, class_name = path.partition(":")
    found = getattr(import_module(module), class_name)
    assert issubclass(found, Connector)
    return found
