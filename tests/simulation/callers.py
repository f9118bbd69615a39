"""Callers that trust only answers: each does one thing after another, as ``verbs`` has them, until it has placed all its orders.

They live on a host of their own, outlive every process of the gateway, and reach it by messages that take time and may be lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Protocol

from app.domain.errors import OrdergateError
from app.domain.order import OrderKey
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.chaos.operations import Operation
from tests.simulation.randomness import stream
from tests.simulation.verbs import all_verbs

#: The share of the orders still known that a caller cancels in the end.
_CANCELED_IN_THE_END = 0.7

#: In an answer's body: while it was made, another call of the same key was under way, whatever its caller had seen of that.
OVERLAPPED = "overlapped"

#: What a process does for a caller.
Service = Callable[[Gateway], Awaitable[Answer]]


class Door(Protocol):
    """The way into the gateway's processes, and what a caller knows of the exchange."""

    @property
    def now(self) -> float:
        """Seconds of simulated time."""

    @property
    def own_key(self) -> str:
        """Another API key of the account at the exchange."""

    @property
    def foreign_key(self) -> str:
        """The API key of another account there."""

    async def ask(self, service: Service, choice: float, key: str | None = None) -> Answer:
        """Let one of the processes, by ``choice`` from 0 to 1, do ``service``; calls for one order share a ``key``."""

    def resting(self) -> Set[str]:
        """The ids of the orders that are open at the exchange."""


@dataclass
class Told:
    """What callers were told: the operations, and hooks that see each question and each answer as it comes."""

    operations: list[Operation] = field(default_factory=list)
    #: How often callers have done each thing.
    deeds: Counter[str] = field(default_factory=Counter)
    on_answer: Callable[[Operation], None] = lambda operation: None
    asks: Callable[[Operation], None] = lambda operation: None
    #: A pair is halted since an entry of the journal, or (None) may be traded on again.
    halts: Callable[[str, int | None], None] = lambda pair, seq: None

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.on_answer(operation)


@dataclass(slots=True, kw_only=True)
class Habits:
    """How callers act. ``orders`` are those that are still to be placed, by whoever comes first; ``pause`` is the longest time
    between two deeds, in seconds.
    """

    account_name: str
    connector_name: str
    orders: int
    pause: float = 0.4


class Caller:
    """One caller, on a market of its own as far as its terms go: no two orders of a world have the same terms."""

    def __init__(self, number: int, seed: int, door: Door, told: Told, habits: Habits) -> None:
        self.number = number
        self.random = stream(seed, "caller", number)
        self.door = door
        self.told = told
        self._habits = habits
        self._known: list[str] = []
        #: How many orders it has placed, and how many of the last ones limits have refused.
        self.placed = 0
        self.limited = 0

    @property
    def now(self) -> float:
        return self.door.now

    async def run(self) -> None:
        """Act until all orders are placed."""
        names = [*all_verbs()]
        weights = [*accumulate(verb.weight for verb in all_verbs().values())]
        while True:
            await asyncio.sleep(self.random.random() * self._habits.pause * (self.random.random() < 0.8))
            if self._habits.orders <= 0:
                break
            name = self.random.choices(names, cum_weights=weights)[0]
            verb = all_verbs()[name]
            if self._known or not verb.needs_order:
                self.told.deeds[name] += 1
                await verb.act(self)
        cancel = all_verbs()["canceling"]
        while self._known:
            if self.random.random() < _CANCELED_IN_THE_END:
                await cancel.act(self)
            else:
                self.forget_one()

    def take_one(self) -> None:
        """Take one of the orders that are to be placed."""
        self.placed += 1
        self._habits.orders -= 1

    async def ask(self, service: Service, key: str | None = None) -> Answer:
        """Let one of the processes do ``service``."""
        return await self.door.ask(service, self.random.random(), key)

    async def tell_of(self, verb: Any, order_id: str, service: Service) -> None:
        """Let one of the processes do ``service`` with an order, and note what it answers."""
        answer = await self.ask(service)
        is_ok = answer.status is not None and answer.status < 300
        state = answer.body.get("state") if is_ok else None
        operation = self.operation(verb, order_id=order_id)
        self.told.add(replace(operation, outcome="ok" if is_ok else "unknown", status=answer.status, state=state))

    def operation(self, verb: Any, **terms: Any) -> Operation:
        """A call that has not ended."""
        habits = self._habits
        return Operation(
            client=f"caller {self.number}",
            verb=verb,
            account_name=habits.account_name,
            connector_name=habits.connector_name,
            **terms,
        )

    def key_of(self, order_id: str) -> OrderKey:
        """The name of one of the caller's orders."""
        habits = self._habits
        return OrderKey(account_name=habits.account_name, connector_name=habits.connector_name, order_id=order_id)

    def knows(self, order_id: str) -> None:
        """Remember an order that may rest."""
        self._known = [*self._known[-20:], order_id]

    def one_known(self) -> str:
        """One of the orders that the caller knows."""
        return self.random.choice(self._known)

    def forget_one(self) -> str:
        """One of them, which the caller then knows no more."""
        return self._known.pop(self.random.randrange(len(self._known)))


async def answered(service: Service, gateway: Gateway) -> Answer:
    """What the edge makes of a service's result, or of its error."""
    try:
        return await service(gateway)
    except OrdergateError as error:
        return Answer(status=error.status, body={"code": error.code, "order_id": error.order_id})
