"""Dead-man's switches with real processes: held by the exchange, by one of several processes, and after a restart of all.

The rehearsals run side by side, since most of their time is the shortest time-out that a switch may have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chaos.clients import Answer, Gateway
from tests.chaos.deployments import PostgresDeployment, SqliteDeployment
from tests.chaos.exchanges import SandboxExchange
from tests.chaos.processes import Process, wait_until_ready
from tests.chaos.truth import Truth
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

ACCOUNT = "master_account"
PRICES = {"BTC-USDT": "30000", "ETH-USDT": "1500"}
_PATIENCE = 60.0


def wait_for(is_true: Callable[[], bool], what: str) -> None:
    """Look again and again, for a minute at most."""
    deadline = time.monotonic() + _PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def place(gateway: Gateway, connector_name: str, pair: str, key: str) -> Answer:
    """A buy far below the market."""
    body = {
        "account_name": ACCOUNT,
        "connector_name": connector_name,
        "trading_pair": pair,
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": "0.05",
        "price": PRICES[pair],
    }
    return gateway.place(body, key)


def arm(gateway: Gateway, connector_name: str, **terms: Any) -> Mapping[str, Any]:
    """The caller's word, for the shortest time that there is."""
    body = {"account_name": ACCOUNT, "connector_name": connector_name, "timeout_seconds": 5, **terms}
    answer = gateway.call("PUT", "/safety/dead-man", body)
    assert answer.status == 200, answer
    return answer.body


def switch(gateway: Gateway, connector_name: str) -> Mapping[str, Any]:
    """The switch as it stands."""
    shown = gateway.call("GET", "/safety/dead-man").body["switches"]
    [found] = [each for each in shown if each["connector_name"] == connector_name]
    return dict(found)


def resting(truth: Truth) -> set[str]:
    """The pairs on which the exchange has an open order."""
    return {order.trading_pair for order in truth.orders() if order.state == "open"}


@contextmanager
def deployed(directory: Path, connector_name: str) -> Iterator[tuple[SqliteDeployment, SandboxExchange, Gateway]]:
    """A gateway at an exchange that runs here, and its caller. All are killed in the end."""
    directory.mkdir()
    exchange = SandboxExchange(directory, connector_name, seed=1)
    deployment = SqliteDeployment(directory, exchange=exchange)
    try:
        deployment.start(faulty=False)
        yield deployment, exchange, Gateway(deployment.port, connector_name)
    finally:
        deployment.kill()
        exchange.close()


def held_by_the_account_s_countdown(directory: Path) -> None:
    """Kraken's is one for all pairs: every process of the gateway is killed, and the exchange has emptied the account by itself."""
    with deployed(directory, "kraken") as (deployment, exchange, gateway):
        armed = arm(gateway, "kraken", require="exchange")
        assert (armed["held_by"], armed["covers"]["exchange"]) == ("both", [])
        for pair in PRICES:
            assert place(gateway, "kraken", pair, f"k-{pair}").status == 201
        assert switch(gateway, "kraken")["covers"]["exchange"] == ["*"]
        assert resting(exchange.truth) == set(PRICES)
        gateway.close()
        deployment.kill()
        wait_for(lambda: not resting(exchange.truth), "the exchange has not fired")
        assert {order.state for order in exchange.truth.orders()} == {"canceled"}


