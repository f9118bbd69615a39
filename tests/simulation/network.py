"""The way between processes and the exchange: calls and streams as messages that take time and may be lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosedError

from app.connectors.common.answers import NoAnswer
from app.connectors.common.http import HttpAnswer
from app.domain.errors import ExchangeDown
from tests.simulation.faults import RESET, SILENCE, CallKind, Fault, Faults, Reply
from tests.simulation.kernel import Host, Kernel
from tests.simulation.randomness import stream

#: Seconds of one way between a process and the exchange, usually and at most.
_WAY = 0.03
_LONG_WAY = 0.4


#: The label of messages about no order, both ways.
INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call as it leaves a process."""

    method: str
    url: str
    form: str | None
    headers: Mapping[str, str]


class Exchange(Protocol):
    """The other side."""

    def kind_of(self, request: Request) -> CallKind:
        """What a call is about."""

    def front(self, request: Request) -> Reply | None:
        """The refusal of a call by the exchange's front, which checks its time stamp; None if it goes on to the engine."""

    def answer(self, request: Request) -> Reply:
        """Carry a call out."""

    def opened(self, connection: Connection) -> None:
        """A stream's connection was opened."""

    def received(self, connection: Connection, text: str) -> None:
        """A stream's connection has brought a message."""

    def closed(self, connection: Connection) -> None:
        """A stream's connection has ended."""


class Network:
    """All ways of one world."""

    def __init__(self, kernel: Kernel, faults: Faults, exchange: Exchange, seed: int) -> None:
        self.kernel = kernel
        self._faults = faults
        self._exchange = exchange
        self._ways = stream(seed, "ways")

    def way(self) -> float:
        """Seconds that a message is on its way."""
        drawn = self._ways.random()
        return _LONG_WAY * self._ways.random() if drawn > 0.97 else _WAY * drawn

    def go(
        self,
        action: Callable[[], None],
        label: str,
        *,
        owner: Host | None = None,
        more: float = 0.0,
        what: object = "",
    ) -> None:
        """Let a message arrive: one way later, and ``more`` seconds."""
        self.kernel.post(action, label, owner=owner, after=self.way() + more, what=what)

    def call(self, host: Host, request: Request, timeout: float) -> asyncio.Future[HttpAnswer]:
        """One call of ``host``. Raises ``ExchangeDown`` where nothing was sent, ``NoAnswer`` where that is not known."""
        return _Call(self, self._faults, self._exchange, host, request, timeout).future

    def connect(self, host: Host, url: str) -> Connection:
        """A connection to a stream."""
        connection = Connection(self, host, url)
        host.at_death.append(connection.cut)
        self._exchange.opened(connection)
        return connection

    def push(self, connection: Connection, text: str) -> None:
        """Send an event to a process: in the order of sending, unless something goes wrong."""
        fault = self._faults.of_event()
        if fault == "dropped":
            return
        if fault == "cut":
            connection.cut()
            return
        late = {"delayed": self._faults.within(5.0), "swapped": 2 * _WAY}.get(fault or "", 0.0)
        for _ in range(2 if fault == "doubled" else 1):
            self.send_event(connection, text, late)

    def send_event(self, connection: Connection, text: str, late: float) -> None:
        """Let an event arrive after those that were sent before it, unless it is late."""
        after = self.way() + late
        if not late:
            after = max(after, connection.last_at - self.kernel.now)
            connection.last_at = self.kernel.now + after
        channel = None if late else connection
        deliver = partial(connection.deliver, text)
        self.kernel.post(deliver, "event", owner=connection.host, after=after, what=text, channel=channel)

    def carry(self, connection: Connection, text: str) -> None:
        """Bring a message of a stream's client to the exchange."""
        self.go(lambda: self._exchange.received(connection, text), "message", what=text)

    def end(self, connection: Connection) -> None:
        """The exchange learns that a connection is over."""
        self._exchange.closed(connection)


