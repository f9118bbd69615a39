"""A real server without each safeguard: the checker finds the violations that it prevents.

The tests in tests/services and tests/crash show that the same scenarios break nothing in the real gateway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.domain.lifecycle import UNSETTLED
from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_once
from tests.chaos.deployments import SqliteDeployment
from tests.chaos.exchanges import SandboxExchange
from tests.chaos.operations import Log, Operation
from tests.chaos.other_keys import store_other_keys
from tests.chaos.sabotage import SAFEGUARDS

BODY = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": "0.001",
}
MARKET = Operation(client="c", verb="place", key="market", body={**BODY, "order_type": "MARKET"})
RESTING = Operation(client="c", verb="place", key="rest", body={**BODY, "order_type": "LIMIT", "price": "30000"})


class Scenario:
    """A server, with or without a safeguard, and one client."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.log = Log(directory / "operations.jsonl")
        self.deployment: SqliteDeployment
        self.gateway: Gateway
        self._close = ExitStack()

    def close(self) -> None:
        """End everything that was started."""
        self._close.close()

    def begin(self, safeguard: str | None, *, faults: str = "", point: str = "") -> None:
        """Start the server; without a safeguard if one is named."""
        self._start(safeguard, point, faults=faults)

    def begin_at_binance(self, safeguard: str, connector_name: str, *more: dict[str, Any], **fault: Any) -> None:
        """Start a local Binance with these faults, and the server without a safeguard."""
        faults = [fault, *more] if fault else []
        exchange = SandboxExchange(self._directory, connector_name, seed=1, faults=faults)
        self._close.callback(exchange.close)
        self._start(safeguard, "", exchange=exchange)

    def _start(self, safeguard: str | None, point: str, **options: Any) -> None:
        program = ("-m", "app", "serve") if safeguard is None else ("-m", "tests.chaos.sabotage", safeguard)
        self.deployment = SqliteDeployment(self._directory, program=program, **options)
        self._close.callback(self.deployment.kill)
        self.deployment.start(faulty=True, ORDERGATE_FAILPOINT=point)
        self.gateway = Gateway(self.deployment.port, self.deployment.exchange.connector_name)
        self._close.callback(self.gateway.close)

    def place(self, operation: Operation) -> Operation:
        return place_once(self.gateway, self.log, operation)

    def until_settled(self) -> None:
        """Wait until every order is settled."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            orders = evidence_of(self.deployment, self.log).journal.orders
            if orders and not any(order.state in UNSETTLED for order in orders):
                return
            time.sleep(0.1)

    def broken_clauses(self) -> set[str]:
        """What of the promise is broken."""
        return {violation.clause for violation in check(evidence_of(self.deployment, self.log))}


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Scenario]:
    scenario = Scenario(tmp_path)
    yield scenario
    scenario.close()


def killed_after_sending(scenario: Scenario, safeguard: str) -> None:
    """The process dies when the exchange has the order; the next process has every safeguard."""
    scenario.begin(safeguard, point="connector.paper.submitted")
    scenario.place(RESTING)
    scenario.deployment.server.wait()
    scenario.begin(None)
    settle(scenario.deployment, scenario.log, seconds=30)


def one_key_twice(scenario: Scenario, safeguard: str) -> None:
    """A client repeats its call."""
    scenario.begin(safeguard)
    scenario.place(RESTING)
    scenario.place(RESTING)


def answer_lost(scenario: Scenario, safeguard: str) -> None:
    """A market order is done and its answer is lost."""
    scenario.begin(safeguard, faults="rate=1,kinds=reset")
    scenario.place(MARKET)
    scenario.until_settled()


def order_late(scenario: Scenario, safeguard: str) -> None:
    """An order reaches the exchange some seconds after the connection broke."""
    scenario.begin(safeguard, faults="rate=1,kinds=late")
    scenario.place(RESTING)
    scenario.until_settled()
    deadline = time.monotonic() + 30
    while not scenario.deployment.truth.orders() and time.monotonic() < deadline:
        time.sleep(0.1)


def events_doubled(scenario: Scenario, safeguard: str) -> None:
    """The answer and the stream report the same fills, the stream twice."""
    scenario.begin(safeguard, faults="rate=1,kinds=double")
    scenario.place(MARKET)
    settle(scenario.deployment, scenario.log, seconds=2)


def overloaded(scenario: Scenario, safeguard: str, connector_name: str) -> None:
    """A market order at Binance is executed and answered with -1008."""
    scenario.begin_at_binance(safeguard, connector_name, kind="accept_overloaded", routes=["place"])
    scenario.place(at(connector_name, MARKET))


def amended(scenario: Scenario, safeguard: str, connector_name: str) -> None:
    """An order at Binance is amended by its owner before it is answered, and the answer tells its terms before."""
    scenario.begin_at_binance(safeguard, connector_name, kind="amend", seconds=0.5)
    scenario.place(at(connector_name, RESTING))


def amended_among_odd_rows(scenario: Scenario, safeguard: str) -> None:
    """No event tells of an amendment, and the open orders have a row that nobody can read."""
    scenario.begin_at_binance(safeguard, "binance_perpetual", {"kind": "drop"}, kind="odd_rows", routes=["open"])
    scenario.place(at("binance_perpetual", RESTING))
    # Past the questions about an order that was found pending, and later past a reconciliation that reads row by row.
    time.sleep(5)
    exchange = scenario.deployment.exchange
    assert isinstance(exchange, SandboxExchange)
    [order] = scenario.deployment.truth.orders()
    exchange.amend(order, "0.0005", "30001")
    # A gap of the stream makes the gateway compare at once.
    read = exchange.fault_counts()["odd_rows"]
    exchange.cut_streams()
    deadline = time.monotonic() + 60
    while exchange.fault_counts()["odd_rows"] == read and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)


def denied(scenario: Scenario, safeguard: str, connector_name: str) -> None:
    """Questions about an order that was seen are answered with "no such order", and lists do not have it."""
    scenario.begin_at_binance(
        safeguard,
        connector_name,
        {"kind": "hide", "routes": ["open", "trades"], "seconds": 600},
        {"kind": "lose_reset", "routes": ["cancel"]},
        kind="forget",
        seconds=600,
    )
    placed = scenario.place(at(connector_name, RESTING))
    assert placed.state == "open"
    # A cancel without an answer makes the gateway ask about the order.
    scenario.gateway.cancel(str(placed.order_id))


def other_keys(scenario: Scenario, safeguard: str) -> None:
    """The keys of another account are stored while an order rests."""
    scenario.begin_at_binance(safeguard, "binance")
    resting = scenario.place(at("binance", RESTING))
    credentials = scenario.deployment.exchange.other_credentials
    assert credentials is not None
    assert store_other_keys(scenario.gateway, scenario.log, credentials, resting).status == 201


def symbol_gone(scenario: Scenario, safeguard: str, connector_name: str) -> None:
    """An order is placed without an answer or an event, and then its symbol is not listed."""
    scenario.begin_at_binance(safeguard, connector_name, {"kind": "drop"}, kind="delist", seconds=600)
    scenario.place(at(connector_name, RESTING))


def rules_changed(scenario: Scenario, safeguard: str) -> None:
    """An order is placed without an answer, and when its call is repeated it would be too small."""
    scenario.begin_at_binance(safeguard, "binance", kind="new_rules", times=1, seconds=600)
    scenario.place(at("binance", RESTING))
    for number in range(1, 40):
        # The exchange's refusal makes the gateway read the rules anew, at most every ten seconds.
        other = replace(RESTING, key=f"other{number}", body={**RESTING.body, "price": str(30_000 - number)})
        scenario.place(at("binance", other))
        if scenario.place(at("binance", RESTING)).outcome == "fail":
            return
        time.sleep(0.5)


def repeated_by_two(scenario: Scenario, safeguard: str) -> None:
    """After a refusal that passes, two callers repeat the call at once; both ask whether the order is there before either sends."""
    scenario.begin_at_binance(
        safeguard,
        "binance_perpetual",
        {"kind": "slow", "routes": ["query"], "seconds": 1.0},
        kind="refuse_unavailable",
        routes=["place"],
        times=1,
    )
    order = at("binance_perpetual", MARKET)
    assert scenario.place(order).status == 503
    time.sleep(1.5)  # the hold of the refusal

    gateways = [Gateway(scenario.deployment.port, "binance_perpetual") for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda gateway: place_once(gateway, scenario.log, order), gateways))
    for gateway in gateways:
        gateway.close()


def at(connector_name: str, operation: Operation) -> Operation:
    """``operation`` on another connector."""
    return replace(operation, connector_name=connector_name, body={**operation.body, "connector_name": connector_name})


#: The scenario of each safeguard, named by the first word, and the clauses of which at least one breaks without it, depending on
#: timing.
SCENARIOS: dict[str, tuple[Callable[[Scenario, str], None], set[str]]] = {
    "intent_before_send": (
        killed_after_sending,
        {"intents_come_first", "orders_at_the_exchange_are_in_the_journal"},
    ),
    "unique_key": (one_key_twice, {"one_key_makes_one_order"}),
    "no_resend": (answer_lost, {"one_key_makes_one_order"}),
    "grace_before_never_arrived": (order_late, {"states_equal_the_exchange", "final_states_are_not_taken_back"}),
    "fill_deduplication": (events_doubled, {"fills_equal_the_exchange"}),
    "overload_proves_nothing": (
        partial(overloaded, connector_name="binance"),
        {"refused_orders_are_not_at_the_exchange"},
    ),
    "amendments": (partial(amended, connector_name="binance"), {"terms_equal_the_exchange"}),
    "amendments on futures": (partial(amended, connector_name="binance_perpetual"), {"terms_equal_the_exchange"}),
    "patience": (partial(denied, connector_name="binance"), {"states_equal_the_exchange"}),
    "exchange_account": (other_keys, {"states_equal_the_exchange"}),
    "errors_are_no_absence": (partial(symbol_gone, connector_name="binance"), {"states_equal_the_exchange"}),
    "repeats_before_rules": (rules_changed, {"refused_orders_are_not_at_the_exchange"}),
    "retried_once": (repeated_by_two, {"one_key_makes_one_order"}),
    "odd_rows": (amended_among_odd_rows, {"terms_equal_the_exchange"}),
    "overload_proves_nothing on futures": (
        partial(overloaded, connector_name="binance_perpetual"),
        {"refused_orders_are_not_at_the_exchange"},
    ),
}


def test_every_safeguard_has_a_scenario() -> None:
    """Each safeguard is tested."""
    assert {name.split()[0] for name in SCENARIOS} == set(SAFEGUARDS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_the_safeguard_the_promise_breaks(scenario: Scenario, name: str) -> None:
    """The checker finds a violation of its clauses, as soon as the server has come to it."""
    run, clauses = SCENARIOS[name]
    run(scenario, name.split()[0])
    deadline = time.monotonic() + 30
    while not (clauses & scenario.broken_clauses()) and time.monotonic() < deadline:
        time.sleep(0.5)
    # An honest server may differ from the exchange for a moment; what is broken here stays so.
    time.sleep(1)
    assert clauses & scenario.broken_clauses()
