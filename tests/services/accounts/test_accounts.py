"""Accounts and credentials: tried before they are stored, never shown, and not deleted from under live orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyotp
import pytest
import structlog

from app.connectors.base import Connector
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import OrderType, Role, TradeType
from app.domain.errors import (
    ActiveOrders,
    ChangeConflict,
    ConnectorNotConfigured,
    ExchangeDown,
    ExchangeReadFailed,
    ExchangeReadTimeout,
    InvalidArgument,
    InvalidCredentials,
    OrdergateError,
    UnknownAccount,
    UnknownConnector,
    UnsupportedConnector,
)
from app.domain.order import AccountKey, OrderRequest
from app.services.accounts.accounts import MASTER_ACCOUNT, reseal
from app.services.accounts.totp import Totp
from app.services.gateway import Gateway
from app.storage.preferences import Preferences
from app.vault import Vault, VaultError
from tests.clock import FakeClock
from tests.connectors.stub import GARBLE, HANG, RESET, Answer, Reply, Request, StubExchange, error
from tests.gateways import SECRET_KEY, opened_gateway
from tests.services.binance_stub import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    CREDENTIALS,
    REFUSED,
    running_stub,
    urls,
)
from tests.services.odd_connector import register


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    """A stand-in for Binance."""
    async with running_stub() as stub:
        yield stub


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, stub: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the stand-in. What a test patches stays so until the gateway has stopped."""
    async with opened_gateway(
        tmp_path, sqlite_template, clock, connector_urls=urls(stub), exchange_timeout=timedelta(seconds=4)
    ) as gateway:
        yield gateway


def limit_order(account_name: str, price: str = "100") -> OrderRequest:
    """A buy order on the paper exchange that rests on the book."""
    return OrderRequest(
        account_name=account_name,
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=Decimal(1),
        price=Decimal(price),
    )


# -- accounts -----------------------------------------------------------------------------------------------------------


def test_an_account_is_added_once(gateway: Gateway) -> None:
    """A name can be taken once."""
    gateway.accounts.add_account("second")
    assert gateway.accounts.list_accounts() == [MASTER_ACCOUNT, "second"]
    with pytest.raises(InvalidArgument, match=r"^Account already exists\.$"):
        gateway.accounts.add_account("second")


@pytest.mark.parametrize("name", ["", "two words", "a/b", "ä", "a\n", "../x", "a.b"])
async def test_names_hold_letters_digits_underscores_and_hyphens(gateway: Gateway, name: str) -> None:
    """Every verb refuses any other name in the same words."""
    expected = f"Invalid account name: '{name}'. Only letters, numbers, underscores and hyphens are allowed."
    calls: list[Callable[[], object]] = [
        lambda: gateway.accounts.add_account(name),
        lambda: gateway.accounts.list_credentials(name),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert caught.value.detail == expected
    for verb in (
        gateway.accounts.delete_account(name, force=True),
        gateway.accounts.add_credential(AccountKey(name, "paper"), {}),
        gateway.accounts.delete_credential(AccountKey(name, "paper"), force=True),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await verb
        assert caught.value.detail == expected


async def test_deleting_accounts(gateway: Gateway) -> None:
    """The master account stays; an unknown one is said to be unknown; another goes with its credentials and its connector."""
    gateway.accounts.add_account("second")
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {})
    await gateway.sessions.connector(AccountKey("second", "paper"))

    await gateway.accounts.delete_account("second", force=False)

    with pytest.raises(UnknownAccount, match="Account 'second' not found"):
        await gateway.sessions.connector(AccountKey("second", "paper"))
    with pytest.raises(UnknownAccount, match="Account 'second' not found"):
        await gateway.accounts.delete_account("second", force=True)
    with pytest.raises(InvalidArgument, match="Cannot delete master account"):
        await gateway.accounts.delete_account(MASTER_ACCOUNT, force=True)


async def test_active_orders_keep_an_account_and_its_credentials(gateway: Gateway) -> None:
    """Without force nothing with active orders is deleted, and the refusal counts them; cancelled ones do not count."""
    gateway.accounts.add_account("second")
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {})
    first = await gateway.orders.place(limit_order("second"))
    await gateway.orders.place(limit_order("second", "101"))

    with pytest.raises(ActiveOrders, match=r"^Account 'second' has 2 active orders \(2 on paper\): cancel them first"):
        await gateway.accounts.delete_account("second", force=False)
    await gateway.orders.cancel(first.order.key)
    with pytest.raises(ActiveOrders, match=r"^Connector 'paper' of account 'second' has 1 active order \(1 on paper\)"):
        await gateway.accounts.delete_credential(AccountKey("second", "paper"), force=False)
    assert gateway.accounts.list_credentials("second") == ["paper"]

    await gateway.accounts.delete_credential(AccountKey("second", "paper"), force=True)
    assert gateway.accounts.list_credentials("second") == []
    with pytest.raises(ActiveOrders):
        await gateway.accounts.delete_account("second", force=False)
    await gateway.accounts.delete_account("second", force=True)


