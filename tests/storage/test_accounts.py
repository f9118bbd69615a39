"""Accounts, credentials and users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.errors import UnknownAccount
from app.domain.order import AccountKey
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.storage.records import Credential
from tests.clock import FakeClock


@pytest.fixture
def accounts(database_url: str, clock: FakeClock) -> Iterator[Accounts]:
    """Accounts on each database."""
    database = Database(database_url)
    yield Accounts(database, clock)
    database.dispose()


def sealed(accounts: Accounts, account_name: str, connector_name: str) -> bytes | None:
    """The sealed credentials that are stored."""
    found = accounts.find_credential(account_name, connector_name)
    return None if found is None else found.sealed


def test_accounts_are_added_once_and_listed_sorted(accounts: Accounts) -> None:
    """Adding says whether the account is new."""
    assert accounts.add_account("b")
    assert accounts.add_account("B")
    assert not accounts.add_account("b")
    accounts.add_account("a")

    assert accounts.list_accounts() == ["B", "a", "b"]
    assert accounts.has_account("a")
    assert not accounts.has_account("c")


def test_a_deleted_account_takes_its_credentials_along(accounts: Accounts) -> None:
    """Deleting an account deletes its credentials too; deleting it again says that there was none."""
    accounts.add_account("a")
    accounts.put_credential("a", "binance", b"sealed")

    assert accounts.delete_account("a")
    assert not accounts.delete_account("a")
    assert accounts.find_credential("a", "binance") is None


def test_credentials_are_stored_byte_for_byte_and_replaced(accounts: Accounts) -> None:
    """What was put is what is got; putting again replaces it; connectors are listed sorted."""
    accounts.add_account("a")
    assert accounts.put_credential("a", "paper", b"\x00\xff")
    assert accounts.put_credential("a", "binance", b"1")
    assert accounts.put_credential("a", "binance", b"2", old=b"1")

    assert sealed(accounts, "a", "paper") == b"\x00\xff"
    assert sealed(accounts, "a", "binance") == b"2"
    assert accounts.connectors_of("a") == ["binance", "paper"]
    assert accounts.connectors_of("b") == []


def test_credentials_replace_only_those_that_they_are_to_replace(accounts: Accounts) -> None:
    """Of two changes that began with the same credentials, or with none, the second changes nothing and learns that."""
    accounts.add_account("a")
    assert accounts.put_credential("a", "binance", b"1")
    assert not accounts.put_credential("a", "binance", b"2")
    assert accounts.put_credential("a", "binance", b"3", old=b"1")
    assert not accounts.put_credential("a", "binance", b"4", old=b"1")
    assert sealed(accounts, "a", "binance") == b"3"
    assert accounts.delete_credential("a", "binance")
    assert not accounts.put_credential("a", "binance", b"5", old=b"3")
    assert accounts.connectors_of("a") == []


def test_credentials_are_deleted(accounts: Accounts) -> None:
    """Deleting says whether there were any."""
    accounts.add_account("a")
    accounts.put_credential("a", "binance", b"1")

    assert accounts.delete_credential("a", "binance")
    assert not accounts.delete_credential("a", "binance")
    assert accounts.connectors_of("a") == []


def test_credentials_need_an_account(accounts: Accounts) -> None:
    """There is no account that was not added."""
    with pytest.raises(UnknownAccount, match="Account 'x' not found"):
        accounts.put_credential("x", "binance", b"1")


def test_a_first_password_hash_is_not_replaced(accounts: Accounts) -> None:
    """An unknown user has no hash. Of two who add a user's first password the second changes nothing, and learns that."""
    assert accounts.password_hash("admin") is None
    assert accounts.add_password_hash("admin", "h1")
    assert not accounts.add_password_hash("admin", "h2")
    assert accounts.password_hash("admin") == "h1"


def test_all_credentials_are_listed(accounts: Accounts) -> None:
    """Every account with each of its connectors, sorted."""
    for account_name in ("b", "a"):
        accounts.add_account(account_name)
        accounts.put_credential(account_name, "paper", b"1")
    assert accounts.all_credentials() == [("a", "paper"), ("b", "paper")]


def test_a_change_of_credentials_shows_in_their_time(accounts: Accounts, clock: FakeClock) -> None:
    """Other processes see by the version that credentials are other ones now, also if they are put again after being deleted."""
    accounts.add_account("a")
    assert accounts.find_credential("a", "paper") is None
    versions = []
    for _ in range(2):
        accounts.put_credential("a", "paper", b"1")
        versions.append(accounts.credential_versions()["a", "paper"])
        accounts.put_credential("a", "paper", b"2", old=b"1")
        versions.append(accounts.credential_versions()["a", "paper"])
        accounts.delete_credential("a", "paper")
    accounts.put_credential("a", "paper", b"2")

    assert sorted(set(versions)) == versions
    found = accounts.find_credential("a", "paper")
    assert found is not None
    assert (found.sealed, found.version) == (b"2", accounts.credential_versions()["a", "paper"])


def test_a_seal_is_replaced_only_where_it_still_is(accounts: Accounts, clock: FakeClock) -> None:
    """Sealing anew does not count as a change of credentials, and loses against one."""
    accounts.add_account("a")
    accounts.put_credential("a", "paper", b"old")
    versions = accounts.credential_versions()

    assert accounts.replace_seal("a", "paper", b"old", b"new")
    assert not accounts.replace_seal("a", "paper", b"old", b"newer")
    assert sealed(accounts, "a", "paper") == b"new"
    assert accounts.credential_versions() == versions


def test_credentials_tell_which_they_are(accounts: Accounts) -> None:
    """Each that is put has a number of its own and the exchange's account that it is for; unknown ones are None."""
    accounts.add_account("a")
    accounts.put_credential("a", "binance", b"1", exchange_account="uid 7")
    accounts.put_credential("a", "paper", b"2")

    versions = accounts.credential_versions()
    assert versions["a", "binance"] < versions["a", "paper"]
    assert accounts.find_credential("a", "binance") == Credential(
        sealed=b"1", version=versions["a", "binance"], exchange_account="uid 7"
    )
    assert accounts.find_credential("a", "kraken") is None
    assert "sealed" not in repr(accounts.find_credential("a", "binance"))


def test_the_account_at_the_exchange_is_learned_once(accounts: Accounts) -> None:
    """Credentials without one get it; later words, and words about credentials that were replaced, change nothing."""
    accounts.add_account("a")
    account = AccountKey("a", "binance")
    accounts.put_credential("a", "binance", b"1")
    old = accounts.credential_versions()[account]
    accounts.put_credential("a", "binance", b"2", old=b"1")
    new = accounts.credential_versions()[account]

    for version, name in ((old, "uid 1"), (new, "uid 2"), (new, "uid 3")):
        accounts.set_exchange_account(account, version, name)

    found = accounts.find_credential("a", "binance")
    assert found is not None
    assert (found.version, found.exchange_account) == (new, "uid 2")


def test_a_seal_is_replaced_only_where_it_is_still_the_same(accounts: Accounts, clock: FakeClock) -> None:
    """Sealing anew keeps the version, and does not overwrite credentials that were put meanwhile."""
    accounts.add_account("a")
    accounts.put_credential("a", "binance", b"1")
    version = accounts.credential_versions()["a", "binance"]

    assert accounts.replace_seal("a", "binance", b"1", b"2")
    assert not accounts.replace_seal("a", "binance", b"1", b"3")
    assert accounts.find_credential("a", "binance") == Credential(sealed=b"2", version=version, exchange_account=None)
