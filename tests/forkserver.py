"""Processes of the gateway that are forked from one which has imported the libraries, since each would take a second for that.

Only libraries are kept ready. Each process imports the program itself, as ``python -m`` does. It has its own session, environment
and output, so that it can be killed, traced and asked for its exit code like any other process.

A start is a message of JSON (arguments, environment, directory) with two descriptors: the output, and a pipe on which this server
writes the new process's id, and its exit code when it has ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

#: What the libraries are needed for: commands, serving, trading on Binance, and playing it.
_PROGRAM = (
    "app.commands",
    "app.bootstrap",
    "app.web.application",
    "app.connectors.binance.client",
    "app.sandbox.server",
)
_LIBRARIES = ("binance", "uvloop", "gunicorn.arbiter", "alembic.command", "sqlalchemy.dialects.postgresql.psycopg")

_LARGEST_MESSAGE = 1 << 20


def libraries() -> Sequence[str]:
    """The modules that the program imports, apart from its own, in their order; found in a process of their own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        for name in (*_PROGRAM, *_LIBRARIES):
            importlib.import_module(name)
        names = [
            name
            for name, module in sys.modules.items()
            if name.partition(".")[0] not in ("__main__", "app", "openapi", "tests")
            and getattr(getattr(module, "__spec__", None), "name", None) == name
        ]
        with os.fdopen(writing, "w") as pipe:
            json.dump(names, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found: list[str] = json.load(pipe)
    os.waitpid(pid, 0)
    return found


class ForkServer:
    """Serves starts that come on ``control`` until that is closed."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pipes: dict[int, int] = {}  # by the process's id
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.setblocking(False)
        self._waking = waking
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno())

    def run(self) -> Sequence[str] | None:
        """The arguments of the process that this has become; None where no more starts come."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        self._reap()
                        continue
                    message, descriptors, _, _ = socket.recv_fds(self._control, _LARGEST_MESSAGE, 2)
                    if not message:
                        return None
                    request = json.loads(message)
                    pid = os.fork()
                    if not pid:
                        self._become(request, descriptors[0])
                        arguments: list[str] = request["arguments"]
                        return arguments
                    os.close(descriptors[0])
                    self._pipes[pid] = descriptors[1]
                    os.write(descriptors[1], b"%d\n" % pid)

    def _reap(self) -> None:
        while self._pipes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            pipe = self._pipes.pop(pid)
            os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(pipe)

    def _become(self, request: dict[str, Any], output: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        os.closerange(3, 4096)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["directory"])
        random.seed()


def main() -> None:
    """Serve on the descriptor that the first argument names; in a forked process, be the program."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in libraries():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    arguments = ForkServer(control).run()
    if arguments is not None:
        module = arguments[0]
        sys.argv = list(arguments)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
