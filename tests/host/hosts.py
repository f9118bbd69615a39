"""A real process of the gateway over a local Binance, on a host that fails it in every way that a host can."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.chaos.campaign import evidence_of, settle
from tests.chaos.checker import check
from tests.chaos.clients import Gateway, place_once, place_until_known
from tests.chaos.deployments import CALL_SECONDS, SqliteDeployment
from tests.chaos.exchanges import SandboxExchange
from tests.chaos.operations import Log, Operation
from tests.chaos.processes import is_ready

CONNECTOR = "binance"
#: For how many seconds a fault lasts at least. `make hostfaults` sets a minute; in `make test` each is as short as it may be.
FAULT_SECONDS = float(os.environ.get("ORDERGATE_HOST_SECONDS", "0"))
#: The gateway's own deadline for a call, and what a busy machine may take for the way to the exchange.
DEADLINE = timedelta(seconds=float(CALL_SECONDS) + 1)
#: Within this an order is answered, whatever the database does: a look-up and a write, each of which waits for seconds.
ANSWER_SECONDS = 20.0
#: How long it may take until orders are served again once the host is well: what the database is given before it is tried anew.
_BACK_WITHIN = 30.0
_LOOK = 0.1


class Host:
    """One gateway with its journal at ``database_url`` (SQLite if None), its exchange, and one client.

    It is started by the command ``through``, which shows it another disk at ``directory / "disk"`` if ``data`` says where that is.
    """

    def __init__(
        self, directory: Path, database_url: str | None = None, *, through: Sequence[str] = (), data: Path | None = None
    ) -> None:
        self.exchange = SandboxExchange(directory, CONNECTOR, seed=1, faults=[])
        self.log = Log(directory / "operations.jsonl")
        self._serial = 0
        self.deployment = _Deployment(directory, self.exchange, database_url, through, data)
        self.gateway = Gateway(self.deployment.port, CONNECTOR, timeout=ANSWER_SECONDS)
        try:
            self.deployment.start(faulty=False)
        except BaseException:  # the caller has no reference to the processes yet
            self.close()
            raise
        self.pid = self.deployment.server.pid

    def close(self) -> None:
        """Kill everything."""
        self.gateway.close()
        self.deployment.kill()
        self.exchange.close()

    def order(self) -> Operation:
        """A resting order that no other is like."""
        self._serial += 1
        body = {
            "account_name": "master_account",
            "connector_name": CONNECTOR,
            "trading_pair": "BTC-USDT",
            "trade_type": "BUY",
            "order_type": "LIMIT",
            "amount": "0.001",
            "price": str(30_000 + self._serial),
        }
        return Operation(client="client", verb="place", connector_name=CONNECTOR, key=f"k{self._serial}", body=body)

    def place(self, operation: Operation | None = None) -> Operation:
        """Place an order by one call."""
        return place_once(self.gateway, self.log, operation or self.order())

    def place_at_last(self, operation: Operation | None = None) -> Operation:
        """Place an order by as many calls as it takes. Raises if orders are not served again in time."""
        until = time.monotonic() + _BACK_WITHIN
        done = place_until_known(self.gateway, self.log, operation or self.order(), until=until)
        assert done.outcome == "ok", done
        return done

    def wait_until_ready(self) -> None:
        """Wait until the gateway itself says that it is. Raises if it does not in time."""
        until = time.monotonic() + _BACK_WITHIN
        while not is_ready(self.deployment.port, "/health/ready"):
            assert time.monotonic() < until, self.deployment.server.output()[-2000:]
            time.sleep(_LOOK)

    def place_for(self, seconds: float) -> None:
        """Place orders until ``seconds`` are over, one a second; whatever the answers are, they come."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.place().status is not None
            time.sleep(1)

    def check(self, *, within: timedelta = DEADLINE) -> None:
        """The whole promise, by the process that was there before the fault; and nothing reached the exchange later than ``within``
        after its attempt began.
        """
        assert self.deployment.server.is_running
        assert self.deployment.server.pid == self.pid
        assert settle(self.deployment, self.log) is not None
        evidence = evidence_of(self.deployment, self.log)
        assert check(evidence) == ()
        begun = {order.order_id: order.attempted_at for order in evidence.journal.orders}
        late = [order for order in evidence.truth if order.created_at - begun[order.order_id] > within]
        assert late == []

    @contextmanager
    def limited(self, what: int, soft: int) -> Iterator[None]:
        """Within it the process has only ``soft`` of the resource ``what``."""
        before = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (soft, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, what, before)


class _Deployment(SqliteDeployment):
    """One process, on a database of the test's choice."""

    def __init__(
        self,
        directory: Path,
        exchange: SandboxExchange,
        database_url: str | None,
        through: Sequence[str],
        data: Path | None,
    ) -> None:
        self._url = database_url
        self._data = data or directory
        settings = {} if data is None else {"ORDERGATE_DATA_DIR": str(directory / "disk")}
        super().__init__(directory, exchange=exchange, **settings)
        self.server.through = tuple(through)

    @property
    def journal_url(self) -> str:
        if self._url is not None:
            return self._url
        if self._data == self.directory:
            return super().journal_url
        # SQLite follows the way to another's disk to one of our own. Nothing is written when the journal is read.
        for name in ("ordergate.db", "ordergate.db-wal"):
            shutil.copyfile(self._data / name, self.directory / name)
        return super().journal_url

    def _database(self) -> dict[str, str]:
        return {} if self._url is None else {"DATABASE_URL": self._url}
