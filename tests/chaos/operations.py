"""The log of the clients' calls: one JSON line when a call begins, one when it has ended.

``ok`` is an answer that says what became of the order (2xx), ``fail`` one that says that there is no order, ``unknown`` everything
else: no answer, or one that proves nothing. A call without an end was interrupted with its client.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]
#: ``store`` is storing other credentials.
Verb = Literal["place", "cancel", "read", "store"]

#: What identifies an order at the exchange without its ids: account, pair, side, type, amount, price. Clients never place the same
#: terms twice, except when they repeat a call.
Terms = tuple[str, str, str, str, Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of one client. ``key`` names the intention: repeated calls for the same order share it."""

    client: str
    verb: Verb
    account_name: str = "master_account"
    connector_name: str = "paper"
    key: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = "unknown"
    status: int | None = None
    order_id: str | None = None
    state: str | None = None

    @property
    def terms(self) -> Terms:
        """The terms of an order that is placed."""
        body = self.body
        return (
            self.account_name,
            body["trading_pair"],
            body["trade_type"],
            body["order_type"],
            _number(body.get("amount")),
            _number(body.get("price")),
        )


class Log:
    """The file of operations; safe for many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._count = 0

    def begin(self, operation: Operation) -> int:
        """Log that a call begins; the call's number."""
        with self._lock:
            self._count += 1
            number = self._count
        self._write({"number": number, "at": time.time(), "type": "invoke", **_line(operation)})
        return number

    def end(self, number: int, operation: Operation) -> None:
        """Log the outcome of a call."""
        self._write({"number": number, "at": time.time(), "type": operation.outcome, **_line(operation)})

    def read(self) -> tuple[Operation, ...]:
        """Every operation, in the order in which they ended; those that never ended come last."""
        begun: dict[int, Operation] = {}
        ended: list[Operation] = []
        for text in self._path.read_text().splitlines() if self._path.exists() else ():
            line = json.loads(text)
            kind, number, _ = line.pop("type"), line.pop("number"), line.pop("at")
            if kind == "invoke":
                begun[number] = Operation(**line)
            else:
                del begun[number]
                ended.append(Operation(**line))
        return (*ended, *begun.values())

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _line(operation: Operation) -> dict[str, Any]:
    return {name: getattr(operation, name) for name in Operation.__slots__}


def _number(text: Any) -> Decimal | None:
    return None if text is None else Decimal(str(text))
