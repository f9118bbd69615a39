"""The local exchanges of a campaign: their credentials in the gateway, their faults on demand, and their truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.sandbox.faults import CALL_ROUTES, STREAM_ROUTES, FaultKind, FaultRule
from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_once
from tests.chaos.deployments import SqliteDeployment
from tests.chaos.exchanges import SandboxExchange, fault_rules
from tests.chaos.local_exchanges import LOCAL
from tests.chaos.operations import Log, Operation


def order(key: str, connector_name: str) -> Operation:
    """An order that is filled at once. Its price is in it, since some exchanges have no market orders."""
    pair, _, amount, _, high, _ = LOCAL[connector_name].markets[0]
    body = {
        "account_name": "master_account",
        "connector_name": connector_name,
        "trading_pair": pair,
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": amount,
        "price": high,
    }
    return Operation(client="c", verb="place", key=key, connector_name=connector_name, body=body)


@pytest.fixture(params=[*LOCAL])
def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxExchange]:
    exchange = SandboxExchange(tmp_path, request.param, seed=1, rate=1.0)
    yield exchange
    exchange.close()


@pytest.fixture
def deployment(exchange: SandboxExchange, tmp_path: Path) -> Iterator[SqliteDeployment]:
    deployment = SqliteDeployment(tmp_path, exchange=exchange)
    yield deployment
    deployment.kill()


def test_an_order_at_a_local_exchange_is_checked_like_any_other(deployment: SqliteDeployment, tmp_path: Path) -> None:
    """Without faults there are no violations, and a truth without the order is one; faults begin on demand."""
    log = Log(tmp_path / "operations.jsonl")
    deployment.start(faulty=False)
    name = deployment.exchange.connector_name
    gateway = Gateway(deployment.port, name)

    done = place_once(gateway, log, order("k", name))
    assert done.status == 201
    assert settle(deployment, log, seconds=20) is not None
    evidence = evidence_of(deployment, log)
    assert check(evidence) == ()
    assert evidence.true_terms == {done.terms: 1}
    assert evidence.truth[0].fills
    assert {each.clause for each in check(replace(evidence, truth=()))} == {
        "states_equal_the_exchange",
        "fills_equal_the_exchange",
    }
    assert not deployment.fault_counts()

    deployment.exchange.begin(deployment.port, faulty=True)
    for key in ("k1", "k2", "k3"):
        place_once(gateway, log, order(key, name))
    gateway.close()
    assert deployment.fault_counts()


def test_the_chance_of_a_fault_is_the_one_asked_for() -> None:
    """On each route all kinds that answer wrongly come to the rate or a little more, and what happens beside an order, or for long,
    has chances of its own. Every kind is one that the sandbox knows.
    """
    chances: dict[str, float] = defaultdict(float)
    for rule in (FaultRule(**{**each, "kind": FaultKind(each["kind"])}) for each in fault_rules(0.2)):
        for route in rule.routes:
            chances[route] += rule.probability
    assert chances["place"] == pytest.approx(0.202 + 3 * 0.05)
    assert chances["cancel"] == pytest.approx(0.2)
    assert chances["query"] == pytest.approx(0.4)
    assert chances["open"] == pytest.approx(0.5)
    assert chances["user"] == pytest.approx(0.21)
    assert set(chances) <= CALL_ROUTES | STREAM_ROUTES
