"""Clients that trust only answers: each places orders with a key, repeats the call with the same key until it knows the outcome,
cancels and reads, and logs the answers.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.chaos.operations import Log, Operation, Outcome, Verb
from tests.chaos.processes import PASSWORD

#: Refusals, besides 4xx, that say that there is no order.
_NO_ORDER = frozenset({"exchange_down", "rate_limited", "clock_refused", "credentials_refused"})
#: Seconds between two attempts of one call, and for how long a client repeats it.
_RETRY = 0.2
_RETRY_LIMIT = 25.0
#: The time-out of a call, in seconds: above the gateway's own deadline.
_TIMEOUT = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer; ``status`` is None where none came."""

    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict)


class Gateway:
    """One connection to the gateway, opened again when it breaks."""

    def __init__(self, port: int, connector_name: str = "paper", *, timeout: float = _TIMEOUT) -> None:
        self._port = port
        self._timeout = timeout
        self._connector_name = connector_name
        self._connection: http.client.HTTPConnection | None = None
        token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, sent once."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            text = None if body is None else json.dumps(body)
            self._connection.request(method, path, text, {**self._headers, **headers})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return Answer(status=None)
        try:
            return Answer(status=response.status, body=json.loads(content) if content else {})
        except json.JSONDecodeError as error:
            raise AssertionError(f"{method} {path} was answered {response.status} with {content[:300]!r}") from error

    def place(self, body: Mapping[str, Any], key: str | None) -> Answer:
        """Place an order."""
        return self.call("POST", "/trading/orders", body, **({"Idempotency-Key": key} if key else {}))

    def cancel(self, order_id: str, account_name: str = "master_account") -> Answer:
        """Cancel an order."""
        return self.call("POST", f"/trading/{account_name}/{self._connector_name}/orders/{order_id}/cancel")

    def read(self, order_id: str, wait: int = 0) -> Answer:
        """One order with its history."""
        return self.call("GET", f"/trading/orders/{order_id}?wait={wait}")

    def add_credentials(self, credentials: Mapping[str, str], account_name: str = "master_account") -> Answer:
        """Store credentials in place of earlier ones."""
        return self.call("POST", f"/accounts/add-credential/{account_name}/{self._connector_name}", credentials)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def outcome_of(answer: Answer) -> Outcome:
    """What an answer to placing an order proves."""
    if answer.status is None:
        return "unknown"
    if 200 <= answer.status < 300:
        return "ok"
    if answer.status in (400, 401, 404, 422) or answer.body.get("code") in _NO_ORDER:
        return "fail"
    return "unknown"


def place_until_known(gateway: Gateway, log: Log, operation: Operation, *, until: float | None = None) -> Operation:
    """Place an order and repeat the call until the answer says what became of it, or the retry limit is over. A refusal that passes
    is no end: the same key may try again.
    """
    until = time.monotonic() + _RETRY_LIMIT if until is None else until
    while True:
        done = place_once(gateway, log, operation)
        if (done.outcome != "unknown" and done.status != 503) or time.monotonic() > until:
            return done
        time.sleep(_RETRY)


def place_once(gateway: Gateway, log: Log, operation: Operation) -> Operation:
    """Place an order by one call, and log the outcome."""
    number = log.begin(operation)
    answer = gateway.place(operation.body, operation.key if _uses_header(operation) else None)
    done = completed(operation, answer)
    log.end(number, done)
    return done


def completed(operation: Operation, answer: Answer) -> Operation:
    """The operation of placing an order with the outcome of ``answer``."""
    return replace(
        operation,
        outcome=outcome_of(answer),
        status=answer.status,
        order_id=answer.body.get("order_id"),
        state=answer.body.get("state"),
    )


def _uses_header(operation: Operation) -> bool:
    return "client_order_id" not in operation.body


Markets = tuple[tuple[str, str, str, str, str, str], ...]

