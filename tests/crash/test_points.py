"""A real server is killed at every failpoint; the next process keeps the promise."""

from __future__ import annotations

import asyncio
import base64
import http.client
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.clients import Gateway, place_once
from tests.chaos.deployments import SqliteDeployment
from tests.chaos.operations import Log, Operation
from tests.chaos.processes import PASSWORD
from tests.crash import test_local_exchanges
from tests.crash.points import named_points
from tests.crash.restart import CALL_SECONDS, place, restart_and_check, running
from tests.services.world import until

BODY = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "MARKET",
    "amount": "0.001",
}
PLACE = Operation(client="c", verb="place", key="k", body=BODY)
RESTING = Operation(client="c", verb="place", key="r", body={**BODY, "order_type": "LIMIT", "price": "30000"})

#: Reached by placing an order.
PLACING = (
    "journal.intent.before_commit",
    "journal.intent.after_commit",
    "orders.intent_recorded",
    "connector.paper.submitting",
    "connector.paper.submitted",
    "orders.exchange_answered",
    "journal.outcome.before_commit",
    "journal.outcome.after_commit",
    "orders.outcome_recorded",
    "feed.event_read",
)
#: Reached by placing an order again that was refused for a moment.
RETRYING = (
    "journal.intent.before_commit@2",
    "journal.intent.after_commit@2",
    "orders.retry_recorded",
    "connector.paper.submitting@2",
)
#: Reached by cancelling one.
CANCELING = (
    "orders.cancel_recorded",
    "connector.paper.canceling",
    "connector.paper.canceled",
    "orders.cancel_answered",
)
#: Reached by the process that recovers from this fault of the exchange.
RECOVERING = {
    "recovery.book_answered": "reset",
    "settling.exchange_answered": "reset",
    "settling.absence_proven": "down",
}
#: Reached while the exchange's reports come without the fills that they count.
FETCHING = ("settling.fills_answered",)
#: Needs several processes: tests/crash/test_processes.py.
ELSEWHERE = ("account_feeds.lease_taken",)
#: Of dead-man's switches: tests/crash/test_dead_man.py, tests/services/safety/test_countdowns.py.
DEAD_MAN = (
    "dead_man.armed",
    "dead_man.disarmed",
    "dead_man.fired",
    "dead_man.cleared",
    "countdowns.started",
    "countdowns.renewed",
)


def test_every_point_is_covered() -> None:
    """A new failpoint needs a test here, and one on the local exchanges."""
    retrying = {point.partition("@")[0] for point in RETRYING}
    named = named_points()
    assert named == {*PLACING, *retrying, *CANCELING, *RECOVERING, *FETCHING, *ELSEWHERE, *DEAD_MAN}
    of_paper = {point for point in named if point.startswith("connector.paper.")}
    assert named - of_paper - {*DEAD_MAN} == {*test_local_exchanges.EVERY, *test_local_exchanges.ELSEWHERE}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "operations.jsonl")


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[SqliteDeployment]:
    deployment = SqliteDeployment(tmp_path, ORDERGATE_EXCHANGE_TIMEOUT=CALL_SECONDS)
    yield deployment
    deployment.kill()


def died(deployment: SqliteDeployment) -> bool:
    """Whether the server died at its failpoint, and of nothing else."""
    return deployment.server.wait() == -signal.SIGKILL


def place_until_dead(gateway: Gateway, log: Log) -> None:
    """The client's call, repeated for as long as it is refused for a moment."""
    while place_once(gateway, log, PLACE).status == 503:
        time.sleep(0.1)


@pytest.mark.parametrize("point", PLACING)
async def test_killed_while_placing(deployment: SqliteDeployment, log: Log, tmp_path: Path, point: str) -> None:
    """The client repeats its call to the next process: one order, in the journal and at the exchange, and equal."""
    deployment.start(faulty=False, ORDERGATE_FAILPOINT=point)
    gateway = Gateway(deployment.port)
    place_once(gateway, log, PLACE)
    gateway.close()
    assert died(deployment)
    assert await restart_and_check(tmp_path, log, PLACE) == ()


@pytest.mark.parametrize("point", RETRYING)
async def test_killed_while_retrying(log: Log, tmp_path: Path, point: str) -> None:
    """The client repeats its call to the next process as well: one order, and equal."""
    deployment = SqliteDeployment(tmp_path, faults="rate=1,kinds=busy", ORDERGATE_EXCHANGE_TIMEOUT=CALL_SECONDS)
    try:
        deployment.start(faulty=True, ORDERGATE_FAILPOINT=point)
        gateway = Gateway(deployment.port)
        assert place_once(gateway, log, PLACE).status == 503
        place_until_dead(gateway, log)
        gateway.close()
        assert died(deployment)
    finally:
        deployment.kill()
    assert await restart_and_check(tmp_path, log, PLACE) == ()