async def test_orders_left_behind_are_followed_again(gateway: Gateway) -> None:
    """Who deletes by force and comes back with the credentials finds the orders as they are."""
    gateway.accounts.add_account("second")
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {})
    placed = await gateway.orders.place(limit_order("second"))
    await gateway.accounts.delete_credential(AccountKey("second", "paper"), force=True)
    with pytest.raises(ConnectorNotConfigured):
        await gateway.orders.place(limit_order("second"))

    await gateway.accounts.add_credential(AccountKey("second", "paper"), {})

    assert str((await gateway.orders.cancel(placed.order.key)).state) == "canceled"


# -- credentials --------------------------------------------------------------------------------------------------------


async def test_credentials_are_tried_and_then_used(gateway: Gateway, stub: StubExchange) -> None:
    """The exchange is asked for the balances and the account with the new keys, and the next connector has them."""
    await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)

    assert {tried.headers["x-mbx-apikey"] for tried in stub.asked(*ACCOUNT)} == {API_KEY}
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["binance", "paper"]
    assert await api_key_in_use(gateway, stub) == API_KEY


async def test_refused_credentials_change_nothing(gateway: Gateway, stub: StubExchange) -> None:
    """The exchange's reason is told without the keys, and the earlier ones stay in use."""
    await gateway.accounts.add_credential(
        AccountKey(MASTER_ACCOUNT, "binance"), {**CREDENTIALS, "binance_api_key": "TheGoodOne"}
    )
    before = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))
    good = stub.scripted(*ACCOUNT)
    stub.script(*ACCOUNT, REFUSED)

    with pytest.raises(InvalidCredentials, match=r"Invalid API-key, IP, or permissions for action: \*\*\*\.") as caught:
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)

    assert caught.value.status == 400
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance")) is before
    stub.script(*ACCOUNT, good)
    assert await api_key_in_use(gateway, stub) == "TheGoodOne"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(HANG, ExchangeReadTimeout, id="silent"),
        pytest.param(RESET, ExchangeReadFailed, id="reset"),
        pytest.param(GARBLE, ExchangeReadFailed, id="garbled"),
        pytest.param(error(503, -1000, f"about {API_SECRET}"), OrdergateError, id="down"),
        pytest.param(error(400, -9999, f"about {API_SECRET}"), OrdergateError, id="unheard of"),
    ],
)
async def test_credentials_that_could_not_be_tried_are_not_stored(
    gateway: Gateway, stub: StubExchange, answer: Answer, kind: type[OrdergateError]
) -> None:
    """Without an answer within the time limit nothing is stored; no error holds the keys."""
    stub.script(*ACCOUNT, answer)

    with pytest.raises(kind) as caught:
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)

    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["paper"]
    for text in (caught.value.detail, str(caught.value), repr(caught.value)):
        assert API_KEY not in text
        assert API_SECRET not in text


async def test_an_exchange_that_is_not_there(gateway: Gateway, stub: StubExchange) -> None:
    """A refused connection is told as such and stores nothing."""
    stub.stop_listening()
    with pytest.raises((ExchangeDown, ExchangeReadFailed)):
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["paper"]


async def test_wrong_places_and_fields(gateway: Gateway, stub: StubExchange) -> None:
    """Unknown accounts and connectors, exchanges that are not supported, and missing fields never reach an exchange."""
    with pytest.raises(UnknownAccount, match="Account 'nobody' not found"):
        await gateway.accounts.add_credential(AccountKey("nobody", "binance"), CREDENTIALS)
    with pytest.raises(UnknownConnector, match="Connector 'binanse' not found"):
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binanse"), CREDENTIALS)
    with pytest.raises(UnsupportedConnector, match="'dexalot' is known, but"):
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "dexalot"), {})
    with pytest.raises(InvalidCredentials, match="missing field binance_api_secret"):
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), {"binance_api_key": API_KEY})
    assert stub.requests == []


