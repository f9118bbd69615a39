"""What the tests of the contract share: the Node tools, and one server to trade with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.chaos.processes import ROOT, Process, environment, free_port, wait_until_ready

TOOLS = ROOT / "tools" / "contract"
#: Seconds: a busy machine takes many times what a tool needs.
LONGEST = 300

Node = Callable[..., str]


def run(command: Sequence[str], directory: Path, **settings: str) -> str:
    """The output of ``command``, which must succeed."""
    ended = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:]
    return ended.stdout


@pytest.fixture(scope="session")
def node() -> Node:
    """Runs one of the Node tools and gives its output. Skips where they are not installed, unless TESTS_REQUIRE_NODE is set."""
    if not (TOOLS / "node_modules" / ".ready").exists():
        reason = "the Node tools are not installed: `make contract` installs them where there is Node 20.19 or newer"
        if os.environ.get("TESTS_REQUIRE_NODE"):
            pytest.fail(reason)
        pytest.skip(reason)

    def run_tool(tool: str, *arguments: str, directory: Path = TOOLS) -> str:
        path = f"{TOOLS / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
        # No tool asks its maker for news or sends figures.
        return run(
            [tool, *arguments], directory, PATH=path, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true"
        )

    return run_tool


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server with the paper exchange."""
    directory, port = tmp_path_factory.mktemp("server"), free_port()
    server = Process(["-m", "app", "serve"], environment(directory / "data", port), directory / "server.log")
    server.start()
    try:
        wait_until_ready(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
