"""The files for deploying: each is read by its own tool where that is installed, and held against the program everywhere."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import main
from tests.chaos.processes import ROOT
from tests.docs.conftest import Machine

DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile, in order."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def is_command(words: list[str]) -> bool:
    """Whether ``ordergate`` has the command."""
    group: click.Command | None = main
    for word in words:
        assert isinstance(group, click.Group)
        group = group.commands.get(word)
    return group is not None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    """systemd finds nothing to say about it, once its command is there."""
    text = (DEPLOY / "ordergate.service").read_text(encoding="utf-8")
    unit = tmp_path / "ordergate.service"
    unit.write_text(text.replace("/opt/ordergate/.venv/bin/ordergate", sys.executable))
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    about_it = [line for line in said.stderr.splitlines() if unit.name in line]
    assert (said.returncode, about_it) == (0, [])


def test_the_unit_starts_a_command_that_exists() -> None:
    """And gives orders under way the time that the server takes."""
    unit = dict(
        line.split("=", 1)
        for line in (DEPLOY / "ordergate.service").read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    program, *words = unit["ExecStart"].split()
    assert (program, is_command(words)) == ("/opt/ordergate/.venv/bin/ordergate", True)
    assert int(unit["TimeoutStopSec"]) > 20


def with_certificate(text: str, directory: Path) -> str:
    """The text with a certificate of the tests' own."""
    key, pem = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-subj", "/CN=trade.example.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    text = re.sub(r"(ssl_certificate_key) \S+;", rf"\1 {key};", text)
    return re.sub(r"(ssl_certificate) \S+;", rf"\1 {pem};", text)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    """As a part of a whole configuration."""
    site = tmp_path / "ordergate.conf"
    site.write_text(with_certificate((DEPLOY / "nginx.conf").read_text(encoding="utf-8"), tmp_path))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {site}; }}")
    said = subprocess.run(["nginx", "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert "test is successful" in said.stderr, said.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
def test_caddy_takes_its_file() -> None:
    """By its own look at it."""
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Valid configuration" in said.stdout + said.stderr


def test_proxies_pass_on_what_the_gateway_needs() -> None:
    """Where no nginx is installed, too: callers are told apart, sockets open, events flow, and no request is repeated."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    for directive in (
        "proxy_set_header X-Forwarded-For $remote_addr;", "proxy_set_header Host $host;", "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;", "proxy_buffering off;", "proxy_next_upstream off;",
    ):  # fmt: skip
        assert directive in text


def test_the_image_holds_what_it_runs() -> None:
    """Every file that it copies exists and is let through to it; the program runs as a user without rights."""
    copied = [word for line in instructions("COPY") if not line.startswith("--from") for word in line.split()[:-1]]
    missing = [name for name in copied if not (ROOT / name).exists()]
    assert missing == []
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [name for name in copied if f"!{name}" not in let_through] == []
    assert instructions("USER") == ["ordergate"]
    assert all("slim" in line for line in instructions("FROM"))
    [command] = [json.loads(line) for line in instructions("CMD")]
    assert (command[0], is_command(command[1:])) == ("ordergate", True)
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert ["--require-hashes" in line or "--no-index" in line for line in installs] == [True] * len(installs)


def test_the_image_s_health_check_tells(machine: Machine) -> None:
    """It succeeds beside a server, and fails without one."""
    check = json.loads(re.search(r"CMD (\[\"python.*\])", DOCKERFILE).group(1))  # type: ignore[union-attr]
    for port, code in ((machine.port, 0), (1, 1)):
        done = subprocess.run(
            [sys.executable, *check[1:]], env={"PORT": str(port)}, capture_output=True, check=False
        )  # fmt: skip
        assert done.returncode == code


def processes() -> dict[str, list[str]]:
    """What the Procfile starts."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: shlex.split(command) for name, command in (line.split(": ", 1) for line in lines)}


def test_compose_starts_what_the_procfile_does() -> None:
    """The same three commands, the migrations first; secrets have no default."""
    services: dict[str, Any] = COMPOSE["services"]
    for name, command in processes().items():
        plain = ["ordergate", *command[3:]] if command[:3] == ["python", "-m", "app"] else command
        assert services[name]["command"] == plain
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"release": {"condition": "service_completed_successfully"}}
    assert services["release"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    secrets = {**services["web"]["environment"], **services["database"]["environment"]}
    for name in ("ORDERGATE_SECRET_KEY", "ORDERGATE_PASSWORD", "POSTGRES_PASSWORD"):
        assert ":?" in secrets[name]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_a_platform_finds_what_it_needs() -> None:
    """app.json names the processes of the Procfile, its settings are some that are read, and the Python is one that is allowed."""
    described = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
    assert {*described["formation"], "release"} == set(processes())
    settings = (ROOT / "app" / "settings.py").read_text(encoding="utf-8")
    assert [name for name in described["env"] if f'"{name}"' not in settings] == []
    major, minor = map(int, (ROOT / ".python-version").read_text().split("."))
    assert (major, minor) >= (3, 11)
    assert all(f"python:{major}.{minor}-slim" in line for line in instructions("FROM"))