async def test_new_credentials_replace_the_ones_in_use(gateway: Gateway, stub: StubExchange) -> None:
    """The connector in use is let go of, and closed only when what was under way on it has had its time."""
    await gateway.accounts.add_credential(
        AccountKey(MASTER_ACCOUNT, "binance"), {**CREDENTIALS, "binance_api_key": "TheOldOne"}
    )
    old = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))

    await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)

    assert await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance")) is not old
    assert await api_key_in_use(gateway, stub) == API_KEY
    await old.fetch_balances()
    assert stub.asked(*ACCOUNT)[-1].headers["x-mbx-apikey"] == "TheOldOne"


@pytest.mark.parametrize("meanwhile", ["added", "replaced", "deleted"])
async def test_credentials_that_others_changed_while_these_were_tried(
    gateway: Gateway, stub: StubExchange, meanwhile: str
) -> None:
    """An exchange may take seconds to answer: what was stored in that time, perhaps by another process, is not overwritten."""
    key = AccountKey(MASTER_ACCOUNT, "binance")
    theirs = {**CREDENTIALS, "binance_api_key": "TheirsAndNewer"}
    if meanwhile != "added":
        await gateway.accounts.add_credential(key, {**CREDENTIALS, "binance_api_key": "TheOldOne"})
    good = stub.scripted(*ACCOUNT)
    assert isinstance(good, Reply)

    def change(_: Request) -> Reply:
        accounts = gateway.journal.accounts
        stored = accounts.find_credential(*key)
        if meanwhile == "deleted":
            assert accounts.delete_credential(*key)
        else:
            sealed = Vault(SECRET_KEY).seal(*key, theirs)
            assert accounts.put_credential(*key, sealed, old=stored and stored.sealed)
        return good

    stub.script(*ACCOUNT, change, good)
    with pytest.raises(ChangeConflict, match="were changed while these were tried"):
        await gateway.accounts.add_credential(key, CREDENTIALS)

    stored = gateway.journal.accounts.find_credential(*key)
    assert (stored and Vault(SECRET_KEY).open(*key, stored.sealed)) == (None if meanwhile == "deleted" else theirs)
    await gateway.accounts.add_credential(key, CREDENTIALS)
    assert await api_key_in_use(gateway, stub) == API_KEY


async def test_deleting_credentials_twice(gateway: Gateway) -> None:
    """Deleting what is not there is no error, wherever it is not."""
    for _ in range(2):
        await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "paper"), force=False)
    await gateway.accounts.delete_credential(AccountKey("nobody", "dexalot"), force=False)
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == []
    with pytest.raises(InvalidArgument, match="Invalid connector name: 'a b'"):
        await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "a b"), force=False)


async def test_credentials_of_unknown_accounts(gateway: Gateway) -> None:
    """Listing the credentials of an account that is not there is an error."""
    with pytest.raises(UnknownAccount, match="Account 'nobody' not found"):
        gateway.accounts.list_credentials("nobody")


async def test_the_master_account_comes_back_without_its_deleted_credentials(gateway: Gateway) -> None:
    """What a user deleted from the master account stays deleted after a restart."""
    await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "paper"), force=False)
    gateway.accounts.ensure_master_account()
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == []


async def test_the_master_account_is_given_each_paper_exchange_once(gateway: Gateway) -> None:
    """A database from before there were perpetuals gets them; one whose perpetuals were deleted does not."""
    preferences = Preferences(gateway.journal.database)
    assert preferences.get(MASTER_ACCOUNT) == {"connectors": ["paper", "paper_perpetual"]}
    gateway.accounts.ensure_master_account()
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["paper"]
    assert preferences.replace(MASTER_ACCOUNT, preferences.get(MASTER_ACCOUNT), {})
    await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "paper"), force=False)
    gateway.accounts.ensure_master_account()
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["paper_perpetual"]


async def test_secrets_are_neither_logged_nor_shown_nor_readable(
    gateway: Gateway, stub: StubExchange, tmp_path: Path
) -> None:
    """Neither a log line, nor a repr, nor any file of the data directory holds a key that was added or refused."""
    with structlog.testing.capture_logs() as lines:
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)
        connector = await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))
        stub.script(*ACCOUNT, REFUSED)
        with pytest.raises(InvalidCredentials):
            await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)
    stored = gateway.journal.accounts.find_credential(MASTER_ACCOUNT, "binance")
    shown = [repr(each) for each in (lines, gateway, connector, connector.context, vars(connector), stored)]
    files = contents(tmp_path)

    assert lines
    for canary in (API_KEY, API_SECRET):
        assert canary not in "".join(shown)
        assert canary.encode() not in files


