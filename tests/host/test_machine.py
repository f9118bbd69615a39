"""What the machine does to a process: the disk is full, descriptors run out, it is stopped with a request inside.

Each time: nothing that was answered is lost, nothing is sent late, and the same process serves again once the machine is well.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.connectors.binance.client import RECV_WINDOW_MS
from tests.chaos.clients import Gateway, place_once
from tests.host.hosts import CONNECTOR, DEADLINE, FAULT_SECONDS, Host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One gateway for all: whatever the host did to it before, it must bear the next."""
    host = Host(tmp_path_factory.mktemp("host"))
    yield host
    host.close()


def test_a_full_disk(host: Host) -> None:
    """No file takes another byte, the log neither. Orders are refused, and the refused key is good for an order later."""
    host.place_at_last()
    refused = host.order()
    with host.limited(resource.RLIMIT_FSIZE, 0):
        done = host.place(refused)
        assert done.status == 503
        assert [order for order in host.exchange.truth.orders() if order.order_id == done.order_id] == []
        host.place_for(FAULT_SECONDS)
    assert host.place_at_last(refused).status == 201
    host.wait_until_ready()
    host.check()


def test_descriptors_run_out(host: Host) -> None:
    """Who has a connection is answered; strangers are not, and are as soon as there are descriptors."""
    host.place_at_last()
    strangers = Gateway(host.deployment.port)
    with host.limited(resource.RLIMIT_NOFILE, len(os.listdir(f"/proc/{host.pid}/fd"))):
        assert host.place().status is not None
        before = _seconds_of_work(host.pid)
        calling = threading.Thread(target=strangers.call, args=("GET", "/health/live"))
        calling.start()
        time.sleep(1)
        # An accept that fails is no reason to try again at once.
        assert _seconds_of_work(host.pid) - before < 0.9
        host.place_for(FAULT_SECONDS)
    calling.join()
    strangers.close()
    host.place_at_last()
    host.wait_until_ready()
    host.check()


def test_stopped_with_a_request_inside(host: Host) -> None:
    """For longer than an order may be on its way, at several moments of it. A process that is stopped between its last look at the
    clock and its write sends afterwards; the exchange then refuses what is older than its ``recvWindow``.
    """
    host.place_at_last()
    on_its_way = DEADLINE + timedelta(milliseconds=RECV_WINDOW_MS)
    for milliseconds in (2, 5):
        gateway = Gateway(host.deployment.port, CONNECTOR)
        placing = threading.Thread(target=place_once, args=(gateway, host.log, host.order()))
        placing.start()
        time.sleep(milliseconds / 1000)
        os.kill(host.pid, signal.SIGSTOP)
        try:
            time.sleep(max(on_its_way.total_seconds() + 0.2, FAULT_SECONDS))
        finally:
            os.kill(host.pid, signal.SIGCONT)
        placing.join()
        gateway.close()
    host.place_at_last()
    host.check(within=on_its_way)


def _seconds_of_work(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
