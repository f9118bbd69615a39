"""Nobody reads the log any more: a paused terminal, a log shipper that hangs. The pipe is full, and orders go on."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

from tests.chaos.clients import Gateway
from tests.chaos.prepared import prepare
from tests.chaos.processes import Process, environment, free_port, wait_until_ready

#: The least that a pipe can hold: less than a dozen orders say.
_PIPE_BYTES = 4096
_ORDERS = 40


def test_a_log_that_nobody_reads_stops_no_order(tmp_path: Path) -> None:
    """Each is answered, and the process stops in order when it is told to. What was read in the end is whole lines."""
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    data, port = tmp_path / "data", free_port()
    prepare(data)
    server = Process(("-m", "app", "serve"), environment(data, port), pipe)
    gateway = Gateway(port, timeout=30)
    server.start()
    try:
        wait_until_ready(port, server)
        order = {
            "account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
            "order_type": "MARKET", "amount": "0.0001",
        }  # fmt: skip
        answers = [gateway.call("POST", "/trading/orders", order) for _ in range(_ORDERS)]
        assert {answer.status for answer in answers} == {201}
        # uvicorn ends by the signal that it was sent, after an orderly stop.
        assert server.terminate() == -signal.SIGTERM
        assert b"is ready on" in os.read(reader, _PIPE_BYTES)
    finally:
        server.kill()
        gateway.close()
        os.close(reader)
