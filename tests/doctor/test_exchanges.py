"""What the doctor says of exchanges and keys, asked of a stand-in for Binance and of the local Binance."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.doctor.exchanges import exchanges
from app.doctor.finding import Finding
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.vault import Vault
from tests.connectors.stub import Reply, Request, StubExchange, error, reply
from tests.sandbox.binance.client import API_KEY, SECRET
from tests.sandbox.conftest import path, serving_live  # noqa: F401 - a fixture
from tests.services.binance_stub import ACCOUNT, CREDENTIALS, REFUSED, running_stub, urls

VAULT = Vault("the key of these tests")
TEST_ORDER = ("POST", "/api/v3/order/test")


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    """The stand-in, which takes the test's keys for orders."""
    async with running_stub() as stub:
        stub.script(*TEST_ORDER, reply({}))
        yield stub


class Desk:
    """A database with accounts, and the doctor's look at their exchanges."""

    def __init__(self, directory: Path, urls: dict[str, str]) -> None:
        self.settings = Settings(
            database_url=f"sqlite:///{directory / 'ordergate.db'}", data_dir=directory, connector_urls=urls,
            exchange_timeout=timedelta(seconds=5),
        )  # fmt: skip
        self.database = Database(self.settings.database_url)
        self.accounts = Accounts(self.database, SystemClock())

    def add(self, account: str, connector: str, credentials: dict[str, str], vault: Vault = VAULT) -> None:
        self.accounts.add_account(account)
        self.accounts.put_credential(account, connector, vault.seal(account, connector, credentials))

    async def look(self) -> dict[str, Finding]:
        found = exchanges(self.settings, SystemClock(), self.accounts, VAULT)
        return {each.check: each async for each in found}


@pytest.fixture
def desk(tmp_path: Path, sqlite_template: Path, stub: StubExchange) -> Desk:
    shutil.copy(sqlite_template, tmp_path / "ordergate.db")
    desk = Desk(tmp_path, dict(urls(stub)))
    desk.add("master_account", "paper", {})
    return desk


KEYS = "Keys of main for binance"


async def test_without_keys_there_is_nothing_to_ask(desk: Desk) -> None:
    """The paper exchange is no exchange to reach."""
    assert [(each.check, each.level) for each in (await desk.look()).values()] == [("Exchanges", "ok")]


async def test_exchanges_of_every_family_have_their_lines(desk: Desk) -> None:
    """One that is not asked for its time, and can't be reached, is not passed over: its keys may lead to real money."""
    desk.settings = replace(desk.settings, connector_urls={"ORDERGATE_KRAKEN_URL": "http://127.0.0.1:9"})
    desk.add("main", "kraken", {"kraken_api_key": "k", "kraken_secret_key": "c2VjcmV0"})
    found = await desk.look()
    assert {name: each.level for name, each in found.items()} == {
        "Clock of kraken": "ok", "Keys of main for kraken": "warning", "Limits of kraken": "ok",
    }  # fmt: skip
    assert found["Clock of kraken"].text.startswith("not compared")


async def test_all_is_well(desk: Desk, stub: StubExchange) -> None:
    """Clock, keys and limits of an exchange have a line each. Nothing but a test order is posted."""
    desk.add("main", "binance", CREDENTIALS)
    found = await desk.look()
    assert {name: each.level for name, each in found.items()} == {
        "Clock of binance": "ok", KEYS: "ok", "Limits of binance": "ok",
    }  # fmt: skip
    assert found[KEYS].text == "the exchange takes them, and they may trade"
    assert [each.path for each in stub.requests if each.method == "POST"] == [TEST_ORDER[1]]


