"""An event loop whose time is the kernel's, and whose callbacks the kernel runs one by one.

Only what asyncio's own coroutines need of a loop is here: no sockets, no signals, no subprocesses. Threads of the default executor
are the kernel's jobs.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from itertools import count
from typing import Any, Protocol


class Host(Protocol):
    """What a loop needs of its process."""

    @property
    def now(self) -> float:
        """Seconds of simulated time."""

    def run_job(self, job: Callable[[], None]) -> None:
        """Run ``job`` as a thread would: soon, beside the loop."""

    def note_trouble(self, text: str) -> None:
        """Remember that something went wrong which nobody handled."""


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    _numbers = count()

    def __init__(self, *args: Any, **options: Any) -> None:
        self.number = next(self._numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self.number


class _Future(asyncio.Future[Any]):
    """A future whose hash is its number."""

    _numbers = count()

    def __init__(self, **options: Any) -> None:
        self.number = next(self._numbers)
        super().__init__(**options)

    def __hash__(self) -> int:
        return self.number


class _Handle:
    """What ``asyncio.Handle`` and ``TimerHandle`` are to their callers. Theirs ask the loop for its debug mode each time."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "time")

    def __init__(self, callback: Any, args: tuple[Any, ...], context: Context | None, time: float = 0.0) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.time = time
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.time


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop of one simulated process. ``step`` runs the next callback; ``wake_timers`` makes those ready whose time has come."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._numbers = count()
        #: A loop of a dead process takes nothing and runs nothing.
        self.is_dead = False

    # -- for the kernel -------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When the next timer is due."""
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def wake_timers(self, now: float) -> None:
        """Make the timers ready whose time has come."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            handle = heapq.heappop(timers)[2]
            if not handle.is_cancelled:
                self.ready.append(handle)

    def step(self) -> None:
        """Run the next callback."""
        handle = self.ready.popleft()
        if handle.is_cancelled:
            return
        try:
            handle.context.run(handle.callback, *handle.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # as asyncio does it
            self.call_exception_handler({"message": f"Exception in {handle.callback!r}", "exception": error})

    def kill(self) -> list[Any]:
        """Take nothing from now on. Return what must be kept, so that no ``finally`` of the dead process ever runs."""
        self.is_dead = True
        kept = [list(self.ready), list(self._timers), list(asyncio.all_tasks(self))]
        self.ready.clear()
        self._timers.clear()
        return kept

    # -- asyncio's contract ---------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._host.now

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        handle = _Handle(callback, args, context)
        if not self.is_dead:
            self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        return self.call_at(self._host.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        handle = _Handle(callback, args, context, when)
        if not self.is_dead:
            heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None) -> Any:  # type: ignore[override]
        return _Task(coro, loop=self, name=name, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()

        def job() -> None:
            try:
                answer = func(*args)
            except Exception as error:
                self.call_soon(_set, future, None, error)
            else:
                self.call_soon(_set, future, answer, None)

        self._host.run_job(job)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self.is_dead

    def is_closed(self) -> bool:
        return self.is_dead

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead:
            self._host.note_trouble(f"{context.get('message')}: {context.get('exception')!r}")


def _set(future: asyncio.Future[Any], answer: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
