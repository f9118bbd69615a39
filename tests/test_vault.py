"""Credentials at rest: what is sealed opens only where it belongs, with the key that sealed it."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.vault import Vault, VaultError, add_key, load_secret

SECRET = "a secret of more than sixteen characters"
CREDENTIALS = {"api_key": "key-1234", "api_secret": "geheim ü €", "empty": ""}


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET)


def test_what_was_sealed_opens(vault: Vault) -> None:
    """Credentials come back letter by letter, also to a later process with the same key."""
    sealed = vault.seal("main", "binance", CREDENTIALS)
    assert vault.open("main", "binance", sealed) == CREDENTIALS
    assert Vault(SECRET).open("main", "binance", sealed) == CREDENTIALS


def test_no_credentials_are_credentials_too(vault: Vault) -> None:
    """A connector that needs no credentials has an empty set of them."""
    assert vault.open("main", "paper", vault.seal("main", "paper", {})) == {}


def test_sealed_text_tells_nothing(vault: Vault) -> None:
    """Neither names nor values can be read from what is stored, and sealing twice gives two texts."""
    sealed = vault.seal("main", "binance", CREDENTIALS)
    for word in ("api_key", "key-1234", "geheim", "main", "binance"):
        assert word.encode() not in sealed
    assert sealed != vault.seal("main", "binance", CREDENTIALS)


@pytest.mark.parametrize(
    ("account_name", "connector_name"),
    [("other", "binance"), ("main", "kraken"), ("binance", "main"), ("mainb", "inance"), ("", "mainbinance")],
)
def test_rows_cannot_be_swapped(vault: Vault, account_name: str, connector_name: str) -> None:
    """A sealed text opens for no other account and no other connector."""
    sealed = vault.seal("main", "binance", CREDENTIALS)
    with pytest.raises(VaultError):
        vault.open(account_name, connector_name, sealed)


def test_another_key_opens_nothing(vault: Vault) -> None:
    """Whoever has another key learns nothing, and the error repeats neither key nor credentials."""
    sealed = vault.seal("main", "binance", CREDENTIALS)
    with pytest.raises(VaultError) as caught:
        Vault("quite another secret").open("main", "binance", sealed)
    assert str(caught.value) == "The credentials of 'binance' of account 'main' can't be opened with this key"
    assert caught.value.__cause__ is None


def test_every_changed_byte_is_noticed(vault: Vault) -> None:
    """A sealed text in which any one bit was turned does not open."""
    sealed = vault.seal("main", "binance", {"k": "v"})
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(VaultError):
            vault.open("main", "binance", bytes(changed))


def test_text_cut_short_is_noticed(vault: Vault) -> None:
    """A sealed text whose end is missing does not open."""
    sealed = vault.seal("main", "binance", {"k": "v"})
    for length in range(1, len(sealed)):
        with pytest.raises(VaultError):
            vault.open("main", "binance", sealed[:length])


@pytest.mark.parametrize("sealed", [b"", b"\x00", b"\x02" + bytes(64), b"{}"])
def test_unknown_form(vault: Vault, sealed: bytes) -> None:
    """What does not begin as our texts do is called that."""
    with pytest.raises(VaultError, match=r"have an unknown form$"):
        vault.open("main", "binance", sealed)


@pytest.mark.parametrize("secret", ["", "x" * 15, " , ", "\n", f"{SECRET},short", " " * 20 + "x"])
def test_short_secret_is_refused(secret: str) -> None:
    """A secret that could be guessed is refused with the name of the setting."""
    with pytest.raises(ValueError, match="ORDERGATE_SECRET_KEY must have at least 16 characters"):
        Vault(secret)
    assert Vault("x" * 16)


def test_configured_secret_needs_no_file(tmp_path: Path) -> None:
    """A secret from the environment is used as it is and leaves no trace on the disk."""
    assert load_secret(SECRET, tmp_path / "secret.key") == SECRET
    assert list(tmp_path.iterdir()) == []


def test_first_run_makes_a_key(tmp_path: Path) -> None:
    """Without a configured secret one is made that only the owner can read, and is kept."""
    file = tmp_path / "secret.key"
    secret = load_secret(None, file)
    assert len(secret) == 64
    assert bytes.fromhex(secret)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_secret(None, file) == secret
    assert Vault(secret)


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    """A key is random."""
    assert load_secret(None, tmp_path / "one") != load_secret(None, tmp_path / "two")


def test_key_cannot_be_made_without_a_directory(tmp_path: Path) -> None:
    """A data directory that is not there is an error and not a key in another place."""
    with pytest.raises(FileNotFoundError):
        load_secret(None, tmp_path / "absent" / "secret.key")


# -- several keys -------------------------------------------------------------------------------------------------------

OLD, NEW = "the old key of many letters", "the new key of many letters"


@pytest.mark.parametrize("secret", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f" {NEW} , {OLD} "])
def test_every_key_opens_and_the_first_one_seals(secret: str) -> None:
    """With several keys, what either sealed opens, and what is sealed now needs the first one."""
    both = Vault(secret)
    old = Vault(OLD).seal("main", "binance", CREDENTIALS)
    assert both.open("main", "binance", old) == CREDENTIALS
    sealed = both.seal("main", "binance", CREDENTIALS)
    assert Vault(NEW).open("main", "binance", sealed) == CREDENTIALS
    with pytest.raises(VaultError):
        Vault(OLD).open("main", "binance", sealed)


def test_what_still_needs_the_old_key() -> None:
    """A text is current if the first key sealed it, for this account and connector."""
    both = Vault(f"{NEW},{OLD}")
    sealed = both.seal("main", "binance", CREDENTIALS)
    assert both.is_current("main", "binance", sealed)
    assert not both.is_current("other", "binance", sealed)
    assert not both.is_current("main", "binance", Vault(OLD).seal("main", "binance", CREDENTIALS))
    assert not both.is_current("main", "binance", b"")


def test_key_that_another_process_added() -> None:
    """If no key fits, the present keys are asked for once, and then known."""
    asked: list[str] = []

    def present() -> str:
        asked.append(NEW)
        return f"{NEW},{OLD}"

    vault = Vault(OLD, reload=present)
    old = vault.seal("main", "binance", CREDENTIALS)
    assert vault.open("main", "binance", old) == CREDENTIALS
    assert asked == []
    new = Vault(NEW).seal("main", "binance", CREDENTIALS)
    assert vault.open("main", "binance", new) == CREDENTIALS
    assert vault.open("main", "binance", new) == CREDENTIALS
    assert len(asked) == 1
    assert Vault(NEW).open("main", "binance", vault.seal("main", "binance", {})) == {}


def test_changed_text_does_not_open_after_asking_again() -> None:
    """Asking for the keys again opens nothing that no key sealed."""
    vault = Vault(OLD, reload=lambda: OLD)
    with pytest.raises(VaultError):
        vault.open("main", "binance", Vault(NEW).seal("main", "binance", CREDENTIALS))


def test_added_key_comes_first(tmp_path: Path) -> None:
    """A new key is put before the others, which stay; the file is still the owner's alone, and nothing lies about."""
    file = tmp_path / "secret.key"
    first = load_secret(None, file)
    secret = add_key(file)
    new, kept = secret.split("\n")
    assert (kept, len(new)) == (first, 64)
    assert new != first
    assert load_secret(None, file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    sealed = Vault(first).seal("main", "binance", CREDENTIALS)
    assert Vault(secret).open("main", "binance", sealed) == CREDENTIALS


def test_processes_that_start_at_once_share_a_key(tmp_path: Path) -> None:
    """Whoever comes second takes the key that the first one made, whole."""
    file = tmp_path / "secret.key"
    gate = threading.Barrier(8)
    found: list[str] = []

    def start() -> None:
        gate.wait()
        found.append(load_secret(None, file))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 64
    assert list(tmp_path.iterdir()) == [file]


def test_keys_that_are_added_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    """Each process seals with its own new key, which must be in the file for ever after."""
    key_file = tmp_path / "secret.key"
    first = load_secret(None, key_file)
    count = 16
    barrier = threading.Barrier(count)

    def add() -> str:
        barrier.wait(10)
        return add_key(key_file).split()[0]

    with ThreadPoolExecutor(count) as pool:
        added = {future.result() for future in [pool.submit(add) for _ in range(count)]}
    assert len(added) == count
    assert set(key_file.read_text().split()) == added | {first}
