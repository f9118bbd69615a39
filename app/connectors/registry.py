"""Which connectors there are: a name and the dotted path of its class. Builds connectors, so that no other code needs the classes.

Importing a module blocks the event loop, so ``load_connectors`` imports all of them in a thread when the gateway starts. They
import no SDK, which costs half a second and fifty megabytes: an exchange that is not used costs neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from urllib.parse import urlsplit

from app.connectors.base import Connector, ConnectorContext
from app.connectors.capabilities import CredentialField
from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.family import family_class
from app.connectors.known import KNOWN_FIELDS
from app.connectors.redaction import Redactor, guarded, secrets_of
from app.connectors.unserved import UNSERVED
from app.domain.enums import Environment
from app.domain.errors import UnknownConnector, UnsupportedConnector
from app.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")

CONNECTORS: Mapping[str, str] = MappingProxyType(
    {
        "binance": "app.connectors.binance.spot:BinanceConnector",
        "binance_perpetual": "app.connectors.binance.perpetual:BinancePerpetualConnector",
        "binance_perpetual_testnet": "app.connectors.binance.perpetual:BinancePerpetualTestnetConnector",
        "paper": "app.connectors.paper.spot:PaperConnector",
        "paper_perpetual": "app.connectors.paper.perpetual:PaperPerpetualConnector",
    }
)


def served_names() -> list[str]:
    """The names of all connectors that can be used."""
    return sorted({*CONNECTORS, *ROWS})


async def load_connectors() -> None:
    """Import the module of every connector, in a thread."""
    await asyncio.to_thread(lambda: [connector_class(name) for name in served_names()])


def connector_class(name: str) -> type[Connector]:
    """The class of the connector ``name``. Raises ``UnknownConnector``, or ``UnsupportedConnector`` for a known exchange."""
    try:
        path = CONNECTORS[name]
    except KeyError:
        if name in ROWS:
            return family_class(name)
        if name in KNOWN_FIELDS:
            raise UnsupportedConnector(name, served_names(), UNSERVED[name]) from None
        raise UnknownConnector(name, served_names()) from None
    module, _, class_name = path.partition(":")
    found: type[Connector] = getattr(import_module(module), class_name)
    return found


def build_connector(name: str, context: ConnectorContext) -> Connector:
    """A connector that answers and raises nothing with a secret of ``context`` in it. Raises what its constructor raises."""
    kind = connector_class(name)
    redactor = Redactor(secrets_of(kind.credential_fields, context.credentials))
    with redactor.guarding():
        return guarded(kind(context), redactor)


def credential_fields(name: str) -> Mapping[str, CredentialField]:
    """The fields of the credentials of ``name``, also where it can't trade yet. Raises ``UnknownConnector``."""
    if name not in CONNECTORS and name not in ROWS and name in KNOWN_FIELDS:
        return KNOWN_FIELDS[name]
    return connector_class(name).credential_fields


def check_addresses(settings: Settings) -> None:
    """Raise ``ValueError`` naming the addresses that no connector reads: after a typo the real one would be in use."""
    read = {f"ORDERGATE_{name.upper()}{end}" for name in served_names() for end in _address_ends(name)}
    unread = sorted(set(settings.connector_urls) - read)
    if not unread:
        return
    found = [name for name in served_names() if any(each.startswith(f"ORDERGATE_{name.upper()}_") for each in unread)]
    if not found:
        raise ValueError(f"{', '.join(unread)}: no connector has that name. GET /connectors/ lists them.")
    meant = [f"ORDERGATE_{name.upper()}{end}" for name in found for end in _address_ends(name)]
    instead = f"; there are {', '.join(meant)}" if meant else ""
    raise ValueError(f"{', '.join(unread)}: no connector reads such an address{instead}.")


def _address_ends(name: str) -> tuple[str, ...]:
    """How the variables end that hold the addresses of ``name``, that of its calls first."""
    if name in ROWS:
        return ("_URL", "_STREAM_URL")
    if CONNECTORS.get(name, "").startswith("app.connectors.binance."):
        return ("_REST_URL", "_STREAM_URL", "_WS_API_URL")
    return ()


def environments(settings: Settings) -> Mapping[str, Environment]:
    """What each connector trades with. What is not known to be play money is live."""
    return MappingProxyType({name: _environment(name, settings) for name in served_names()})


def _environment(name: str, settings: Settings) -> Environment:
    if CONNECTORS.get(name, "").startswith("app.connectors.paper."):
        return Environment.PAPER
    calls = next((f"ORDERGATE_{name.upper()}{end}" for end in _address_ends(name)), "")
    url = urlsplit(settings.connector_urls.get(calls, ""))
    # A local exchange speaks plain HTTP on loopback (docs/build/sandbox.md); anything else may lead to a real one.
    if url.scheme == "http" and url.hostname in _LOOPBACK:
        return Environment.SANDBOX
    is_test = ROWS[name].is_test_domain if name in ROWS else name.endswith("_testnet")
    return Environment.TESTNET if is_test and not url.hostname else Environment.LIVE
