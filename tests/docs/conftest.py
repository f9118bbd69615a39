"""One real gateway for all pages, and a shell in which what they say can be pasted."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.prepared import prepare
from tests.chaos.processes import PASSWORD, ROOT, Process, environment, free_port, wait_until_ready
from tests.docs.pages import Block, blocks_of

#: A stream is read for so many seconds and then left.
_STREAM_SECONDS = "1"

_COMMAND = '#!/bin/sh\nexec {python} -m app "$@"\n'

#: A machine's service manager, as far as the pages call it.
_SYSTEMCTL = """#!/bin/sh
set -e
if [ "$1" = stop ]; then
    kill -TERM "$(cat {directory}/pid)"
    flock {directory}/data/ordergate.lock true  # the server keeps it as long as it uses the directory
else
    {python} -m app serve >>{directory}/server.log 2>&1 </dev/null &
    echo $! >{directory}/pid
    until curl -s -o /dev/null "$GATEWAY/health/live"; do sleep 0.05; done
fi
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine with a gateway that serves, as the pages expect one."""

    directory: Path
    port: int
    env: dict[str, str]

    def run(self, blocks: list[Block]) -> list[str]:
        """Run blocks one after the other in one shell; what each has printed. Fails with what the shell says."""
        script = "\n".join(f"{self._shell(block)}\necho '@@@'" for block in blocks)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], env=self.env, cwd=self.directory,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout.split("@@@\n")[:-1]

    def _shell(self, block: Block) -> str:
        text = self._here(block.text)
        if block.language == "python":
            return f"{shlex.quote(sys.executable)} - <<'PROGRAM'\n{text}PROGRAM"
        # Nobody presses Ctrl-C here: curl leaves the stream by itself, with the code 28.
        if "--no-buffer" in text:
            text = text.replace("--no-buffer", f"--no-buffer --max-time {_STREAM_SECONDS}").rstrip() + " || [ $? = 28 ]"
        return text

    def _here(self, text: str) -> str:
        """The text with this machine's places in it."""
        for theirs, ours in (
            ("http://127.0.0.1:8000", self.env["GATEWAY"]),
            ("-o ordergate -g ordergate ", ""),
            ("/opt/ordergate/.venv/bin/", ""),
            (".venv/bin/", ""),
            ("/var/lib/ordergate", str(self.directory / "data")),
            ("/var/backups/ordergate", str(self.directory / "backups")),
        ):
            text = text.replace(theirs, ours)
        return text


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, whose gateway knows the password by its hash only, as after a first start."""
    directory = tmp_path_factory.mktemp("machine")
    commands = directory / "bin"
    commands.mkdir()
    for name, text in (
        ("ordergate", _COMMAND),
        ("systemctl", _SYSTEMCTL),
        ("python", '#!/bin/sh\nexec {python} "$@"\n'),
    ):
        (commands / name).write_text(text.format(python=shlex.quote(sys.executable), directory=directory))
        (commands / name).chmod(0o755)
    port = free_port()
    prepare(directory / "data")
    env = environment(directory / "data", port)
    # With it in the environment of the server, no other password would ever count.
    del env["ORDERGATE_PASSWORD"]
    process = Process(("-m", "app", "serve"), env, directory / "server.log")
    env |= {
        "GATEWAY": f"http://127.0.0.1:{port}",
        "PASSWORD": PASSWORD,
        "PATH": f"{commands}:{os.environ['PATH']}",
    }
    process.start()
    try:
        wait_until_ready(port, process)
        (directory / "pid").write_text(f"{process.pid}\n")
        machine = Machine(directory=directory, port=port, env=env)
        # Who reads any page has placed the first order of the README.
        machine.run([each for each in blocks_of(ROOT / "README.md")[:2] if each.language == "sh"])
        yield machine
    finally:
        process.kill()
        # A page may have started another one in its place.
        subprocess.run(["sh", "-c", f"kill -KILL $(cat {directory}/pid) 2>/dev/null"], check=False)
