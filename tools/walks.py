"""Three walks through the code, as lists of modules: a spot order, a fill, and the settling of an order after a crash.

    python -m tools.walks              this checkout
    python -m tools.walks --root PATH  another one, such as the commit before

Each walk is real: a gateway in a process of its own trades on the local Binance, and ``tools.trace`` notes the modules it enters.
A module counts if one of its functions runs during the walk, on any thread. First uses (imports, first connections) come before.

    order   a LIMIT order that rests, from the request to its answer
    fill    the market reaches a resting order, until the journal has the fill
    crash   the process dies after the exchange took an order and before the outcome was recorded, and starts again: from its first
            answer until the journal knows that the order is open
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRACE = Path(__file__).with_name("trace.py")
#: Seconds that anything may take before the tool gives up.
PATIENCE = 60.0
PASSWORD = "a password for walks"
KEY, SECRET = "walk-key", "walk-secret"
#: How many seconds the exchange's own events about an order come after its answer while orders are walked.
AFTERMATH = 0.5
#: The local exchange's market moves once per second; after this many seconds it has, and its events have come.
SETTLED = 1.5
#: Seconds after which recovery asks about an order without an outcome: longer than a start takes, shorter than the default.
CALL_SECONDS = "6"
#: How often an order and a fill are walked.
TIMES = 5


class Gateway:
    """A gateway process under ``tools.trace``."""

    def __init__(self, root: Path, directory: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._database = directory / "ordergate.db"
        self._log = (directory / "gateway.log").open("ab")
        # A pipe of its own: what the gateway logs must not come in between.
        reading, writing = os.pipe()
        self._answers = os.fdopen(reading)
        self._process = subprocess.Popen(
            [sys.executable, str(TRACE), str(writing), "serve"],
            pass_fds=(writing,),
            cwd=root,
            env=environment(directory, PORT=str(self.port), **settings),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(writing)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.status("/health/live") == 200, "the gateway answers")

    def entered(self) -> list[str]:
        """The modules entered since this was called last, by first entry."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the gateway ended before it answered")
        return list(json.loads(line))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, over a connection that is kept, as trading programs do. Raises ``RuntimeError`` for a refusal."""
        headers = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        self._connection.request(method, path, data, headers)
        with self._connection.getresponse() as answer:
            document = json.load(answer)
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path} was refused: {document}")
            return document

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            return 0

    def place(self, price: int) -> str:
        """Place a LIMIT order to buy and return its id."""
        order = {
            "account_name": "master_account",
            "connector_name": "binance",
            "trading_pair": "BTC-USDT",
            "trade_type": "BUY",
            "order_type": "LIMIT",
            "amount": "0.01",
            "price": price,
        }
        return str(self.call("POST", "/trading/orders", order)["order_id"])

    def state(self, order_id: str | None = None) -> str:
        """The state of an order, else of the newest one, from the journal's file: a request over HTTP would be part of the walk."""
        which = "order_id = ?" if order_id else "? is null"
        with contextlib.closing(sqlite3.connect(self._database)) as connection:
            row = connection.execute(f"SELECT state FROM orders WHERE {which} ORDER BY id DESC", (order_id,)).fetchone()
        return str(row[0]) if row else ""

    def wait_until_dead(self) -> None:
        self._process.wait(PATIENCE)
        self._log.close()

    def close(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.communicate()
        self._answers.close()
        self._log.close()


def walks(root: Path = ROOT, times: int = TIMES) -> dict[str, list[str]]:
    """The modules on each walk in the checkout at ``root``, by first entry; an order and a fill are walked ``times`` times."""
    with tempfile.TemporaryDirectory() as name, local_binance(root) as settings:
        directory = Path(name)
        found: dict[str, list[str]] = {}
        gateway = Gateway(root, directory, settings)
        try:
            gateway.wait_until_ready()
            credentials = {"binance_api_key": KEY, "binance_api_secret": SECRET}
            gateway.call("POST", "/accounts/add-credential/master_account/binance", credentials)
            for connector_name in ("paper", "paper_perpetual"):
                gateway.call("POST", f"/accounts/delete-credential/master_account/{connector_name}")
            for _ in range(3):
                gateway.place(price=10_000)
            set_price(settings, 30_000)
            time.sleep(SETTLED)
            delay_events(settings, AFTERMATH)
            found["order"] = common_to([order(gateway) for _ in range(times)])
            delay_events(settings, 0)
            found["fill"] = common_to([fill(gateway, settings) for _ in range(times)])
        finally:
            gateway.close()
        found["crash"] = crash(root, directory, settings)
        return found


def order(gateway: Gateway) -> list[str]:
    """The modules from the request of a resting order to its answer."""
    gateway.entered()
    gateway.place(price=10_000)
    return gateway.entered()


def fill(gateway: Gateway, settings: dict[str, str]) -> list[str]:
    """The modules from the moment when the market reaches a resting order until the journal has its fill."""
    order_id = gateway.place(price=20_000)
    time.sleep(SETTLED)
    gateway.entered()
    set_price(settings, 15_000)
    wait_until(lambda: gateway.state(order_id) == "filled", "the order is filled")
    modules = gateway.entered()
    set_price(settings, 30_000)
    time.sleep(SETTLED)
    return modules


def common_to(runs: list[list[str]]) -> list[str]:
    """What every run entered, in the order of the last. Periodic work that falls into one run (renewals, leases) is left out."""
    return [module for module in runs[-1] if all(module in run for run in runs)]


def crash(root: Path, directory: Path, settings: dict[str, str]) -> list[str]:
    """The modules that settle an order which a crash left behind, once the gateway has started again."""
    dying = Gateway(root, directory, {**settings, "ORDERGATE_FAILPOINT": "orders.exchange_answered"})
    try:
        dying.wait_until_ready()
        with contextlib.suppress(OSError, http.client.HTTPException):
            dying.place(price=9_000)
        dying.wait_until_dead()
    finally:
        dying.close()
    assert dying.state() == "pending", dying.state()
    gateway = Gateway(root, directory, {**settings, "ORDERGATE_EXCHANGE_TIMEOUT": CALL_SECONDS})
    try:
        gateway.wait_until_ready()
        gateway.entered()
        wait_until(lambda: gateway.state() == "open", "the order is settled")
        return gateway.entered()
    finally:
        gateway.close()


@contextlib.contextmanager
def local_binance(root: Path) -> Iterator[dict[str, str]]:
    """The local exchange; yields the settings that lead the gateway there."""
    port = free_port()
    command = [sys.executable, "-m", "app", "sandbox", "--port", str(port), "--key", f"{KEY}:{SECRET}"]
    process = subprocess.Popen(command, cwd=root, env=environment(Path("/nowhere")), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        settings: dict[str, str] = {}
        for line in process.stdout:
            settings |= dict(re.findall(r"(ORDERGATE_BINANCE_\w+)=(\S+)", line))
            if len(settings) >= 5:
                break
        settings = {name: value for name, value in settings.items() if "PERPETUAL" not in name}
        yield settings
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def delay_events(settings: dict[str, str], seconds: float) -> None:
    """Let the local exchange send its events about orders ``seconds`` late, so that none falls into the time of a request."""
    faults = [{"kind": "delay", "seconds": seconds}] if seconds else []
    put(settings, "/sandbox/faults", {"seed": 1, "faults": faults})


def set_price(settings: dict[str, str], price: int) -> None:
    """Move the local exchange's market."""
    put(settings, "/sandbox/prices", {"BTCUSDT": str(price)})


def put(settings: dict[str, str], path: str, body: Any) -> None:
    """Send one of the local exchange's own commands."""
    url = settings["ORDERGATE_BINANCE_REST_URL"].removesuffix("/api") + path
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request, timeout=PATIENCE):
        pass


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """The environment of a process that sees none of this one's settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ORDERGATE_", "DATABASE_", "PYTHONDONTWRITEBYTECODE"))
    }
    return inherited | {
        "HOST": "127.0.0.1",
        "ORDERGATE_DATA_DIR": str(directory),
        "ORDERGATE_PASSWORD": PASSWORD,
        "ORDERGATE_SECRET_KEY": "a key for walks only",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        **settings,
    }


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for ``condition``. Raises ``TimeoutError`` that says ``what`` never happened."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen in {PATIENCE:g} seconds: {what}")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description="The modules that an order, a fill and a recovery from a crash enter.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    for name, modules in walks(parser.parse_args().root.resolve()).items():
        print(f"{name}: {len(modules)} modules")
        for module in modules:
            print(f"    {module}")


if __name__ == "__main__":
    main()
