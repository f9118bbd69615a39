"""Draws docs/pictures/first-order.svg: a terminal in which a new gateway is started and the README's first orders are placed.

    python -m tools.picture

What it shows was printed by a real run in a directory of its own.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "first-order.svg"
_WIDTH = 132

#: Of the greeting, as far as it is shown.
_LAST_LINE = "It was made just now, is shown this once, and only its hash is kept.\n"

#: As the README has it.
_SHELL = """call() { curl -s -u "admin:$PASSWORD" -H 'Content-Type: application/json' "http://127.0.0.1:$PORT$1" "${@:2}"; }"""
_TERMS = (
    '"account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",'
    ' "amount": "0.01"'
)
_CALLS = (
    """call /market-data/prices -d '{"connector_name": "paper", "trading_pairs": ["BTC-USDT"]}'""",
    f"""call /trading/orders -d '{{{_TERMS}, "order_type": "MARKET"}}'""",
    f"""call /trading/orders -d '{{{_TERMS}, "order_type": "LIMIT", "price": "50000", "client_order_id": "mine-1"}}'""",
    "call /trading/master_account/paper/orders/mine-1/cancel -X POST",
)


def main() -> None:
    """Run, and draw."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    with tempfile.TemporaryDirectory() as directory:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        env = {"PATH": os.environ["PATH"], "ORDERGATE_DATA_DIR": directory, "PORT": port}
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _session(console, server, env)
        finally:
            server.terminate()
            server.wait()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(console.export_svg(title="ordergate"), encoding="utf-8")


def _session(console: Console, server: subprocess.Popen[str], env: dict[str, str]) -> None:
    assert server.stdout is not None
    greeting = "".join(iter(server.stdout.readline, _LAST_LINE)) + _LAST_LINE
    password = re.search(r"is: (\S+)", greeting)
    assert password is not None, greeting
    _show(console, "make run", greeting.strip().replace(f":{env['PORT']}", ":8000"))
    for call in _CALLS:
        answer = subprocess.run(
            ["bash", "-c", f"{_SHELL}; {call}"],
            env={**env, "PASSWORD": password[1]}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        _show(console, call, answer.stdout)


def _show(console: Console, command: str, output: str) -> None:
    console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
    console.print(Text(output), end="\n\n")


if __name__ == "__main__":
    main()
