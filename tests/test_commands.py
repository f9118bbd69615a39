"""The commands for users and keys, on a fresh database; what they change is what a gateway reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from app.cli import main
from app.clock import SystemClock
from app.domain.api_key import hash_of, key_id_in
from app.domain.enums import OrderType, Role, Scope
from app.domain.safety.limits import Collar, Limits
from app.domain.safety.scope import Scope as SafetyScope
from app.domain.safety.state import SafetyState
from app.journal.safety_rows import read_safety
from app.storage.accounts import Accounts
from app.storage.audit_log import AuditFilter, AuditLog
from app.storage.callers import Known, StoredCallers
from app.storage.database import Database

Run = Callable[..., Result]

#: Makes a key, but for what is wrong.
KEY = ("key", "create", "k", "--environment", "paper", "--role", "viewer")


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a database that is ready."""
    for name in ("ORDERGATE_PASSWORD", "ORDERGATE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", sqlite_url)

    def invoke(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(main, arguments, input=given)

    return invoke


@pytest.fixture
def known(sqlite_url: str) -> Callable[[], Known]:
    """What a gateway reads of users and keys."""

    def read() -> Known:
        database = Database(sqlite_url)
        try:
            return StoredCallers(database).known()
        finally:
            database.dispose()

    return read


def test_users_are_added_changed_and_disabled(run: Run, known: Callable[[], Known]) -> None:
    """Each change gives the user another version, by which running processes and intents notice it."""
    added = run("user", "add", "alice", "--role", "trader", "--stdin", given="correct horse\n")
    assert (added.exit_code, "horse" in added.output) == (0, False)
    versions = [known().users["alice"].version]
    assert PasswordHasher().verify(known().users["alice"].password_hash, "correct horse")
    for arguments in (("role", "alice", "risk"), ("password", "alice", "--stdin"), ("disable", "alice")):
        assert run("user", *arguments, given="battery staple\n").exit_code == 0
        versions.append(known().users["alice"].version)
    assert sorted(set(versions)) == versions
    alice = known().users["alice"]
    assert (alice.role, alice.disabled_at is None) == (Role.RISK, False)
    assert PasswordHasher().verify(alice.password_hash, "battery staple")
    assert "alice\trisk\tdisabled" in run("user", "list").output
    assert run("user", "enable", "alice").exit_code == 0
    assert known().users["alice"].disabled_at is None


def test_codes_are_enabled_shown_and_disabled(
    run: Run, known: Callable[[], Known], sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is shown once and stored when a code has proved it, also of the environment's user; a new password keeps it."""
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    monkeypatch.setattr(pyotp, "random_base32", lambda: secret)
    database = Database(sqlite_url)
    stored, accounts = StoredCallers(database), Accounts(database, SystemClock())
    accounts.put_password_hash("admin", "a hash")
    unused = run("user", "totp", "enable", "admin")
    assert (unused.exit_code, "Start the gateway once" in unused.output) == (1, True)
    accounts.add_account("a")
    assert run("user", "add", "alice", "--role", "trader", "--stdin", given="correct horse\n").exit_code == 0
    for name in ("admin", "alice"):
        # One that can't be right, whatever the time is: a code of every step near now is another.
        now = [pyotp.TOTP(secret).at(SystemClock().now(), counter_offset=steps) for steps in range(-5, 6)]
        wrong = next(code for code in ("000000", *(f"{digit * 111111}" for digit in range(1, 10))) if code not in now)
        refused = run("user", "totp", "enable", name, given=f"{wrong}\n")
        assert (refused.exit_code, "The code is wrong" in refused.output, name in known().totp) == (1, True, False)
        code = pyotp.TOTP(secret).now()
        enabled = run("user", "totp", "enable", name, given=f"{code[:3]} {code[3:]}\n")
        assert enabled.exit_code == 0, enabled.output
        assert f"otpauth://totp/Ordergate:{name}?secret={secret}" in enabled.output
        again = run("user", "totp", "enable", name)
        assert (again.exit_code, secret in again.output) == (1, False)
    assert run("user", "password", "alice", "--stdin", given="battery staple\n").exit_code == 0
    assert run("user", "password", "--stdin", given="battery staple\n").exit_code == 0
    listed = run("user", "list").output
    assert listed == "admin\tadmin\tof the environment\tpassword and code\nalice\ttrader\tenabled\tpassword and code\n"
    assert run("user", "totp", "disable", "alice").exit_code == 0
    assert "alice\ttrader\tenabled\tpassword\n" in run("user", "list").output
    assert known().totp.keys() == {"admin"}
    page = AuditLog(database).page(AuditFilter(), limit=100, cursor=None).items
    totp = [(row.record.operation, row.record.object) for row in reversed(page) if "totp" in row.record.operation]
    assert totp == [("user totp enable", "admin"), ("user totp enable", "alice"), ("user totp disable", "alice")]
    assert stored.totp("admin") is not None
    database.dispose()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("user", "totp", "disable", "admin"), "There is no user 'admin'"),
        (("user", "disable", "admin"), "user of the environment"),
        (("user", "role", "admin", "viewer"), "user of the environment"),
        (("user", "add", "admin", "--role", "viewer", "--stdin"), "user of the environment"),
        (("user", "add", "a:b", "--role", "viewer", "--stdin"), "no colon"),
        (("user", "disable", "nobody"), "There is no user 'nobody'"),
        (("user", "add", "bob", "--role", "king", "--stdin"), "Invalid value"),
        (("key", "delete", "none"), "not found"),
        (("key", "rotate", "none"), "not found"),
        (("key", "create", "k", "--environment", "paper"), "Either --role or --scope"),
        ((*KEY, "--allow", "x"), "allowed_ips"),
        ((*KEY, "--limit", "max_open_orders"), "NAME=VALUE"),
        ((*KEY, "--limit", "max_position=1", "--limit", "max_position=2"), "each name once"),
        (("key", "create", "a:b", *KEY[3:]), "name: "),
    ],
)
def test_what_can_not_be_done_is_told_in_a_sentence(
    run: Run, known: Callable[[], Known], arguments: tuple[str, ...], told: str
) -> None:
    """And nothing is changed."""
    before = known()
    result = run(*arguments, given="long enough\n")
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output
    assert known() == before


