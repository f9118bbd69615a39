"""Single flight: concurrent calls for the same key share one execution and its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """The executions that are under way, by key. A caller that is cancelled does not cancel the execution."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        """How many keys have an execution under way."""
        return len(self._tasks)

    def __contains__(self, key: K) -> bool:
        """Whether an execution is under way for ``key``."""
        return key in self._tasks

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of ``work``, or of the execution that is under way for ``key``. Raises what the work raises."""
        return await asyncio.shield(self.start(key, work))

    def start(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Start ``work`` without waiting for it, unless an execution for ``key`` is under way. Return the task of either."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.get_running_loop().create_task(work())
            task.add_done_callback(lambda done: self._end(key, done))
        return task

    def forget(self, key: K) -> None:
        """Let the next caller start an execution of its own, even if one is under way for ``key``."""
        self._tasks.pop(key, None)

    async def close(self) -> None:
        """Cancel what is under way; may be called twice."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, key: K, task: asyncio.Task[T]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            # Every caller may have been cancelled. Reading the exception here keeps asyncio from reporting it as never retrieved.
            task.exception()
