"""Starting processes of the gateway by way of ``tests/forkserver.py``, of which each Python that is asked for has one."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_LOCK = threading.Lock()
_SERVERS: dict[tuple[int, str], socket.socket] = {}  # by this process and the Python


class Forked:
    """A running process: what ``subprocess.Popen`` offers, for one that another process has started."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._rest = b""
        self._lock = threading.Lock()
        self.returncode: int | None = None
        self.pid = self._number(None)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with self._lock, contextlib.suppress(TimeoutError):
            if self.returncode is None:
                self.returncode = self._number(0.0)
                os.close(self._pipe)
        return self.returncode

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it ends. Raises ``TimeoutError``."""
        with self._lock:
            if self.returncode is None:
                self.returncode = self._number(seconds)
                os.close(self._pipe)
        return self.returncode

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def _number(self, seconds: float | None) -> int:
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = None if until is None else max(until - time.monotonic(), 0.0)
            if not select.select([self._pipe], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self._pipe, 64)
            if not part:
                raise RuntimeError("the server that forks has ended")
            self._rest += part
        number, _, self._rest = self._rest.partition(b"\n")
        return int(number)


def fork(python: str, arguments: Sequence[str], environment: Mapping[str, str], output: int) -> Forked:
    """Start ``python -m`` with ``arguments``, in a session of its own, and with ``output`` for what it says."""
    request = {"arguments": list(arguments), "environment": dict(environment), "directory": str(ROOT)}
    reading, writing = os.pipe()
    try:
        with _LOCK:
            socket.send_fds(_control(python), [json.dumps(request).encode()], [output, writing])
    finally:
        os.close(writing)
    return Forked(reading)


def _control(python: str) -> socket.socket:
    """The socket to the server of this process for ``python``, which is started if there is none."""
    name = os.getpid(), python
    if name not in _SERVERS:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = subprocess.Popen(
                [python, "-m", "tests.forkserver", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        _SERVERS[name] = ours
        atexit.register(_stop, ours, server)
    return _SERVERS[name]


def _stop(control: socket.socket, server: subprocess.Popen[bytes]) -> None:
    control.close()
    server.wait()