#: One pair per client, so that no two clients place the same order: the pair, the step and the minimum of amounts, a low price, a
#: high price, the step of prices.
MARKETS: Markets = (
    ("BTC-USDT", "0.00001", "0.00020", "30000", "90000", "0.01"),
    ("ETH-USDT", "0.0001", "0.0040", "1500", "4500", "0.01"),
    ("SOL-USDT", "0.001", "0.080", "70", "210", "0.01"),
    ("BNB-USDT", "0.001", "0.020", "300", "900", "0.01"),
    ("XRP-USDT", "0.1", "20", "0.3", "0.9", "0.0001"),
    ("LTC-USDT", "0.001", "0.15", "40", "120", "0.01"),
)


class Client(threading.Thread):
    """One client, acting by its own random numbers until ``stopping`` is set."""

    def __init__(
        self,
        number: int,
        port: int,
        log: Log,
        seed: int,
        stopping: threading.Event,
        *,
        connector_name: str = "paper",
        markets: Markets = MARKETS,
    ) -> None:
        super().__init__(name=f"client{number}", daemon=True)
        self._markets = markets
        self._number = number
        self._connector_name = connector_name
        self._gateway = Gateway(port, connector_name)
        self._log = log
        self._rng = random.Random(f"{seed}-{number}")
        self._stopping = stopping
        self._serial = 0
        self._known: list[str] = []
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._act()
                self._stopping.wait(self._rng.random() * 0.1)
        except BaseException as fault:  # raised by the thread that joins this one
            self.fault = fault
        finally:
            self._gateway.close()

    def _act(self) -> None:
        choice = self._rng.random()
        if choice < 0.6 or not self._known:
            self._place()
        elif choice < 0.85:
            self._cancel(self._rng.choice(self._known[-20:]))
        else:
            self._read(self._rng.choice(self._known[-20:]))

    def _place(self) -> None:
        self._serial += 1
        key = f"{self.name}-{self._serial}"
        body = self._terms()
        if self._rng.random() < 0.3:
            body["client_order_id"] = key
        operation = self._operation("place", key=key, body=body)
        done = place_until_known(self._gateway, self._log, operation)
        if done.order_id is not None:
            self._known.append(done.order_id)

    def _operation(self, verb: Verb, **terms: Any) -> Operation:
        return Operation(client=self.name, verb=verb, connector_name=self._connector_name, **terms)

    def _terms(self) -> dict[str, Any]:
        """Terms that no earlier order had: the serial number is in the amount of a market order and in the price of others."""
        pair, step, amount, low, high, tick = self._markets[self._number % len(self._markets)]
        side = "BUY" if self._serial % 2 else "SELL"
        body: dict[str, Any] = {
            "account_name": "master_account",
            "connector_name": self._connector_name,
            "trading_pair": pair,
            "trade_type": side,
            "amount": amount,
        }
        kind = self._rng.choice(("MARKET", "TAKER", "REST", "REST", "IOC", "MAKER"))
        rests = (low, 1) if side == "BUY" else (high, -1)
        takes = (high, -1) if side == "BUY" else (low, 1)
        base, sign = takes if kind in ("TAKER", "IOC") else rests
        price = str(Decimal(base) + sign * self._serial * Decimal(tick))
        if kind == "MARKET":
            return {**body, "order_type": "MARKET", "amount": str(Decimal(amount) + self._serial * Decimal(step))}
        if kind == "MAKER":
            return {**body, "order_type": "LIMIT_MAKER", "price": price}
        if kind == "IOC":
            return {**body, "order_type": "LIMIT", "price": price, "time_in_force": "IOC"}
        return {**body, "order_type": "LIMIT", "price": price}

    def _cancel(self, order_id: str) -> None:
        self._log_call("cancel", order_id, self._gateway.cancel, (200, 202))

    def _read(self, order_id: str) -> None:
        self._log_call("read", order_id, self._gateway.read, (200,))

    def _log_call(self, verb: Verb, order_id: str, call: Callable[[str], Answer], successes: tuple[int, ...]) -> None:
        """Make a call about an order, and log the order's state if it succeeds."""
        operation = self._operation(verb, order_id=order_id)
        number = self._log.begin(operation)
        answer = call(order_id)
        is_ok = answer.status in successes
        self._log.end(
            number,
            replace(
                operation,
                outcome="ok" if is_ok else "unknown",
                status=answer.status,
                state=answer.body.get("state") if is_ok else None,
            ),
        )
