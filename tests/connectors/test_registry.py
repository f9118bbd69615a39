"""Where modules are imported: connectors when the gateway starts, SDKs on first use, and neither on the event loop."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app.connectors import registry
from app.connectors.base import ConnectorContext
from app.connectors.registry import CONNECTORS, build_connector
from app.domain.enums import Environment
from app.domain.errors import UnknownConnector, UnsupportedConnector
from app.settings import Settings
from tests.clock import FakeClock

#: Runs ``main`` in a fresh interpreter and prints which of the watched modules were imported in the event loop's thread, and which
#: in others.
_WATCH = """
import asyncio, json, sys, threading

class Watcher:
    on_the_loop, elsewhere = [], []

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in WATCHED or name in WATCHED:
            is_main = threading.current_thread() is threading.main_thread()
            (self.on_the_loop if is_main else self.elsewhere).append(name)
        return None

sys.meta_path.insert(0, Watcher())
asyncio.run(main())
print(json.dumps([Watcher.on_the_loop, Watcher.elsewhere]))
"""


def watched(names: set[str], main: str) -> tuple[set[str], list[str]]:
    """What ``main`` imports of ``names`` on the event loop, and in other threads, each as often as it was looked for."""
    code = f"WATCHED = {names!r}\n{main}\n{_WATCH}"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    on_the_loop, elsewhere = json.loads(shown.stdout.strip().splitlines()[-1])
    return set(on_the_loop), elsewhere


def test_connectors_are_imported_in_a_thread() -> None:
    """All of them, once; afterwards a class is found without an import, and no SDK has been touched."""
    modules = {path.partition(":")[0] for path in CONNECTORS.values()}
    main = """
from app.connectors import registry

async def main():
    await registry.load_connectors()
    for name in registry.CONNECTORS:
        assert registry.connector_class(name).name == name
        assert registry.credential_fields(name) is registry.connector_class(name).credential_fields
"""
    on_the_loop, elsewhere = watched(modules | {"binance", "aiohttp", "websockets", "Crypto"}, main)
    assert on_the_loop == set()
    assert sorted(elsewhere) == sorted(modules)


def test_a_gateway_that_starts_imports_its_connectors_in_a_thread() -> None:
    """So no request pays for the import of a connector on the event loop."""
    modules = {path.partition(":")[0] for path in CONNECTORS.values()}
    main = """
from pathlib import Path
from tempfile import TemporaryDirectory
from app.bootstrap import build_gateway
from app.settings import Settings

async def main():
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/gateway.db"
        gateway = build_gateway(Settings(database_url=url, data_dir=Path(directory), secret_key="a secret for tests only"))
        await gateway.start()
        await gateway.stop()
"""
    on_the_loop, elsewhere = watched(modules, main)
    assert on_the_loop == set()
    assert sorted(elsewhere) == sorted(modules)


_USE_BINANCE = """
from app.clock import SystemClock
from app.connectors import registry
from app.connectors.base import ConnectorContext
from app.connectors.capabilities import MarketTopic
from app.settings import Settings

async def use(name, **addresses):
    urls = {f"ORDERGATE_{name.upper()}_{kind}": url for kind, url in addresses.items()}
    settings, clock = Settings(database_url="sqlite://", connector_urls=urls), SystemClock()
    kind = registry.connector_class(name)
    venue = await kind.open_venue(settings, clock)
    credentials = {f"{name}_api_key": "key", f"{name}_api_secret": "secret"}
    context = ConnectorContext(account_name="a", credentials=credentials, clock=clock, venue=venue)
    connector = registry.build_connector(name, context)
    for attempt in (connector.fetch_balances, connector.load_trading_rules, lambda: connector.fetch_ticker("BTC-USDT")):
        try:
            await attempt()
        except Exception as error:
            assert "could not be reached" in str(error), error
    await connector.close()
    await kind.close_venue(venue)

async def main():
    await registry.load_connectors()
    down = "http://127.0.0.1:1"
    await asyncio.gather(use("binance", REST_URL=down + "/api"), use("binance_perpetual", REST_URL=down + "/fapi"))
"""


def test_an_sdk_is_imported_in_a_thread_on_first_use() -> None:
    """python-binance, aiohttp and websockets take half a second, in which the loop goes on. Two venues import them once."""
    on_the_loop, elsewhere = watched({"binance", "aiohttp", "websockets", "Crypto"}, "import asyncio\n" + _USE_BINANCE)
    assert on_the_loop == set()
    assert {name.partition(".")[0] for name in elsewhere} == {"binance", "aiohttp", "websockets", "Crypto"}
    assert elsewhere.count("binance.async_client") == 1


@pytest.mark.parametrize(
    ("name", "error"),
    [("dexalot", UnsupportedConnector), ("nothing", UnknownConnector)],
)
def test_a_connector_that_there_is_not(name: str, error: type[Exception], clock: FakeClock) -> None:
    """A known exchange that can't trade yet is told from a misspelt name."""
    context = ConnectorContext(account_name="a", credentials={}, clock=clock)
    with pytest.raises(error):
        build_connector(name, context)


def test_the_address_of_a_name_that_there_is_not_is_an_error() -> None:
    """It is named; those of all connectors are taken."""
    good = {"ORDERGATE_BYBIT_URL": "", "ORDERGATE_BINANCE_REST_URL": "", "ORDERGATE_OKX_PERPETUAL_STREAM_URL": ""}
    registry.check_addresses(Settings(database_url="sqlite://", connector_urls=good))
    with pytest.raises(ValueError, match=r"^ORDERGATE_BYBITT_URL: no connector has that name"):
        registry.check_addresses(
            Settings(database_url="sqlite://", connector_urls={**good, "ORDERGATE_BYBITT_URL": ""})
        )


def test_an_address_that_is_not_read_is_an_error() -> None:
    """Whoever sets it believes that orders go there; the one that counts is named."""
    unread = Settings(database_url="sqlite://", connector_urls={"ORDERGATE_BINANCE_URL": "http://127.0.0.1:9"})
    with pytest.raises(ValueError, match=r"ORDERGATE_BINANCE_URL: no connector reads .* ORDERGATE_BINANCE_REST_URL"):
        registry.check_addresses(unread)
    with pytest.raises(ValueError, match="no connector reads"):
        registry.check_addresses(Settings(database_url="sqlite://", connector_urls={"ORDERGATE_BYBIT_REST_URL": ""}))


@pytest.mark.parametrize(
    ("name", "variable", "url", "expected"),
    [
        ("bybit_testnet", "ORDERGATE_BYBIT_TESTNET_URL", "", Environment.TESTNET),
        ("bybit_testnet", "ORDERGATE_BYBIT_TESTNET_URL", "https://api.bybit.com", Environment.LIVE),
        ("bybit", "ORDERGATE_BYBIT_URL", "http://127.0.0.1:9731", Environment.SANDBOX),
        ("binance", "ORDERGATE_BINANCE_REST_URL", "http://127.0.0.1:9731/api", Environment.SANDBOX),
        (
            "binance_perpetual_testnet",
            "ORDERGATE_BINANCE_PERPETUAL_TESTNET_REST_URL",
            "https://x.example",
            Environment.LIVE,
        ),
    ],
)
def test_what_a_moved_address_makes_of_a_name(name: str, variable: str, url: str, expected: Environment) -> None:
    """A test network that was sent elsewhere may be the real exchange, whose money no paper key may reach."""
    settings = Settings(database_url="sqlite://", connector_urls={variable: url})
    assert registry.environments(settings)[name] is expected
