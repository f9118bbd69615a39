"""A sandbox for one client's script: a process of the gateway's own environment, which ends with the script.

The scripts beside this file run in environments of their own, one for each client that shares no environment with the gateway. Each
trades as its client's users do, and fails with an assertion where the sandbox is not what the client takes Binance for.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

API_KEY, SECRET = "sandbox-key", "sandbox-secret"

SYMBOL = "BTCUSDT"

#: Below any price that the market will have.
FAR_BELOW = "30000"


@contextmanager
def sandbox() -> Iterator[str]:
    """Host and port of a running sandbox. ``ORDERGATE_PYTHON`` is the interpreter of the gateway's environment."""
    command = [os.environ["ORDERGATE_PYTHON"], "-m", "app", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://([\w.:]+)\.", process.stdout.readline())
            assert found is not None, "the sandbox did not start"
            yield found[1]
        finally:
            process.terminate()


def report(step: str) -> None:
    """Say that a step was done."""
    print(f"ok: {step}", flush=True)
