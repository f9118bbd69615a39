"""A server that was started without standard streams, or whose greeting can't be printed, serves all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.clients import Gateway
from tests.chaos.prepared import prepare
from tests.chaos.processes import Process, environment, free_port, wait_until_ready

_ORDER = {
    "account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
    "order_type": "MARKET", "amount": "0.0001",
}  # fmt: skip


@pytest.mark.parametrize(
    ("streams", "shown"), [("<&- >&- 2>&-", None), (">/dev/full", b"greeting not printed")], ids=["closed", "full"]
)
def test_a_server_needs_no_standard_streams(tmp_path: Path, streams: str, shown: bytes | None) -> None:
    """No connection or database has the number of one, and an order is answered."""
    data, port, log = tmp_path / "data", free_port(), tmp_path / "log"
    prepare(data)
    server = Process(("-m", "app", "serve"), environment(data, port), log)
    server.through = ("sh", "-c", f'exec "$@" {streams}', "sh")
    gateway = Gateway(port, timeout=30)
    server.start()
    try:
        wait_until_ready(port, server)
        assert gateway.call("POST", "/trading/orders", _ORDER).status == 201
        numbers = [os.readlink(f"/proc/{server.pid}/fd/{number}") for number in range(3)]
        assert [each for each in numbers if "socket" in each or each.startswith(str(data))] == []
        assert shown is None or shown in log.read_bytes()
    finally:
        server.kill()
        gateway.close()