class _Call:
    """One call from its start to what the process sees of it."""

    def __init__(
        self, network: Network, faults: Faults, exchange: Exchange, host: Host, request: Request, timeout: float
    ) -> None:
        self._network, self._faults, self._exchange = network, faults, exchange
        self._host, self._request = host, request
        self.future: asyncio.Future[HttpAnswer] = host.loop.create_future()
        kind = exchange.kind_of(request)
        #: Messages of questions which are about no order have a label of their own.
        self._is_info = kind == "info"
        fault = faults.of_call(kind) or Fault(name="", concerns=frozenset())
        self._fault = fault
        #: What tells messages apart: what is going to happen to the answer, too, or the walk of all ways would take calls with
        #: different faults for one.
        self._name = (request.method, request.url, request.form, fault.name)
        if fault.is_refused:
            self._tell(ExchangeDown("Binance could not be reached (simulated); nothing was sent"))
            return
        if fault.back == RESET:
            self._tell(NoAnswer("the connection broke (simulated)", timed_out=False))
        else:
            late = NoAnswer("no answer in time (simulated)", timed_out=True)
            network.kernel.post(lambda: self._end(late), "time-out", owner=host, after=timeout)
        if not fault.is_lost:
            for _ in range(2 if fault.is_doubled else 1):
                network.go(
                    self._arrive,
                    INFO if self._is_info else "request",
                    more=faults.within(fault.late),
                    what=self._name,
                )

    def _arrive(self) -> None:
        reply = self._fault.instead or self._exchange.front(self._request)
        if reply is not None:
            self._answer(reply)
        elif self._fault.queued:
            self._network.kernel.post(
                self._execute, "engine", after=self._faults.within(self._fault.queued), what=self._name
            )
        else:
            self._execute()

    def _execute(self) -> None:
        reply = self._exchange.answer(self._request)
        if self._fault.garble is not None:
            reply = Reply(status=reply.status, body=self._fault.garble(reply.body), headers=reply.headers)
        self._answer(self._fault.back if isinstance(self._fault.back, Reply) else reply)

    def _answer(self, reply: Reply) -> None:
        if self._fault.back in (RESET, SILENCE):
            return
        answer = HttpAnswer(reply.status, reply.headers, reply.body)
        self._tell(answer, self._faults.within(self._fault.slow))

    def _tell(self, outcome: HttpAnswer | Exception, more: float = 0.0) -> None:
        label = INFO if self._is_info else "answer"
        self._network.go(lambda: self._end(outcome), label, owner=self._host, more=more, what=str(outcome))

    def _end(self, outcome: HttpAnswer | Exception) -> None:
        """The first of answer, break and time-out counts."""
        if self.future.done():
            return
        if not self._is_info:
            self._host.heard("answer", str(outcome))
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Connection:
    """A stream's connection as ``websockets`` has it, on the process's side."""

    def __init__(self, network: Network, host: Host, url: str) -> None:
        self._network = network
        self.host = host
        self.url = url
        self.is_open = True
        #: When the last event arrives that was sent.
        self.last_at = 0.0
        self._inbox: deque[str] = deque()
        self._waiting: asyncio.Future[None] | None = None

    async def recv(self) -> str:
        while not self._inbox:
            if not self.is_open:
                raise ConnectionClosedError(None, None)
            self._waiting = self.host.loop.create_future()
            await self._waiting
        return self._inbox.popleft()

    async def send(self, text: str) -> None:
        if not self.is_open:
            raise ConnectionClosedError(None, None)
        self._network.carry(self, text)

    async def close(self) -> None:
        self.cut()

    def deliver(self, text: str) -> None:
        """An event arrives."""
        if self.is_open:
            self.host.heard("event", text)
            self._inbox.append(text)
            self._wake()

    def cut(self) -> None:
        """The connection is over, on both sides."""
        if self.is_open:
            self.is_open = False
            self._network.end(self)
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done() and not self.host.is_dead:
            waiting.set_result(None)


class Session:
    """``HttpSession`` over the simulated network."""

    network: Network

    def __init__(self, exchange: str, *, headers: Mapping[str, str], timeout: float, **options: Any) -> None:
        host = self.network.kernel.current
        assert host is not None
        self._host, self._headers, self._timeout = host, headers, timeout
        self.closed = False

    async def send(self, method: str, url: str, form: str | None = None) -> HttpAnswer:
        request = Request(method=method.upper(), url=url, form=form, headers=self._headers)
        return await self.network.call(self._host, request, self._timeout)

    async def close(self) -> None:
        self.closed = True