async def test_refused_keys_are_a_failure(desk: Desk, stub: StubExchange) -> None:
    """In the exchange's words, without the key that they repeat; another account's are looked at all the same."""
    desk.add("main", "binance", CREDENTIALS)
    desk.add("other", "binance", CREDENTIALS, Vault("another key of these tests"))
    stub.script(*ACCOUNT, REFUSED)
    found = await desk.look()
    assert (found[KEYS].level, "add-credential/main/binance" in found[KEYS].advice) == ("failure", True)
    assert "Invalid API-key" in found[KEYS].text
    assert CREDENTIALS["binance_api_key"] not in found[KEYS].line()
    sealed = found["Keys of other for binance"]
    assert (sealed.level, "can't be opened with this key" in sealed.text) == ("failure", True)


async def test_keys_that_may_not_trade_are_a_failure(desk: Desk, stub: StubExchange) -> None:
    """The exchange answers questions with them, and refuses orders."""
    desk.add("main", "binance", CREDENTIALS)
    stub.script(*TEST_ORDER, REFUSED)
    found = (await desk.look())[KEYS]
    assert (found.level, "not for orders" in found.text) == ("failure", True)
    assert "permission to trade" in found.advice


async def test_a_test_order_that_fails_otherwise_proves_nothing(desk: Desk, stub: StubExchange) -> None:
    """It is told as what it is."""
    desk.add("main", "binance", CREDENTIALS)
    stub.script(*TEST_ORDER, error(400, -1013, "Filter failure: NOTIONAL"))
    found = (await desk.look())[KEYS]
    assert (found.level, "could not be tried" in found.text) == ("warning", True)


@pytest.mark.parametrize(
    ("seconds", "level", "word"), [(-5, "warning", "behind"), (5, "warning", "ahead of"), (0, "ok", "")]
)
async def test_clocks_are_compared(desk: Desk, stub: StubExchange, seconds: int, level: str, word: str) -> None:
    """A second apart is too much."""

    def time(_: Request) -> Reply:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        return reply({"serverTime": int(at.timestamp() * 1000)})

    stub.script("GET", "/api/v3/time", time)
    desk.add("main", "binance", CREDENTIALS)
    found = (await desk.look())["Clock of binance"]
    assert (found.level, word in found.text) == (level, True)


async def test_an_exchange_that_is_away_is_a_failure(desk: Desk) -> None:
    """Nothing is concluded about the keys."""
    desk.settings = Settings(
        database_url=desk.settings.database_url, data_dir=desk.settings.data_dir,
        connector_urls={"ORDERGATE_BINANCE_REST_URL": "http://127.0.0.1:1/api"},
    )  # fmt: skip
    desk.add("main", "binance", CREDENTIALS)
    found = await desk.look()
    assert (found["Clock of binance"].level, found[KEYS].level) == ("failure", "warning")


async def test_little_room_is_told(desk: Desk, stub: StubExchange) -> None:
    """What the address has used is the exchange's own count."""
    used = reply({}, x_mbx_used_weight_1m="5000")
    stub.script(*TEST_ORDER, used)
    desk.add("main", "binance", CREDENTIALS)
    found = (await desk.look())["Limits of binance"]
    assert (found.level, "are left" in found.text) == ("warning", True)


async def test_both_markets_of_a_local_binance_are_well(tmp_path: Path, sqlite_template: Path, path: object) -> None:  # noqa: F811
    """The test order that is asked about keeps the rules of either market."""
    shutil.copy(sqlite_template, tmp_path / "ordergate.db")
    async with serving_live(path, tmp_path, has_futures=True) as sandbox:  # type: ignore[arg-type]
        desk = Desk(
            tmp_path,
            {
                "ORDERGATE_BINANCE_REST_URL": sandbox.rest_url,
                "ORDERGATE_BINANCE_PERPETUAL_REST_URL": sandbox.futures_rest_url,
            },
        )
        desk.add("main", "binance", {"binance_api_key": API_KEY, "binance_api_secret": SECRET})
        perpetual = {"binance_perpetual_api_key": API_KEY, "binance_perpetual_api_secret": SECRET}
        desk.add("main", "binance_perpetual", perpetual)
        found = await desk.look()
    assert len(found) == 6
    assert {each.level for each in found.values()} == {"ok"}, [each.line() for each in found.values()]
