"""The kernel: simulated time, simulated processes and threads, and whose turn it is. One thread of the machine runs all of it.

Every process has a loop of its own, every thread is a greenlet, and nothing of one process runs unless the kernel says so. That is
how a process dies: it gets no further turn, so no ``finally`` and no ``except`` of it ever runs. What passes between processes is
an event (``post``), with a time at which it happens.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Set
from itertools import count
from queue import Empty
from typing import Any

from greenlet import getcurrent, greenlet

from tests.simulation.loops import VirtualLoop
from tests.simulation.policy import Policy

#: The most callbacks of one process in a turn.
_LONGEST_TURN = 1000


class Host:
    """One simulated process: its loop, its threads, and what must end with it."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.loop = VirtualLoop(self)
        self.is_dead = False
        #: A callback of the loop has not ended: it stands at a step at which others may run.
        self.is_busy = False
        #: The process stands still, as by SIGSTOP, until then.
        self.stands_until = 0.0
        #: Called when the process dies, in the order in which they were added.
        self.at_death: list[Callable[[], None]] = []
        #: A digest of everything that the process has heard from outside, in its order.
        self.history = 0
        #: Everything that ran in the process when it died.
        self.graveyard: list[Any] = []
        self._greenlet = greenlet(self._serve, parent=kernel.main)

    @property
    def now(self) -> float:
        return self.kernel.now

    def run_job(self, job: Callable[[], None]) -> None:
        self.kernel.post(lambda: self.kernel.enter(self, greenlet(job, parent=self.kernel.main)), "job", owner=self)

    def heard(self, label: str, what: object) -> None:
        """The process hears from outside; what it does is a function of all that it has heard."""
        self.history = hash((self.history, label, what))

    def note_trouble(self, text: str) -> None:
        self.kernel.troubles.append(f"{self.name}: {text}")

    def turn(self) -> None:
        """Run the callbacks that are ready, and those that they make ready. What passes between processes is an event, so nobody
        can tell in which order callbacks of two of them ran at one time.
        """
        self.kernel.enter(self, self._greenlet)

    def crash(self) -> None:
        """Die on the spot."""
        self.is_dead = True
        self.graveyard.append(self.loop.kill())
        for clean_up in self.at_death:
            clean_up()
        self.kernel.hosts.remove(self)
        self.kernel.graveyard.append(self)

    def _serve(self) -> None:
        loop, kernel = self.loop, self.kernel
        ready, switch = loop.ready, kernel.main.switch
        while True:
            last = min(kernel.steps + _LONGEST_TURN, kernel.disrupt_at)
            while ready and kernel.steps < last:
                kernel.steps += 1
                loop.step()
            switch()


