"""The command line: what is set wrongly is told in a sentence, before anything starts."""

from __future__ import annotations

import json
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner

from app.cli import main
from app.clock import SystemClock
from app.storage.accounts import Accounts
from app.storage.database import Database
from tests.chaos.processes import Process


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "abc", 'variable "PORT" invalid: Not a valid integer'),
        ("PORT", "99999", 'variable "PORT" invalid'),
        ("ORDERGATE_EXCHANGE_TIMEOUT", "0", 'variable "ORDERGATE_EXCHANGE_TIMEOUT" invalid'),
        ("ORDERGATE_EXCHANGE_TIMEOUT", "inf", 'variable "ORDERGATE_EXCHANGE_TIMEOUT" invalid'),
        ("ORDERGATE_DURABILITY", "maybe", "Must be one of: full, relaxed."),
        ("DATABASE_URL", "mysql://u:hunter2@h/x", "Must begin with postgres://, postgresql:// or sqlite:///."),
        ("ORDERGATE_SECRET_KEY", "short", "must have at least 16 characters"),
        ("ORDERGATE_DATA_DIR", "/dev/null", "File exists: '/dev/null'"),
    ],
)
def test_a_bad_setting_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """``serve`` names the variable and starts nothing; a password in a URL is not repeated."""
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert told in result.output
    assert "hunter2" not in result.output
    assert not (tmp_path / "ordergate.db").exists()


def test_only_serving_imports_the_edge() -> None:
    """Workers, the sandbox and looking after the database start without it, twice as quickly."""
    code = "import sys, app.cli; print({'connexion', 'flask'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == "set()\n"


def _serve(directory: Path, port: int) -> tuple[int, str]:
    """The exit code of a server that must not start, and what it said."""
    output = directory.with_suffix(".log")
    server = Process(["-m", "app", "serve"], {"ORDERGATE_DATA_DIR": str(directory), "PORT": str(port)}, output)
    server.start()
    return server.wait(), server.output()


def test_a_port_in_use_is_found_before_anything_starts(tmp_path: Path) -> None:
    """No greeting, and no password that would be shown to nobody again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = _serve(tmp_path, port)
    assert code == 1
    assert said == (
        f"Error: Port {port} on 127.0.0.1 is in use by another program, perhaps by another Ordergate."
        f" Stop that one, or choose another port with PORT, such as: PORT={port + 1} make run\n"
    )
    assert not (tmp_path / "ordergate.db").exists()


def test_a_port_in_use_is_told_by_the_sandbox_too() -> None:
    """With the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = CliRunner().invoke(main, ["sandbox", "--port", str(port)])
    assert refused.exit_code == 1
    assert str(port) in refused.output
    assert "Choose another port with --port" in refused.output


def test_a_damaged_database_is_told_in_one_line(tmp_path: Path) -> None:
    """The log says why the server did not start, without a traceback."""
    (tmp_path / "ordergate.db").write_bytes(b"no database" * 1000)
    code, said = _serve(tmp_path, 0)
    assert code == 3
    assert "file is not a database" in said
    assert "Traceback" not in said


