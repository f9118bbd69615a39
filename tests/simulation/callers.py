"""Callers that trust only answers: each places orders under a key, repeats the call until it knows the outcome, cancels and reads.

They live on a host of their own, outlive every process of the gateway, and reach it by messages that take time and may be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.errors import OrdergateError
from app.domain.lifecycle import UNSETTLED
from app.domain.order import OrderKey, OrderRequest
from app.services.gateway import Gateway
from tests.chaos.clients import Answer, completed
from tests.chaos.operations import Operation
from tests.simulation.market import PAIRS
from tests.simulation.randomness import stream

#: Seconds between two attempts of one call, and for how long a caller repeats it.
_RETRY = (0.05, 0.3, 1.0, 3.0, 5.0)
_RETRY_LIMIT = 120.0

#: What a process does for a caller.
Service = Callable[[Gateway], Awaitable[Answer]]


class Door(Protocol):
    """The way into the gateway's processes."""

    @property
    def now(self) -> float:
        """Seconds of simulated time."""

    async def ask(self, service: Service, choice: float) -> Answer:
        """Let one of the processes, by ``choice`` from 0 to 1, do ``service``."""


@dataclass
class Told:
    """What callers were told: the operations, and a hook that sees each answer as it comes."""

    operations: list[Operation] = field(default_factory=list)
    on_answer: Callable[[Operation], None] = lambda operation: None

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.on_answer(operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a caller acts. ``pause`` is the longest time between two deeds, in seconds."""

    account_name: str
    connector_name: str
    orders: int
    pause: float = 0.4
    cancels: float = 0.35
    reads: float = 0.12


class Caller:
    """One caller, on a market of its own as far as its terms go: no two orders of a world have the same terms."""

    def __init__(self, number: int, seed: int, door: Door, told: Told, habits: Habits) -> None:
        self._number = number
        self._random = stream(seed, "caller", number)
        self._door = door
        self._told = told
        self._habits = habits
        self._known: list[str] = []
        #: How many orders it has placed.
        self.placed = 0

    async def run(self) -> None:
        """Act until all orders are placed."""
        while self.placed < self._habits.orders:
            drawn = self._random.random()
            await asyncio.sleep(self._random.random() * self._habits.pause * (drawn < 0.8))
            if drawn < self._habits.cancels and self._known:
                await self._cancel(self._known.pop(self._random.randrange(len(self._known))))
            elif drawn < self._habits.cancels + self._habits.reads and self._known:
                await self._read(self._random.choice(self._known))
            else:
                await self._place()
        for order_id in self._known:
            if self._random.random() < 0.7:
                await self._cancel(order_id)

    async def _place(self) -> None:
        self.placed += 1
        key = f"c{self._number}-{self.placed}"
        body = self._terms()
        if self._random.random() < 0.3:
            body["client_order_id"] = key
        operation = self._operation("place", key=key, body=body)
        begun, attempt = self._door.now, 0
        while True:
            answer = await self._door.ask(placing(operation), self._random.random())
            done = completed(operation, answer)
            self._told.add(done)
            if done.outcome != "unknown" or self._door.now - begun > _RETRY_LIMIT:
                break
            await asyncio.sleep(_RETRY[min(attempt, len(_RETRY) - 1)] * (0.5 + self._random.random()))
            attempt += 1
        if done.order_id is not None and done.state in ("open", "unknown", None):
            self._known = [*self._known[-20:], done.order_id]

    async def _cancel(self, order_id: str) -> None:
        habits = self._habits
        key = OrderKey(account_name=habits.account_name, connector_name=habits.connector_name, order_id=order_id)

        async def cancel(gateway: Gateway) -> Answer:
            order = await gateway.orders.cancel(key)
            return Answer(status=200, body={"order_id": order.order_id, "state": str(order.state)})

        await self._ask("cancel", order_id, cancel)

    async def _read(self, order_id: str) -> None:
        habits = self._habits
        key = OrderKey(account_name=habits.account_name, connector_name=habits.connector_name, order_id=order_id)

        async def read(gateway: Gateway) -> Answer:
            order = await asyncio.to_thread(gateway.journal.find_order, key)
            if order is None:
                return Answer(status=404)
            return Answer(status=200, body={"order_id": order.order_id, "state": str(order.state)})

        await self._ask("read", order_id, read)

    async def _ask(self, verb: Any, order_id: str, service: Service) -> None:
        answer = await self._door.ask(service, self._random.random())
        is_ok = answer.status is not None and answer.status < 300
        state = answer.body.get("state") if is_ok else None
        operation = self._operation(verb, order_id=order_id)
        self._told.add(replace(operation, outcome="ok" if is_ok else "unknown", status=answer.status, state=state))

    def _operation(self, verb: Any, **terms: Any) -> Operation:
        habits = self._habits
        return Operation(
            client=f"caller {self._number}",
            verb=verb,
            account_name=habits.account_name,
            connector_name=habits.connector_name,
            **terms,
        )

    def _terms(self) -> dict[str, Any]:
        """The caller's number and the order's are in the price of a limit order and in the amount of a market order."""
        pair = PAIRS[self._number % len(PAIRS)]
        unique = self.placed * 64 + self._number // len(PAIRS)
        side = "BUY" if self._random.random() < 0.5 else "SELL"
        kind = self._random.choice(("MARKET", "TAKER", "REST", "REST", "REST", "IOC", "MAKER"))
        body: dict[str, Any] = {"trading_pair": pair.name, "trade_type": side}
        if kind == "MARKET":
            return {**body, "order_type": "MARKET", "amount": str(pair.step * (50 + unique))}
        is_above = (side == "BUY") == (kind in ("TAKER", "IOC"))
        away = pair.tick * unique
        base = pair.price * (Decimal("1.2") if is_above else Decimal("0.8"))
        limit = {"amount": str(pair.step * 50), "price": str(base + away if is_above else base - away)}
        if kind == "MAKER":
            return {**body, "order_type": "LIMIT_MAKER", **limit}
        if kind == "IOC":
            return {**body, "order_type": "LIMIT", "time_in_force": "IOC", **limit}
        return {**body, "order_type": "LIMIT", **limit}


def placing(operation: Operation) -> Service:
    """The service of placing the order that ``operation`` names."""
    body: Mapping[str, Any] = operation.body

    async def place(gateway: Gateway) -> Answer:
        lasting = body.get("time_in_force")
        placed = await gateway.orders.place(
            OrderRequest(
                account_name=operation.account_name,
                connector_name=operation.connector_name,
                trading_pair=body["trading_pair"],
                trade_type=TradeType(body["trade_type"]),
                order_type=OrderType(body["order_type"]),
                amount=Decimal(body["amount"]),
                price=Decimal(body["price"]) if "price" in body else None,
                time_in_force=None if lasting is None else TimeInForce(lasting),
                client_order_id=body.get("client_order_id"),
                idempotency_key=None if "client_order_id" in body else operation.key,
            )
        )
        status = 202 if placed.order.state in UNSETTLED else 200 if placed.replayed else 201
        return Answer(status=status, body={"order_id": placed.order.order_id, "state": str(placed.order.state)})

    return place


async def answered(service: Service, gateway: Gateway) -> Answer:
    """What the edge makes of a service's result, or of its error."""
    try:
        return await service(gateway)
    except OrdergateError as error:
        return Answer(status=error.status, body={"code": error.code, "order_id": error.order_id})