def held_by_the_exchange(directory: Path) -> None:
    """The caller of one account goes, and its gateway fires; then every process of the gateway is killed and never started again,
    and the exchange has emptied the other account by itself.
    """
    with deployed(directory, "binance_perpetual") as (deployment, exchange, gateway):
        assert place(gateway, "paper", "BTC-USDT", "gone").status == 201
        assert place(gateway, "binance_perpetual", "BTC-USDT", "before").status == 201
        assert arm(gateway, "paper", then="halt")["held_by"] == "gateway"
        armed = arm(gateway, "binance_perpetual", require="exchange")
        assert (armed["held_by"], armed["covers"]["exchange"]) == ("both", ["BTC-USDT"])
        assert place(gateway, "binance_perpetual", "ETH-USDT", "after").status == 201
        assert switch(gateway, "binance_perpetual")["covers"]["exchange"] == ["BTC-USDT", "ETH-USDT"]

        def has_fired() -> bool:
            arm(gateway, "binance_perpetual", require="exchange")
            found = switch(gateway, "paper")
            return found["fired_at"] is not None and found["quiet"]

        wait_for(has_fired, "the gateway that lives has not fired")
        assert place(gateway, "paper", "BTC-USDT", "late").body["code"] == "halted"
        assert resting(exchange.truth) == {"BTC-USDT", "ETH-USDT"}
        gateway.close()
        deployment.kill()
        assert not deployment.server.is_running
        wait_for(lambda: not resting(exchange.truth), "the exchange has not fired")
        assert {order.state for order in exchange.truth.orders()} == {"canceled"}


def held_by_the_gateway(directory: Path, server: PostgresServer) -> None:
    """One of two processes dies as it fires, and the other cancels. Then all are killed: after the deadline the first order lets
    the switch fire, and is not sent before those of before are gone, though the process that cancels them dies as well.
    """
    directory.mkdir()
    deployment = PostgresDeployment(directory, server, workers=1)
    first, second = deployment.account_workers
    try:
        deployment.web.start()
        for worker in (first, second):
            worker.start(ORDERGATE_FAILPOINT="dead_man.fired")
        wait_until_ready(deployment.port, deployment.web)
        gateway = Gateway(deployment.port)
        for pair in PRICES:
            assert place(gateway, "paper", pair, f"first-{pair}").status == 201
        arm(gateway, "paper")
        wait_for(lambda: first.is_running != second.is_running, "not exactly one process has fired")
        wait_for(lambda: switch(gateway, "paper")["quiet"], "the other process has not canceled")
        assert resting(deployment.truth) == set()

        for pair in PRICES:
            assert place(gateway, "paper", pair, f"second-{pair}").status == 201
        arm(gateway, "paper")
        gateway.close()
        deployment.kill()
        let_the_deadline_pass(deployment)
        deployment.web.start()
        wait_until_ready(deployment.port, deployment.web)
        assert place(gateway, "paper", "BTC-USDT", "new").body["code"] == "dead_man_due"
        assert switch(gateway, "paper")["fired_at"] is not None
        assert resting(deployment.truth) == set(PRICES)
        assert dies_at(first, "dead_man.cleared")
        assert resting(deployment.truth) == set()
        assert place(gateway, "paper", "BTC-USDT", "new").body["code"] == "dead_man_due"
        second.start()
        wait_for(lambda: place(gateway, "paper", "BTC-USDT", "new").status == 201, "orders are not taken again")
        assert resting(deployment.truth) == {"BTC-USDT"}
        gateway.close()
    finally:
        deployment.kill()


def dies_at(worker: Process, point: str) -> bool:
    """Whether ``worker`` is killed at ``point``, and at nothing else."""
    worker.start(ORDERGATE_FAILPOINT=point)
    return worker.wait() == -9


def let_the_deadline_pass(deployment: PostgresDeployment) -> None:
    """As time would, while no process runs."""
    url = deployment.journal_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE dead_man SET armed_until = armed_until - interval '1 minute'")


def test_orders_go_when_their_caller_does(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """Whoever else has gone with it."""
    with ThreadPoolExecutor(3) as side_by_side:
        rehearsals = [
            side_by_side.submit(held_by_the_exchange, tmp_path / "exchange"),
            side_by_side.submit(held_by_the_account_s_countdown, tmp_path / "account"),
            side_by_side.submit(held_by_the_gateway, tmp_path / "gateway", postgres_server),
        ]
    for rehearsal in rehearsals:
        rehearsal.result()
