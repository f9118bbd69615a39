"""A real server is killed while it trades on a local exchange; the next process keeps the promise.

``make crash EXCHANGE=bybit`` kills it at every failpoint that is reached there; ``make test`` once after a lost order.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_once, place_until_known
from tests.chaos.deployments import SqliteDeployment
from tests.chaos.exchanges import SandboxExchange
from tests.chaos.local_exchanges import LOCAL
from tests.chaos.operations import Log, Operation
from tests.connectors.conformance import PATIENCE
from tests.crash.restart import CALL_SECONDS

#: Reached while an order is placed.
PLACING = (
    "journal.intent.before_commit",
    "journal.intent.after_commit",
    "orders.intent_recorded",
    "orders.exchange_answered",
    "journal.outcome.before_commit",
    "journal.outcome.after_commit",
    "orders.outcome_recorded",
)
#: Reached while one is canceled.
CANCELING = ("orders.cancel_recorded", "orders.cancel_answered")
#: Reached by a process that recovers what a kill at this point has left.
RECOVERING: Mapping[str, str] = {
    "recovery.book_answered": "orders.exchange_answered",
    "settling.exchange_answered": "orders.exchange_answered",
    "settling.fills_answered": "orders.exchange_answered",
    "settling.absence_proven": "orders.intent_recorded",
}
#: Needs another exchange, a stream, several processes, or an order that was refused for a moment.
ELSEWHERE = ("account_feeds.lease_taken", "feed.event_read", "orders.retry_recorded")

EVERY = (*PLACING, *CANCELING, *RECOVERING)
#: The names that are tried, and at which points.
TRIED = {name: EVERY for name in os.environ.get("ORDERGATE_CRASH", "").split(",") if name} or {
    "bybit": ("settling.absence_proven",)
}

pytestmark = pytest.mark.timeout(600)


class Rehearsal:
    """One local exchange, one directory, and a server that dies and is started again."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.log = Log(directory / "operations.jsonl")
        self.exchange = SandboxExchange(directory, name, seed=1)
        self.deployment = SqliteDeployment(
            directory,
            exchange=self.exchange,
            program=("-m", "tests.crash.impatient", name),
            ORDERGATE_EXCHANGE_TIMEOUT=CALL_SECONDS,
        )
        self._serial = 0

    def close(self) -> None:
        self.deployment.kill()
        self.exchange.close()

    def order(self, *, rests: bool) -> Operation:
        """An order of terms that no other one has."""
        self._serial += 1
        body = {
            "account_name": "master_account",
            "connector_name": self.name,
            "trading_pair": LOCAL[self.name].markets[0][0],
            "trade_type": "BUY",
            "order_type": "LIMIT" if rests else "MARKET",
            "amount": str(Decimal("0.001") + self._serial * Decimal("0.0001")),
            **({"price": "30000"} if rests else {}),
        }
        return Operation(client="c", verb="place", key=f"k{self._serial}", connector_name=self.name, body=body)

    def die(self, point: str, act: Callable[[Gateway], object]) -> None:
        """Start the server, do what ends at ``point``, and see that it died there."""
        self.deployment.start(faulty=False, ORDERGATE_FAILPOINT=point)
        gateway = Gateway(self.deployment.port, self.name)
        act(gateway)
        gateway.close()
        assert self.deployment.server.wait() == -signal.SIGKILL, point

    def die_recovering(self, point: str) -> None:
        """Start a server that dies of what it recovers, perhaps before it serves."""
        self.deployment.server.start(**self.exchange.settings(faulty=False), ORDERGATE_FAILPOINT=point)
        assert self.deployment.server.wait() == -signal.SIGKILL, point

    def check(self, *repeated: Operation) -> None:
        """Start again, repeat the calls that were not answered, settle: nothing of the promise is broken."""
        self.deployment.start(faulty=False)
        gateway = Gateway(self.deployment.port, self.name)
        for operation in repeated:
            assert place_until_known(gateway, self.log, operation).outcome == "ok"
        gateway.close()
        assert settle(self.deployment, self.log, seconds=PATIENCE) is not None
        assert check(evidence_of(self.deployment, self.log)) == ()
        self.deployment.kill()

    def kill_at(self, point: str) -> None:
        """The whole story of one point."""
        if point in CANCELING:
            resting = self.order(rests=True)
            self.die(point, lambda gateway: gateway.cancel(place_once(gateway, self.log, resting).order_id or ""))
            self.check()
            return
        order = self.order(rests=False)
        self.die(RECOVERING.get(point, point), lambda gateway: place_once(gateway, self.log, order))
        if point in RECOVERING:
            self.die_recovering(point)
        self.check(order)


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(tmp_path, request.param)
    yield rehearsal
    rehearsal.close()


@pytest.mark.parametrize("rehearsal", sorted(TRIED), indirect=True)
def test_killed_at_a_point(rehearsal: Rehearsal) -> None:
    """One order at most, and journal and exchange are equal, after each kill and in the end."""
    for point in TRIED[rehearsal.name]:
        rehearsal.kill_at(point)