def test_verifying_tells_and_ends_accordingly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code 0 and how much was looked at; code 1 and what is wrong."""
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path))
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    good = CliRunner().invoke(main, ["journal", "verify"])
    assert (good.exit_code, good.output) == (0, "Events: 0, orders: 0, fills: 0.\nAll is as it was written.\n")
    with closing(sqlite3.connect(tmp_path / "ordergate.db")) as file:
        file.execute("UPDATE journal_sequence SET value = 7")
        file.commit()
    bad = CliRunner().invoke(main, ["journal", "verify"])
    assert bad.exit_code == 1
    assert "- the journal should end with event 7, and ends with 0" in bad.output


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_nobody_else_can_read_what_is_stored(tmp_path: Path, mask: int) -> None:
    """Whatever the process's mask is, and whatever an earlier process or a copy left: files 0600, their directory 0700."""
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    (data / "secret.key").write_text("k" * 64 + "\n")
    (data / "secret.key").chmod(0o644)
    (data / "ordergate.db").touch(0o666)
    seen: dict[str, str] = {}
    env = {
        "ORDERGATE_DATA_DIR": str(data), "PORT": "0", "ORDERGATE_ACCEPT_EMPTY_JOURNAL": "1",
        "ORDERGATE_PAPER_FAULTS": "seed=1,rate=1,kinds=drop",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=mask
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline()
        deadline = time.monotonic() + 60
        while "paper.db-wal" not in seen and time.monotonic() < deadline:
            seen = {each.name: oct(stat.S_IMODE(each.stat().st_mode)) for each in data.iterdir()}
            time.sleep(0.05)
        server.terminate()
        server.communicate(timeout=60)
    assert oct(stat.S_IMODE(data.stat().st_mode)) == "0o700"
    assert {"ordergate.db", "ordergate.db-wal", "ordergate.db-shm", "secret.key", "paper.db-wal"} <= seen.keys()
    assert {name: mode for name, mode in seen.items() if mode != "0o600"} == {}


# -- an empty journal ---------------------------------------------------------------------------------------------------


def _refusal(directory: Path, *options: str, **settings: str) -> str | None:
    """Start a server and stop it: None if it has greeted, else what it said when it ended by itself."""
    output = directory.with_suffix(".log")
    output.unlink(missing_ok=True)
    env = {"ORDERGATE_DATA_DIR": str(directory), "PORT": "0", **settings}
    server = Process(["-m", "app", "serve", *options], env, output)
    server.start()
    while server.is_running and "is ready on" not in server.output():
        time.sleep(0.02)
    is_ready = server.is_running
    server.terminate()
    return None if is_ready else server.output()


def test_an_empty_journal_beside_an_old_key_is_refused(tmp_path: Path) -> None:
    """The journal was lost: the server does not begin another one unless it is told to, and says how. Later starts are as ever."""
    assert _refusal(tmp_path) is None
    assert _refusal(tmp_path) is None
    for file in tmp_path.glob("ordergate.db*"):
        file.unlink()
    for _ in range(2):
        refused = _refusal(tmp_path)
        assert refused is not None
        assert "--accept-empty-journal" in refused
        assert "Traceback" not in refused
    assert _refusal(tmp_path, "--accept-empty-journal") is None
    assert _refusal(tmp_path) is None


def test_an_empty_journal_can_be_accepted_by_a_setting(tmp_path: Path) -> None:
    """Under gunicorn there is no option."""
    (tmp_path / "secret.key").write_text("k" * 64 + "\n")
    assert _refusal(tmp_path) is not None
    assert _refusal(tmp_path, ORDERGATE_ACCEPT_EMPTY_JOURNAL="true") is None


def test_a_first_start_that_failed_does_not_refuse_the_next(tmp_path: Path) -> None:
    """The port was taken: nothing was used yet, so nothing can be missing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _ = _serve(tmp_path, taken.getsockname()[1])
    assert code != 0
    assert _refusal(tmp_path) is None


# -- the user's password ------------------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that the settings name."""
    for name in ("ORDERGATE_PASSWORD", "ORDERGATE_USERNAME", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def stored_password(directory: Path) -> str | None:
    """The hash that the database has."""
    database = Database(f"sqlite:///{directory / 'ordergate.db'}")
    try:
        return Accounts(database, SystemClock()).password_hash("admin")
    finally:
        database.dispose()


def test_a_password_is_set_and_set_anew(directory: Path) -> None:
    """By hand, twice the same, or from standard input; only its hash is kept, and it is not repeated."""
    runner = CliRunner()
    assert runner.invoke(main, ["db", "upgrade"]).exit_code == 0
    by_hand = runner.invoke(main, ["user", "password"], input="correct horse\ncorrect horse\n")
    assert (by_hand.exit_code, "The password of user 'admin' is set." in by_hand.output) == (0, True)
    first = stored_password(directory)
    assert first is not None
    assert PasswordHasher().verify(first, "correct horse")
    piped = runner.invoke(main, ["user", "password", "--stdin"], input="battery staple\nmore\n")
    assert piped.exit_code == 0
    second = stored_password(directory)
    assert second is not None
    assert PasswordHasher().verify(second, "battery staple")
    assert "horse" not in by_hand.output + piped.output
    assert "staple" not in by_hand.output + piped.output


@pytest.mark.parametrize(
    ("given", "settings", "told"),
    [
        ("short\n", {}, "at least 8 characters"),
        ("with\0nul-in-it\n", {}, "none of them NUL"),
        ("\n", {}, "at least 8 characters"),
        ("long enough\n", {"ORDERGATE_PASSWORD": "another one"}, "ORDERGATE_PASSWORD is set"),
    ],
)
def test_a_password_that_can_not_be_set_is_told_in_a_sentence(
    directory: Path, monkeypatch: pytest.MonkeyPatch, given: str, settings: dict[str, str], told: str
) -> None:
    """And nothing is changed."""
    runner = CliRunner()
    runner.invoke(main, ["db", "upgrade"])
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    result = runner.invoke(main, ["user", "password", "--stdin"], input=given)
    assert result.exit_code != 0
    assert told in result.output
    assert "another one" not in result.output
    assert stored_password(directory) is None


def test_a_password_needs_a_database(directory: Path) -> None:
    """It is not begun for it."""
    result = CliRunner().invoke(main, ["user", "password", "--stdin"], input="long enough\n")
    assert result.exit_code == 1
    assert "ordergate db upgrade" in result.output
    assert not directory.exists()


# -- the doctor ---------------------------------------------------------------------------------------------------------


def test_the_doctor_tells_in_lines_and_ends_accordingly(directory: Path) -> None:
    """Code 0 on a fresh machine, where it makes nothing; code 1 where orders could not be placed."""
    env = {"ORDERGATE_DATA_DIR": str(directory), "PORT": "0"}
    well = CliRunner().invoke(main, ["doctor"], env=env)
    assert well.exit_code == 0, well.output
    assert {line.split(":")[0] for line in well.stdout.splitlines()} >= {"ok       Python", "ok       Database"}
    assert not directory.exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ill = CliRunner().invoke(main, ["doctor", "--json"], env={**env, "PORT": str(taken.getsockname()[1])})
    assert ill.exit_code == 1
    found = {each["check"]: each for each in map(json.loads, ill.stdout.splitlines())}
    assert (found["Port"]["level"], "PORT=" in found["Port"]["text"]) == ("failure", True)
