"""schemathesis against the real server with all its checks and phases: examples, coverage, fuzzing and stateful links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openapi import SPEC_PATH
from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready

_CONFIG = Path(__file__).with_name("schemathesis.toml")
#: Enough for every operation's odd corners, few enough for a minute.
_EXAMPLES = 10
#: Seconds: a busy machine takes several times that minute.
_LONGEST = 600


@pytest.mark.timeout(_LONGEST + 60)
def test_the_server_keeps_the_contract(tmp_path: Path) -> None:
    """No answer is undeclared, malformed or a fault of the server, whatever is sent."""
    port = free_port()
    server = Process(["-m", "app", "serve"], environment(tmp_path / "data", port), tmp_path / "server.log")
    server.start()
    try:
        wait_until_ready(port, server)
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(_CONFIG), "run", str(SPEC_PATH), "--url", f"http://127.0.0.1:{port}"),
            *("--auth", f"admin:{PASSWORD}", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *(
                "--seed",
                "20",
                "--max-examples",
                str(_EXAMPLES),
                "--continue-on-failure",
                "--generation-database",
                "none",
            ),
            # A stream has no end, and the tool reads ten seconds of each; `make schemathesis` lets it.
            *("--exclude-path", "/trading/events"),
        ]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=_LONGEST, check=False)
    finally:
        server.kill()
    assert run.returncode == 0, _last_lines(run.stdout)


def _last_lines(text: str) -> str:
    """The end of the report, with the endless values of fuzzed requests cut."""
    return "\n".join(line[:400] for line in text.splitlines()[-150:])
