"""Tests of ``ordergate sandbox`` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.sqlite import is_open, note_connections


@contextmanager
def _running(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process that serves, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "sandbox", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_it_serves_until_it_is_stopped() -> None:
    """It prints its address and its key, and exits with 0."""
    with _running() as (url, process), urllib.request.urlopen(f"{url}/api/v3/ping", timeout=10) as reply:
        assert reply.read() == b"{}"
    assert process.returncode == 0


def test_with_a_directory_it_remembers(tmp_path: Path) -> None:
    """Accounts that were opened are there after a restart."""
    body = b'{"name": "bob", "api_key": "k", "secret": "s", "balances": {"USDT": "7"}}'
    with _running("--data", str(tmp_path / "new")) as (url, _):
        urllib.request.urlopen(urllib.request.Request(f"{url}/sandbox/accounts", data=body), timeout=10).close()
    with (
        _running("--data", str(tmp_path / "new"), "--key", "a:b") as (url, _),
        urllib.request.urlopen(f"{url}/sandbox/truth", timeout=10) as reply,
    ):
        assert b'"name":"bob"' in reply.read()


@pytest.mark.parametrize("key", ["no-secret", ":"])
def test_a_key_needs_a_secret(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it prints the reason, does not start, and leaves no file open."""
    opened = note_connections(monkeypatch)
    result = CliRunner().invoke(main, ["sandbox", "--port", "0", "--key", key])
    assert result.exit_code == 1
    assert "KEY:SECRET" in result.output
    assert not any(is_open(connection) for connection in opened)
