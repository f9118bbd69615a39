"""One question at a time for each key: who asks meanwhile gets the same answer, and who hangs up takes it from nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """The questions that are under way."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[T]] = {}

    async def ask(self, key: K, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer to ``question``, or to the one that is under way for ``key``. Raises what the question raises."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(question())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def leave(self, key: K) -> None:
        """Whoever asks next starts a question of their own."""
        self._tasks.pop(key, None)

    async def close(self) -> None:
        """Give up on what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, key: K, task: asyncio.Task[T]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            # Where everybody has hung up nobody asks; asking here keeps asyncio from reporting the exception as lost.
            task.exception()