def contents(directory: Path) -> bytes:
    """All that the files under ``directory`` hold."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


# -- paper accounts -----------------------------------------------------------------------------------------------------


async def balances_of(connector: Connector) -> dict[str, str]:
    return {balance.asset: format(balance.total, "f") for balance in await connector.fetch_balances()}


async def test_every_paper_account_has_its_own_money(gateway: Gateway) -> None:
    """Accounts open with the money they were given, or with the default; what one does changes no other."""
    for name, given in (("rich", {"starting_balances": "USDT:5000000"}), ("coins", {"starting_balances": "BTC:1.50"})):
        gateway.accounts.add_account(name)
        await gateway.accounts.add_credential(AccountKey(name, "paper"), given)

    assert await balances_of(await gateway.sessions.connector(AccountKey("rich", "paper"))) == {"USDT": "5000000"}
    assert await balances_of(await gateway.sessions.connector(AccountKey("coins", "paper"))) == {"BTC": "1.5"}
    assert len(await balances_of(await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")))) == 10


async def test_money_of_an_open_paper_account_is_not_changed(gateway: Gateway) -> None:
    """Asking again for the same money is fine until it was used; other money is refused; none keeps what there is."""
    gateway.accounts.add_account("second")
    money = {"starting_balances": "USDT:1000,BTC:0"}
    for _ in range(2):
        await gateway.accounts.add_credential(AccountKey("second", "paper"), money)
    with pytest.raises(InvalidCredentials, match="The paper account 'second' is open already and holds other money"):
        await gateway.accounts.add_credential(AccountKey("second", "paper"), {"starting_balances": "USDT:2000"})
    await gateway.accounts.delete_credential(AccountKey("second", "paper"), force=False)
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {})

    assert await balances_of(await gateway.sessions.connector(AccountKey("second", "paper"))) == {"USDT": "1000"}


async def test_wrong_starting_balances_are_explained(gateway: Gateway) -> None:
    """Text that is no list of balances is refused with the form it should have."""
    with pytest.raises(InvalidCredentials, match="starting_balances: 'much' is not of the form ASSET:AMOUNT"):
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "paper"), {"starting_balances": "much"})


# -- several processes, and keys ----------------------------------------------------------------------------------------


async def test_another_process_notices_replaced_and_deleted_credentials(
    database_url: str, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> None:
    """A connector that was built with credentials that another process has replaced is built anew within a second."""
    places = [{"database_url": database_url, "secret_key": SECRET_KEY, "data_dir": tmp_path} for _ in range(2)]
    async with (
        opened_gateway(tmp_path, sqlite_template, clock, **places[0]) as here,
        opened_gateway(tmp_path, sqlite_template, clock, **places[1]) as there,
    ):
        here.sessions.start()
        old = await here.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
        keyless = await here.sessions.keyless("paper")
        clock.advance(0.5)
        await here.sessions.retire_changed()
        assert await here.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper")) is old

        await there.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "paper"), {})
        await here.sessions.retire_changed()
        new = await here.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
        assert new is not old

        await there.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "paper"), force=False)
        await here.sessions.retire_changed()
        with pytest.raises(ConnectorNotConfigured):
            await here.sessions.connector(AccountKey(MASTER_ACCOUNT, "paper"))
        assert await here.sessions.keyless("paper") is keyless


async def test_sealing_anew_with_another_key(
    gateway: Gateway, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> None:
    """All credentials, and secrets of codes, are sealed with the first key, once, and then open without the old one; the moment of
    credentials stays the same. A secret that no key opens is named.
    """
    callers, record = (
        gateway.journal.callers,
        AuditRecord(at=clock.now(), actor=Actor(name="operator"), operation="totp"),
    )
    for name in ("alice", "bob"):
        callers.add_user(name, "a hash", Role.VIEWER, record)
    secret = pyotp.random_base32()
    Totp(callers, Vault(SECRET_KEY), clock).enable("alice", secret, pyotp.TOTP(secret).at(clock.now()), record)
    gateway.accounts.add_account("second")
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {"starting_balances": "USDT:7"})
    before = gateway.journal.accounts.credential_versions()
    clock.advance(5)
    new = "a new key of many letters"
    both = Vault(f"{new},{SECRET_KEY}")

    assert await asyncio.to_thread(reseal, gateway.journal, both) == 3
    assert await asyncio.to_thread(reseal, gateway.journal, both) == 0
    clock.advance(60)
    Totp(callers, Vault(new), clock).use("alice", pyotp.TOTP(secret).at(clock.now()), record)
    callers.put_totp("bob", b"\x01" + bytes(40), 0, record)
    with pytest.raises(VaultError, match="'codes of bob'"):
        reseal(gateway.journal, both)

    assert gateway.journal.accounts.credential_versions() == before
    stored = gateway.journal.accounts.find_credential("second", "paper")
    assert stored is not None
    assert Vault(new).open("second", "paper", stored.sealed) == {"starting_balances": "USDT:7"}
    with pytest.raises(VaultError):
        Vault(SECRET_KEY).open("second", "paper", stored.sealed)


async def test_what_no_key_opens_is_named_after_the_rest_is_sealed(gateway: Gateway) -> None:
    """One row that can't be opened does not keep the others under the old key."""
    gateway.accounts.add_account("a_first")
    gateway.journal.accounts.put_credential(
        "a_first", "paper", Vault("a lost key of many letters").seal("a_first", "paper", {})
    )
    both = Vault(f"a new key of many letters,{SECRET_KEY}")

    with pytest.raises(VaultError, match="The credentials of 'paper' of account 'a_first' can't be opened"):
        reseal(gateway.journal, both)

    stored = gateway.journal.accounts.find_credential(MASTER_ACCOUNT, "paper")
    assert stored is not None
    assert both.is_current(MASTER_ACCOUNT, "paper", stored.sealed)


