"""Real processes of the gateway: started, watched, terminated and killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.forked import Forked, fork

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "a password for rehearsals"
#: A server imports for two seconds; on a busy machine for ten.
READY_SECONDS = 60.0
_LOOK = 0.05


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(directory: Path, port: int, **settings: str) -> dict[str, str]:
    """The environment of a process of the gateway in ``directory``."""
    # Without kept bytecode each of a hundred processes would compile the whole package anew.
    unwanted = ("ORDERGATE_", "DATABASE_", "PYTHONDONTWRITEBYTECODE")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ORDERGATE_DATA_DIR": str(directory),
        "ORDERGATE_PASSWORD": PASSWORD,
        "ORDERGATE_SECRET_KEY": "a key for rehearsals only",
        "PYTHONWARNINGS": "ignore",
        **settings,
    }


class Process:
    """One process and its children, with their output in a file."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], output: Path) -> None:
        # The tests of the official clients run in environments of their own, where the gateway is not installed.
        self._python = os.environ.get("ORDERGATE_PYTHON", sys.executable)
        self._arguments = arguments
        #: A command that starts it, which must become it.
        self.through: tuple[str, ...] = ()
        self._env = dict(env)
        self._output = output
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, **settings: str) -> None:
        """Start; ``settings`` are for this time only."""
        env = {**self._env, **settings}
        with self._output.open("ab") as output:
            if self._arguments[0] == "-m" and not self.through:
                self._process = fork(self._python, self._arguments[1:], env, output.fileno())
                return
            self._process = subprocess.Popen(
                [*self.through, self._python, *self._arguments],
                env=env,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def children(self) -> list[int]:
        """The ids of its child processes."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def kill(self) -> None:
        """Kill it and all its children."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def terminate(self, seconds: float = 40.0) -> int:
        """Terminate it and wait; its exit code."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        return self._process.wait(seconds)

    def wait(self, seconds: float = READY_SECONDS) -> int:
        """Wait until it ends by itself; its exit code, negative for a signal."""
        assert self._process is not None
        return self._process.wait(seconds)

    def output(self) -> str:
        """Its output so far."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""


def wait_until_ready(port: int, process: Process, seconds: float = READY_SECONDS) -> None:
    """Wait until the gateway answers. Raises if it has died or takes too long."""
    wait_until_answers(port, "/health/live", process, seconds)


def wait_until_answers(port: int, path: str, process: Process, seconds: float = READY_SECONDS) -> None:
    """Wait until the server of ``process`` answers ``path`` with 200. Raises if it has died or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running:
            raise RuntimeError(f"the server ended: {process.output()[-2000:]}")
        if is_ready(port, path):
            return
        time.sleep(_LOOK)
    raise RuntimeError(f"the server was not ready in {seconds} seconds: {process.output()[-2000:]}")


def is_ready(port: int, path: str = "/health/live") -> bool:
    """Whether a server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
