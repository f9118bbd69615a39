"""Somebody who stores the keys of another account at the exchange, again and again, while an order rests: it must be refused each
time, and nothing may be concluded of any order.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from tests.chaos.clients import Gateway, place_until_known
from tests.chaos.deployments import Deployment
from tests.chaos.operations import Log, Operation

#: Seconds between two attempts.
_PAUSE = 1.0
#: The order that rests: far below the market, on a pair that no client trades on.
_TERMS = {
    "account_name": "master_account",
    "trading_pair": "DOGE-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": "1000",
}
_PRICE, _TICK = Decimal("0.05"), Decimal("0.00001")


class OtherKeys(threading.Thread):
    """A thread that acts until ``stopping`` is set. ``credentials`` are those of the other account."""

    def __init__(
        self, deployment: Deployment, log: Log, credentials: Mapping[str, str], stopping: threading.Event
    ) -> None:
        super().__init__(name="other-keys", daemon=True)
        self._connector_name = deployment.exchange.connector_name
        self._gateway = Gateway(deployment.port, self._connector_name)
        self._log = log
        self._credentials = credentials
        self._stopping = stopping
        self._tried = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            resting = None
            while not self._stopping.wait(_PAUSE):
                resting = self._rest() if resting is None else resting
                if resting is not None:
                    store_other_keys(self._gateway, self._log, self._credentials, resting)
        except BaseException as fault:  # raised by the thread that joins this one
            self.fault = fault
        finally:
            self._gateway.close()

    def _rest(self) -> Operation | None:
        """The order, once it is known to rest; None if it does not yet. Each attempt has terms of its own."""
        self._tried += 1
        body = {**_TERMS, "connector_name": self._connector_name, "price": str(_PRICE + self._tried * _TICK)}
        operation = Operation(
            client=self.name,
            verb="place",
            connector_name=self._connector_name,
            key=f"{self.name}-{self._tried}",
            body=body,
        )
        done = place_until_known(self._gateway, self._log, operation)
        return done if done.outcome == "ok" and done.state == "open" else None


def store_other_keys(gateway: Gateway, log: Log, credentials: Mapping[str, str], resting: Operation) -> Operation:
    """Store ``credentials`` while the order of ``resting`` is active, and log the outcome."""
    operation = replace(resting, verb="store", outcome="unknown", status=None, state=None)
    number = log.begin(operation)
    status = gateway.add_credentials(credentials).status
    done = replace(operation, outcome="ok" if status == 201 else "fail" if status == 409 else "unknown", status=status)
    log.end(number, done)
    return done


def other_keys_refused(operations: Iterable[Operation]) -> Counter[str]:
    """How often other keys were refused, as a fault that happened."""
    return Counter("other_keys" for each in operations if each.verb == "store" and each.outcome == "fail")
