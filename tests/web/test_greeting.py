"""The greeting can be pasted: into a shell, and its address into a browser, wherever the server listens, whoever its user is."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.services.gateway import Gateway
from app.web.greeting import greeting
from tests.chaos.processes import Process, environment, free_port

_CURL = "#!/bin/sh\nfor argument; do printf '%s\\0' \"$argument\"; done\n"
_PATIENCE = 60.0


def greeted(host: str, *, username: str = "admin", password: str | None = None, port: int | None = None) -> str:
    settings = SimpleNamespace(host=host, port=8000, username=username)
    gateway: Any = SimpleNamespace(settings=settings, first_password=password, undecided=())
    return greeting(cast(Gateway, gateway), port=port)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("::", "[::1]"),
        ("0:0:0:0:0:0:0:0", "[::1]"),
        ("::1", "[::1]"),
        ("fd00::5", "[fd00::5]"),
        ("fe80::1%eth0", "[fe80::1%25eth0]"),
        ("gateway.lan", "gateway.lan"),
    ],
)
def test_the_address_leads_here(host: str, address: str) -> None:
    """All addresses are no address to go to, and IPv6 stands in brackets."""
    text = greeted(host)
    assert f"Ordergate is ready on http://{address}:8000 (explore it at http://{address}:8000/docs)" in text
    assert "http://gateway.lan:9000/docs" in greeted("gateway.lan", port=9000)


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        (".venv/bin/ordergate", ".venv/bin/ordergate"),
        ("/opt/my env/ordergate", "'/opt/my env/ordergate'"),
        ("gunicorn", "ordergate"),
    ],
)
def test_a_forgotten_password_is_provided_for(monkeypatch: pytest.MonkeyPatch, called: str, shown: str) -> None:
    """Every start but the first, which shows the password, names the command that sets another, as it was called."""
    monkeypatch.setattr("sys.argv", [called, "serve"])
    line = f"A forgotten password is replaced by: {shown} user password\n"
    assert line in greeted("127.0.0.1")
    assert line not in greeted("127.0.0.1", password="made-just-now")


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize("username", ["admin", "o'neill", 'a "b" $HOME `id`', "ü€"])
def test_the_order_can_be_pasted(tmp_path: Path, host: str, username: str) -> None:
    """A shell gives curl exactly the address, the credentials and the order."""
    curl = tmp_path / "curl"
    curl.write_text(_CURL)
    curl.chmod(0o755)
    text = greeted(host, username=username, password="made-just-now")
    script = text[text.index("curl ") :]
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    arguments = done.stdout.split("\0")
    where = "[::1]" if host == "::" else host
    assert arguments[arguments.index("--url") + 1] == f"http://{where}:8000/trading/orders"
    assert arguments[arguments.index("--user") + 1] == f"{username}:made-just-now"
    assert arguments[arguments.index("--data") + 1].startswith('{"account_name"')


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "[::1]"])
@pytest.mark.parametrize("way", [("-m", "app", "serve"), ("-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")])
def test_a_server_listens_where_it_says(tmp_path: Path, host: str, way: tuple[str, ...]) -> None:
    """In both ways to start one."""
    env = environment(tmp_path / "data", free_port(), HOST=host)
    server = Process(way, env, tmp_path / "server.log")
    server.start()
    try:
        url = _address(server)
        with urllib.request.urlopen(f"{url}/health/live", timeout=30) as answer:
            assert answer.status == 200
    finally:
        server.terminate()


def _address(server: Process) -> str:
    """What the greeting names, once it is there."""
    deadline = time.monotonic() + _PATIENCE
    while (found := re.search(r"ready on (http://\S+)", server.output())) is None:
        assert time.monotonic() < deadline, server.output()
        time.sleep(0.05)
    return found[1]
