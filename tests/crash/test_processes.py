"""Several processes on one PostgreSQL: one key makes one order wherever it arrives, and a dead lease holder is replaced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_until_known
from tests.chaos.deployments import PostgresDeployment
from tests.chaos.operations import Log, Operation
from tests.chaos.processes import Process, environment, free_port, wait_until_ready
from tests.postgres import PostgresServer

pytestmark = pytest.mark.postgres

LEASE = "account:master_account:paper"


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "operations.jsonl")


@pytest.fixture
def deployment(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[PostgresDeployment]:
    """One web process and two account workers, on a database of their own, not started yet."""
    deployment = PostgresDeployment(tmp_path, postgres_server, workers=1)
    yield deployment
    deployment.kill()


def at_once(*work: Callable[[], object]) -> list[object]:
    """Run all at the same moment, each on its own thread."""
    start = threading.Barrier(len(work))
    results: list[object] = [None] * len(work)

    def run(number: int, one: Callable[[], object]) -> None:
        start.wait()
        results[number] = one()

    threads = [threading.Thread(target=run, args=(number, one)) for number, one in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def operation(key: str, serial: int) -> Operation:
    """A resting order of terms that no other test order has."""
    body = {
        "account_name": "master_account",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": "0.001",
        "price": str(30_000 + serial),
    }
    return Operation(client=key, verb="place", key=key, body=body)


def test_one_key_is_one_order_on_two_hosts(deployment: PostgresDeployment, tmp_path: Path, log: Log) -> None:
    """The same call from several threads to two servers at the same moment, time and again: one order for each key."""
    deployment.web.start()
    other_port = free_port()
    other_directory = tmp_path / "other"
    other_directory.mkdir()
    env = {**deployment._env, **environment(other_directory, other_port, ORDERGATE_EXCHANGE_TIMEOUT="2")}
    other = Process(("-m", "app", "serve"), {**env, **deployment._database()}, tmp_path / "other.log")
    try:
        other.start()
        wait_until_ready(deployment.port, deployment.web)
        wait_until_ready(other_port, other)
        ports = (deployment.port, other_port) * 2
        gateways = [Gateway(port) for port in ports]
        for serial in range(8):
            asked = operation(f"key{serial}", serial)
            calls = [
                lambda gateway=gateway, n=n, asked=asked: place_until_known(
                    gateway, log, replace(asked, client=f"client{n}")
                )
                for n, gateway in enumerate(gateways)
            ]
            answers = at_once(*calls)
            assert len({answer.order_id for answer in answers}) == 1  # type: ignore[attr-defined]
        for gateway in gateways:
            gateway.close()
        assert settle(deployment, log) is not None
        evidence = evidence_of(deployment, log)
        assert check(evidence) == ()
        assert len(evidence.truth) == 8
    finally:
        other.kill()


def holder(deployment: PostgresDeployment) -> tuple[int, int] | None:
    """The process with the account's lease, and the lease's token."""
    url = deployment.journal_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT holder, token FROM leases WHERE name = %s AND expires_at > clock_timestamp()", (LEASE,)
        ).fetchone()
    return None if row is None else (int(row[0].split(":")[1]), row[1])


def next_holder(deployment: PostgresDeployment, others_than: int | None = None) -> int:
    """Wait until a process, other than one, has the lease; its id."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = holder(deployment)
        if found is not None and found[0] != others_than:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no process has taken the lease")


def test_a_killed_account_worker_is_replaced(deployment: PostgresDeployment, log: Log) -> None:
    """The worker with the lease is killed, also in the moment of taking it: the other has it when it has run out, which is within
    seconds by the database's clock; tests/services/reconciling/test_account_feeds.py counts them.
    """
    first, second = deployment.account_workers
    deployment.web.start()
    first.start(ORDERGATE_FAILPOINT="account_feeds.lease_taken")
    wait_until_ready(deployment.port, deployment.web)
    first.wait()
    died = first.pid
    second.start()
    first.start()
    dead = next_holder(deployment, others_than=died)
    assert dead in (first.pid, second.pid)

    (first if first.pid == dead else second).kill()
    alive = next_holder(deployment, others_than=dead)
    assert alive in (first.pid, second.pid)

    gateway = Gateway(deployment.port)
    place_until_known(gateway, log, operation("k", 99))
    gateway.close()
    assert settle(deployment, log) is not None
    assert check(evidence_of(deployment, log)) == ()
