"""Running things in forked processes: what one of them replaces, leaks or leaves unfinished goes with it."""

from __future__ import annotations

import gc
import os
import pickle
import select
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Failed(Exception):
    """A forked process did not end as it should; the text is its traceback."""


def forked(work: Callable[[], T]) -> T:
    """The result of ``work`` in a process of its own. Raises ``Failed``."""
    return next(iter(in_parallel([work], 1)))


def in_parallel(works: Iterable[Callable[[], T]], workers: int) -> Iterator[T]:
    """The results of ``works`` as they come, ``workers`` at a time, each in a process of its own. Raises ``Failed``."""
    waiting = iter(works)
    running: dict[int, tuple[int, bytearray]] = {}
    try:
        while True:
            while len(running) < workers and (work := next(waiting, None)) is not None:
                pid, pipe = _start(work)
                running[pipe] = (pid, bytearray())
            if not running:
                return
            for pipe in select.select(list(running), [], [])[0]:
                pid, received = running[pipe]
                part = os.read(pipe, 1 << 20)
                received += part
                if not part:
                    del running[pipe]
                    os.close(pipe)
                    os.waitpid(pid, 0)
                    yield _result(received)
    finally:
        for pipe, (pid, _) in running.items():
            os.close(pipe)
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _start(work: Callable[[], Any]) -> tuple[int, int]:
    sys.stdout.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    # Collecting garbage would run what a dead process of the world has left, and takes a tenth of the time.
    gc.disable()
    status = 1
    try:
        os.close(reading)
        try:
            result: tuple[bool, Any] = (True, work())
        except BaseException:
            result = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe)
        status = 0
    finally:
        os._exit(status)


def _result(received: bytearray) -> Any:
    if not received:
        raise Failed("it died without a word")
    is_good, result = pickle.loads(bytes(received))
    if not is_good:
        raise Failed(result)
    return result