async def api_key_in_use(gateway: Gateway, stub: StubExchange) -> str:
    """The key with which the account's connector asks the exchange."""
    await (await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, "binance"))).fetch_balances()
    return stub.asked(*ACCOUNT)[-1].headers["x-mbx-apikey"]


@pytest.mark.parametrize("takes_away", [False, True], ids=["replaced", "deleted"])
def test_credentials_that_change_while_they_are_sealed_anew(gateway: Gateway, takes_away: bool) -> None:
    """What somebody puts in the very moment of sealing is kept and sealed in its turn; what is deleted stays deleted."""
    new = "a new key of many letters"
    later = Vault(SECRET_KEY).seal(MASTER_ACCOUNT, "paper", {"starting_balances": "USDT:1"})

    class Disturbed(Vault):
        """Lets another process change the credentials before the first seal is there."""

        is_quiet = False

        def seal(self, account_name: str, connector_name: str, credentials: Mapping[str, str]) -> bytes:
            if not self.is_quiet:
                self.is_quiet = True
                accounts = gateway.journal.accounts
                stored = accounts.find_credential(account_name, connector_name)
                assert stored is not None
                assert accounts.put_credential(account_name, connector_name, later, old=stored.sealed)
                if takes_away:
                    gateway.journal.accounts.delete_credential(account_name, connector_name)
            return super().seal(account_name, connector_name, credentials)

    assert reseal(gateway.journal, Disturbed(f"{new},{SECRET_KEY}")) == (0 if takes_away else 1)

    stored = gateway.journal.accounts.find_credential(MASTER_ACCOUNT, "paper")
    opened = stored and Vault(new).open(MASTER_ACCOUNT, "paper", stored.sealed)
    assert opened == (None if takes_away else {"starting_balances": "USDT:1"})


@pytest.mark.parametrize(
    ("mode", "kind", "detail"),
    [
        ("hang", ExchangeReadTimeout, "odd did not answer within 4 seconds; nothing was changed"),
        (
            "crash",
            ExchangeReadFailed,
            "odd could not be asked about the credentials: it failed in an unexpected way (the log has"
            " the reason); nothing was changed",
        ),
    ],
)
async def test_a_connector_that_breaks_stores_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, mode: str, kind: type[OrdergateError], detail: str
) -> None:
    """Whatever a connector does instead of answering, the caller learns of it and nothing is stored."""
    register(monkeypatch)
    with pytest.raises(kind) as caught:
        await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "odd"), {"mode": mode})
    assert caught.value.detail == detail
    assert gateway.accounts.list_credentials(MASTER_ACCOUNT) == ["paper"]