class Kernel:
    """Time and turns. ``policy`` decides whatever may go one way or another."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.now = 0.0
        self.main = getcurrent()
        self.hosts: list[Host] = []
        self.graveyard: list[Host] = []
        self.troubles: list[str] = []
        #: What makes the whole simulation worthless: it is raised.
        self.faults: list[Exception] = []
        #: The process that runs now.
        self.current: Host | None = None
        #: How many callbacks have run, and after how many the policy is asked for a disruption.
        self.steps = 0
        self.disrupt_at = policy.next_disruption(0)
        self.disrupt: Callable[[], None] = lambda: None
        self._events: list[tuple[float, int, Event]] = []
        self._numbers = count()

    def add_host(self, name: str) -> Host:
        """A new process."""
        host = Host(self, name)
        self.hosts.append(host)
        return host

    def post(
        self,
        action: Callable[[], None],
        label: str,
        *,
        owner: Host | None = None,
        after: float | None = None,
        what: object = "",
        channel: object = None,
    ) -> Event:
        """Let ``action`` happen after so many seconds, else as soon as the policy lets it. What a dead ``owner`` waits for never
        happens. ``what`` tells events of one label apart; those of one ``channel`` keep their order.
        """
        delay = self.policy.delay(label) if after is None else after
        event = Event(action, label, owner, what, channel)
        heapq.heappush(self._events, (self.now + delay, next(self._numbers), event))
        return event

    def enter(self, host: Host, inside: greenlet) -> None:
        """Run ``inside`` as a part of ``host`` until it ends, waits or dies."""
        self.current = host
        asyncio._set_running_loop(host.loop)
        try:
            inside.switch()
        finally:
            asyncio._set_running_loop(None)
            self.current = None

    def leave(self) -> None:
        """From within a process: let others run, until somebody enters this greenlet again."""
        host = self.current
        self.main.switch()
        assert host is not None
        self.current = host

    def reach(self, name: str) -> None:
        """A named step of the program: the process may die here, or others may run before it goes on."""
        host = self.current
        if host is None:
            return
        here = getcurrent()
        what = self.policy.at_point(name, host.name)
        if what == "die":
            host.graveyard.append(here)
            host.crash()
            self.policy.note_crash(host.name, name)
            self.main.switch()
        elif what in ("wait", "stand"):
            if what == "stand":
                host.stands_until = self.now + self.policy.standstill()
            is_loop = here is host._greenlet
            host.is_busy = host.is_busy or is_loop

            def go_on() -> None:
                if is_loop:
                    host.is_busy = False
                self.enter(host, here)

            self.post(go_on, f"after {name}", owner=host)
            self.leave()

    def is_under_way(self, labels: Set[str]) -> bool:
        """Whether an event of one of these labels is still to happen."""
        return any(event.label in labels for _, _, event in self._events)

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Give turns until ``is_over``, which is asked whenever time moves on."""
        while True:
            if self.faults:
                raise self.faults[0]
            if self.steps >= self.disrupt_at:
                self.disrupt()
                self.disrupt_at = self.policy.next_disruption(self.steps)
            ready = [
                each for each in self.hosts if each.loop.ready and not each.is_busy and each.stands_until <= self.now
            ]
            if ready:
                self.policy.choose_host(ready).turn()
            elif self._happen():
                continue
            elif is_over():
                return
            else:
                self._move_on()

    def _happen(self) -> bool:
        """Let one event happen whose time has come. False if there is none."""
        while self._events and self._events[0][0] <= self.now:
            _, _, event = heapq.heappop(self._events)
            if self._let_happen(event):
                return True
        return False

    def _let_happen(self, event: Event) -> bool:
        owner = event.owner
        if owner is not None and owner.is_dead:
            owner.graveyard.append(event)
            return False
        if owner is not None and owner.stands_until > self.now:
            heapq.heappush(self._events, (owner.stands_until, next(self._numbers), event))
            return False
        event.action()
        return True

    def _move_on(self) -> None:
        """Move time on to whatever comes next."""
        times = [max(time, host.stands_until) for host in self.hosts if (time := host.loop.next_timer()) is not None]
        times += [host.stands_until for host in self.hosts if host.loop.ready and not host.is_busy]
        if self._events:
            times.append(self._events[0][0])
        assert times, "nothing will ever happen again"
        self.now = max(self.now, min(times))
        for host in self.hosts:
            if host.stands_until <= self.now:
                host.loop.wake_timers(self.now)


class Event:
    """Something that happens between processes, or beside a loop."""

    __slots__ = ("action", "channel", "label", "owner", "what")

    def __init__(
        self, action: Callable[[], None], label: str, owner: Host | None, what: object, channel: object
    ) -> None:
        self.action = action
        self.label = label
        self.owner = owner
        self.what = what
        self.channel = channel


class Thread:
    """``threading.Thread`` as the journal uses it."""

    kernel: Kernel

    def __init__(self, target: Callable[[], None], name: str, daemon: bool) -> None:
        self._target = target
        self.name = name
        self.ident: int | None = None
        self._is_over = False
        self._waiting: list[Callable[[], None]] = []

    def start(self) -> None:
        host = self.kernel.current
        assert host is not None
        self.ident = id(self)
        inside = greenlet(self._run, parent=self.kernel.main)
        host.graveyard.append(inside)
        self.kernel.post(lambda: self.kernel.enter(host, inside), "thread", owner=host)

    def join(self) -> None:
        while not self._is_over:
            self._waiting.append(_awakener(self.kernel, "join"))
            self.kernel.leave()

    def _run(self) -> None:
        self._target()
        self._is_over = True
        for awaken in self._waiting:
            awaken()


class SimpleQueue:
    """``queue.SimpleQueue`` with one reader, as the journal uses it."""

    kernel: Kernel

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._awaken: Callable[[], None] | None = None

    def put(self, item: Any) -> None:
        self._items.append(item)
        awaken, self._awaken = self._awaken, None
        if awaken is not None:
            awaken()

    def get(self, timeout: float | None = None) -> Any:
        if not self._items:
            self._wait(timeout)
        if not self._items:
            raise Empty
        return self._items.popleft()

    def _wait(self, timeout: float | None) -> None:
        self._awaken = _awakener(self.kernel, "wake", timeout=timeout)
        self.kernel.leave()
        self._awaken = None


def _awakener(kernel: Kernel, label: str, *, timeout: float | None = None) -> Callable[[], None]:
    """Called by whoever wants the running greenlet to go on. It also goes on after ``timeout`` seconds."""
    host, here = kernel.current, getcurrent()
    assert host is not None
    is_awake = False

    def go_on() -> None:
        nonlocal is_awake
        if not is_awake:
            is_awake = True
            kernel.enter(host, here)

    if timeout is not None:
        kernel.post(go_on, label, owner=host, after=timeout)
    return lambda: kernel.post(go_on, label, owner=host) and None