@pytest.mark.parametrize("point", CANCELING)
async def test_killed_while_canceling(deployment: SqliteDeployment, log: Log, tmp_path: Path, point: str) -> None:
    """The order is canceled or open in the end, in the journal as at the exchange."""
    deployment.start(faulty=False, ORDERGATE_FAILPOINT=point)
    gateway = Gateway(deployment.port)
    placed = place_once(gateway, log, RESTING)
    assert placed.order_id is not None
    assert gateway.cancel(placed.order_id).status is None
    gateway.close()
    assert died(deployment)
    assert await restart_and_check(tmp_path, log) == ()


@pytest.mark.parametrize("point", RECOVERING)
async def test_killed_while_recovering(log: Log, tmp_path: Path, point: str) -> None:
    """The next process recovers what a killed recovery has left."""
    async with running(tmp_path, faults=f"rate=1,kinds={RECOVERING[point]}+unanswered+drop") as gateway:
        assert (await place(gateway, log, PLACE)).state == "unknown"
    worker = SqliteDeployment(tmp_path, program=("-m", "tests.crash.account_worker")).server
    worker.start(ORDERGATE_FAILPOINT=point)
    assert worker.wait() == -signal.SIGKILL
    assert await restart_and_check(tmp_path, log, PLACE) == ()


@pytest.mark.parametrize("point", FETCHING)
async def test_killed_while_fetching_fills(log: Log, tmp_path: Path, point: str) -> None:
    """Fills that were being fetched are fetched again, and counted once."""
    async with running(tmp_path, faults="rate=1,kinds=reset+unanswered+drop") as gateway:
        assert (await place(gateway, log, PLACE)).state == "unknown"
    worker = SqliteDeployment(tmp_path, program=("-m", "tests.crash.account_worker")).server
    worker.start(ORDERGATE_FAILPOINT=point, ORDERGATE_PAPER_FAULTS="rate=1,kinds=bare")
    assert worker.wait() == -signal.SIGKILL
    assert await restart_and_check(tmp_path, log, PLACE) == ()


async def test_asked_to_stop_while_an_order_is_under_way(log: Log, tmp_path: Path) -> None:
    """SIGTERM while the exchange does not answer: the caller gets an answer, the server ends cleanly, and the order is settled."""
    deployment = SqliteDeployment(tmp_path, faults="rate=1,kinds=lost")
    deployment.start(faulty=True)
    gateway = Gateway(deployment.port)
    try:
        async with asyncio.TaskGroup() as group:
            placing = group.create_task(asyncio.to_thread(place_once, gateway, log, PLACE))
            await until(lambda: deployment.fault_counts()["lost"] == 1)
            stopping = group.create_task(asyncio.to_thread(deployment.server.terminate))
        # Unknown, or accepted if the stream was quicker. uvicorn ends by the signal that it was sent, once it has stopped.
        assert placing.result().status in (201, 202)
        assert stopping.result() == -signal.SIGTERM
    finally:
        gateway.close()
        deployment.kill()
    assert await restart_and_check(tmp_path, log, PLACE) == ()


@contextmanager
def watching(port: int) -> Iterator[http.client.HTTPResponse]:
    """An event stream that has begun."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    connection.request("GET", "/trading/events", headers={"Authorization": f"Basic {token}"})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


async def test_cancels_pass_while_a_stopping_server_waits_for_an_order(log: Log, tmp_path: Path) -> None:
    """SIGTERM while the exchange does not answer an order: no other is taken, and who wants out gets out."""
    deployment = SqliteDeployment(tmp_path, faults="rate=1,kinds=lost+drop", ORDERGATE_EXCHANGE_TIMEOUT="60")
    gateway, placing, newcomer = (Gateway(deployment.port) for _ in range(3))
    try:
        deployment.start(faulty=False)
        resting = [gateway.place(RESTING.body, f"resting-{number}").body["order_id"] for number in range(2)]
        gateway.close()
        deployment.kill()
        deployment.start(faulty=True)
        async with asyncio.TaskGroup() as group:
            stuck = group.create_task(asyncio.to_thread(place_once, placing, log, PLACE))
            await until(lambda: deployment.fault_counts()["lost"] == 1)
            # A stream is ended by the signal, so its end tells that the gateway has it.
            with watching(deployment.port) as events:
                os.kill(deployment.server.pid, signal.SIGTERM)
                await asyncio.to_thread(events.read)
            assert gateway.place(RESTING.body, "late").body["code"] == "shutting_down"
            for order_id, caller in zip(resting, (gateway, newcomer), strict=True):
                answer = caller.cancel(order_id)
                assert (answer.status, answer.body["status"]) == (200, "CANCELLED")
            assert not stuck.done()
            deployment.kill()
    finally:
        for each in (gateway, placing, newcomer):
            each.close()
        deployment.kill()