def test_the_last_admin_stays(run: Run, known: Callable[[], Known]) -> None:
    """Where the environment's user has no password, the only other admin can be neither disabled nor demoted."""
    assert run("user", "add", "root", "--role", "admin", "--stdin", given="long enough\n").exit_code == 0
    for arguments in (("disable", "root"), ("role", "root", "viewer")):
        refused = run("user", *arguments)
        assert (refused.exit_code, "Nobody would be left" in refused.output) == (1, True)
    assert (known().users["root"].role, known().users["root"].disabled_at) == (Role.ADMIN, None)
    assert run("user", "add", "other", "--role", "admin", "--stdin", given="long enough\n").exit_code == 0
    assert run("user", "disable", "root").exit_code == 0
    assert run("user", "disable", "other").exit_code == 1


def test_a_key_is_made_with_limits_of_its_own(run: Run, known: Callable[[], Known], sqlite_url: str) -> None:
    """Numbers, lists, words and objects, each as PUT /safety/limits takes it; the amounts are exact."""
    made = run(
        *("key", "create", "bot", "--environment", "paper", "--role", "trader", "--limit", "max_open_orders=20"),
        *("--limit", "max_order_notional=500.10", "--limit", "allowed_pairs=BTC-USDT,ETH-USDT"),
        *("--limit", 'allowed_order_types=["LIMIT"]', "--limit", "prevent_self_cross=true"),
        *("--limit", 'price_collar={"reference": "mid", "max_deviation_bps": 200}'),
    )
    assert made.exit_code == 0, made.output
    [key_id] = known().keys
    database = Database(sqlite_url)
    _, state = read_safety(database, -1, SafetyState())
    database.dispose()
    assert [(each.scope, each.limits) for each in state.sets] == [
        (
            SafetyScope(key_id=key_id),
            Limits(
                max_open_orders=20,
                max_order_notional=Decimal("500.10"),
                allowed_pairs=("BTC-USDT", "ETH-USDT"),
                allowed_order_types=(OrderType.LIMIT,),
                prevent_self_cross=True,
                price_collar=Collar(reference="mid", max_deviation_bps=Decimal(200)),
            ),
        )
    ]


def test_keys_are_made_rotated_and_ended(run: Run, known: Callable[[], Known], sqlite_url: str) -> None:
    """A secret is shown once, and only its hash is kept. There is no key for an account that does not exist."""
    wanted = (
        *("key", "create", "bot", "--environment", "live", "--scope", "read", "--scope", "orders:cancel"),
        *("--account", "a", "--pair", "BTC-USDT", "--allow", "192.0.2.1"),
    )
    refused = run(*wanted)
    assert (refused.exit_code, "Account 'a' not found" in refused.output, known().keys) == (1, True, {})
    database = Database(sqlite_url)
    Accounts(database, SystemClock()).add_account("a")
    database.dispose()
    made = run(*wanted)
    (secret,) = re.findall(r"^ogk_live_\S+$", made.output, re.MULTILINE)
    key_id = key_id_in(secret)
    assert key_id is not None
    key = known().keys[key_id]
    assert key.secret_hash == hash_of(secret)
    assert key.scopes == {Scope.READ, Scope.ORDERS_CANCEL}
    assert (key.accounts, key.connectors, key.pairs) == (frozenset({"a"}), None, frozenset({"BTC-USDT"}))
    assert (key.allowed_ips, repr(key)) == (("192.0.2.1/32",), f"ApiKey({key_id})")
    (second,) = re.findall(r"^ogk_live_\S+$", run("key", "rotate", key_id).output, re.MULTILINE)
    assert (known().keys[key_id].secret_hash, known().keys[key_id].previous_hash) == (hash_of(second), hash_of(secret))
    listed = run("key", "list").output
    assert key_id in listed
    assert secret not in listed
    assert second not in listed
    assert run("key", "disable", key_id).exit_code == run("key", "enable", key_id).exit_code == 0
    assert run("key", "delete", key_id).exit_code == 0
    assert key_id not in known().keys
