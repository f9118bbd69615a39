"""Each safeguard taken out of a real server: the checker finds what it had prevented.

That the same stories break nothing in the gateway as it is, is shown by tests/services and tests/crash.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.domain.lifecycle import UNSETTLED
from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_once
from tests.chaos.deployments import SqliteDeployment
from tests.chaos.operations import Log, Operation
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


class Story:
    """A server, honest or not, and one client."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.log = Log(directory / "operations.jsonl")
        self.deployment: SqliteDeployment
        self.gateway: Gateway

    def begin(self, safeguard: str | None, *, faults: str = "", point: str = "") -> None:
        """Start the server; without a safeguard if one is named."""
        program = ("-m", "app", "serve") if safeguard is None else ("-m", "tests.chaos.sabotage", safeguard)
        self.deployment = SqliteDeployment(self._directory, faults=faults, program=program)
        self.deployment.start(faulty=True, ORDERGATE_FAILPOINT=point)
        self.gateway = Gateway(self.deployment.port)

    def place(self, operation: Operation) -> Operation:
        return place_once(self.gateway, self.log, operation)

    def until_settled(self) -> None:
        """Wait until the journal is sure of everything."""
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
def story(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    yield story
    story.gateway.close()
    story.deployment.kill()


def killed_after_sending(story: Story, safeguard: str) -> None:
    """The process dies when the exchange has the order; an honest one comes after it."""
    story.begin(safeguard, point="connector.paper.submitted")
    story.place(RESTING)
    story.deployment.server.wait()
    story.begin(None)
    settle(story.deployment, story.log, seconds=30)


def one_key_twice(story: Story, safeguard: str) -> None:
    """A client repeats its call."""
    story.begin(safeguard)
    story.place(RESTING)
    story.place(RESTING)


def answer_lost(story: Story, safeguard: str) -> None:
    """A market order is done and its answer is lost."""
    story.begin(safeguard, faults="rate=1,kinds=reset")
    story.place(MARKET)
    story.until_settled()


def order_late(story: Story, safeguard: str) -> None:
    """An order reaches the exchange some seconds after the connection broke."""
    story.begin(safeguard, faults="rate=1,kinds=late")
    story.place(RESTING)
    story.until_settled()
    deadline = time.monotonic() + 30
    while not story.deployment.truth.orders() and time.monotonic() < deadline:
        time.sleep(0.1)


def events_doubled(story: Story, safeguard: str) -> None:
    """The answer and the stream tell of the same fills, the stream twice."""
    story.begin(safeguard, faults="rate=1,kinds=double")
    story.place(MARKET)
    settle(story.deployment, story.log, seconds=2)


#: A safeguard, the story in which it matters, and the clauses of which one breaks without it: which one, is a matter of the moment.
STORIES: dict[str, tuple[Callable[[Story, str], None], set[str]]] = {
    "intent_before_send": (
        killed_after_sending,
        {"intents_come_first", "orders_at_the_exchange_are_in_the_journal"},
    ),
    "unique_key": (one_key_twice, {"one_key_makes_one_order"}),
    "no_resend": (answer_lost, {"one_key_makes_one_order"}),
    "grace_before_never_arrived": (order_late, {"states_equal_the_exchange", "final_states_are_not_taken_back"}),
    "fill_deduplication": (events_doubled, {"fills_equal_the_exchange"}),
}


def test_every_safeguard_has_a_story() -> None:
    """None is trusted untested."""
    assert set(STORIES) == set(SAFEGUARDS)


@pytest.mark.parametrize("safeguard", STORIES)
def test_without_the_safeguard_the_promise_breaks(story: Story, safeguard: str) -> None:
    """What it stands for is found broken, as soon as the server has come to it."""
    tell, clauses = STORIES[safeguard]
    tell(story, safeguard)
    deadline = time.monotonic() + 30
    while not (found := clauses & story.broken_clauses()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
