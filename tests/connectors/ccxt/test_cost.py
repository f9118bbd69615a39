"""What the family costs who does not use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.chaos.processes import ROOT, environment

#: A process that starts, trades on paper and lists what there is, and then tells which modules of ccxt it has.
PROGRAM = """
import asyncio, sys
from pathlib import Path
from app.connectors.registry import connector_class, served_names
from tests.chaos.operations import Log, Operation
from tests.crash.restart import place, running

BODY = {"account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
        "order_type": "MARKET", "amount": "0.001"}

async def main(directory):
    async with running(directory) as gateway:
        done = await place(gateway, Log(directory / "log"), Operation(client="c", verb="place", key="k", body=BODY))
        assert done.outcome == "ok", done
        assert all(connector_class(name).capabilities for name in served_names())
    print(sorted(name for name in sys.modules if name.partition(".")[0] in ("ccxt", "binance")))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_gateway_that_trades_elsewhere_imports_no_ccxt(tmp_path: Path) -> None:
    """Neither at its start, nor for an order, nor for the list of all connectors: half a second and sixty megabytes less."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        env=environment(tmp_path, 1),
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip().splitlines()[-1] == "[]"
