"""freqtrade, with dry-run off, trades on the sandbox: spot, or futures if the argument says so.

What happened is read from the sandbox's own account of it, not from freqtrade's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import ccxt.pro
from sandbox import API_KEY, SECRET, report, sandbox

_SECONDS = 150

#: The parts of the market, by freqtrade's name of it: its pair, and where the sandbox's truth has its accounts.
_PAIRS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}


def main(mode: str) -> None:
    with sandbox() as address, tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.json"
        config.write_text(json.dumps(_config(mode, address)))
        command = [
            str(Path(sys.executable).with_name("freqtrade")),
            "trade",
            "--config",
            str(config),
            "--userdir",
            directory,
            "--strategy-path",
            str(Path(__file__).parent),
            "--strategy",
            "Trip",
            "--db-url",
            f"sqlite:///{directory}/trades.db",
        ]
        log = Path(directory) / "log.txt"
        with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
            try:
                _watch(mode, address, process)
            except AssertionError:
                print(log.read_text()[-6_000:])
                raise
            finally:
                process.terminate()


def _watch(mode: str, address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until an order was canceled, one was filled, and a third has sold what it bought."""
    deadline = time.monotonic() + _SECONDS
    steps = {"canceled": "BUY", "filled": "BUY", "sold": "SELL"}
    while steps:
        assert process.poll() is None, "freqtrade has ended"
        assert time.monotonic() < deadline, f"not seen: {', '.join(steps)}"
        for order in _orders(mode, address):
            step = "sold" if order["trade_type"] == "SELL" and order["state"] == "filled" else order["state"]
            if steps.get(step) == order["trade_type"]:
                del steps[step]
                report(f"{mode}: an order was {step}")
        time.sleep(1)
    with urlopen(f"http://{address}/sandbox/truth") as answer:
        truth = json.load(answer)
    (account,) = (truth if mode == "spot" else truth["futures"])["accounts"]
    balances = {each["asset"]: Decimal(each["total"]) for each in account["balances"]}
    assert 99_000 < balances["USDT"] < 100_000
    report(f"{mode}: balances")


def _orders(mode: str, address: str) -> list[dict[str, Any]]:
    with urlopen(f"http://{address}/sandbox/truth") as answer:
        truth = json.load(answer)
    accounts = (truth if mode == "spot" else truth["futures"])["accounts"]
    return [order for account in accounts for order in account["orders"]]


def _config(mode: str, address: str) -> dict[str, Any]:
    return {
        "dry_run": False,
        "trading_mode": mode,
        "margin_mode": "isolated" if mode == "futures" else "",
        "max_open_trades": 1,
        "stake_currency": "USDT",
        "stake_amount": 500,
        "unfilledtimeout": {"entry": 1, "exit": 1, "unit": "minutes"},
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exchange": {
            "name": "binance",
            "key": API_KEY,
            "secret": SECRET,
            "ccxt_config": {"urls": {"api": _addresses(address)}},
            "pair_whitelist": [_PAIRS[mode]],
        },
        "pairlists": [{"method": "StaticPairList"}],
        "internals": {"process_throttle_secs": 1},
        "initial_state": "running",
    }


def _addresses(address: str) -> dict[str, Any]:
    """ccxt's addresses of Binance, on the sandbox."""

    def moved(url: Any) -> Any:
        if isinstance(url, dict):
            return {name: moved(each) for name, each in url.items()}
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        prefix = "stream/" if host.startswith("stream.") else ""
        return f"{'ws' if scheme == 'wss' else 'http'}://{address}/{prefix}{path}"

    addresses: dict[str, Any] = moved(ccxt.pro.binance().urls["api"])
    return addresses


if __name__ == "__main__":
    main(*sys.argv[1:])
