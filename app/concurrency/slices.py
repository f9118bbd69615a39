"""Long work on the event loop, a slice at a time, so that what others wait for goes between.

Threads would not do: they share the interpreter with the loop, which then waits milliseconds for each of its own steps. All long
work of a loop takes turns and rests after each, so that it takes a part of the loop's time that does not grow with its callers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
R = TypeVar("R")

#: Items of a slice: about a millisecond of work for what is read from an exchange or shown to a caller.
SLICE = 64
#: How long is rested after a slice, in its own length: others have two thirds of the time at least.
_REST = 2.0
#: The longest rest in seconds, should the machine have stood still within a slice.
_LONGEST = 0.02

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def in_slices(items: Sequence[T], work: Callable[[Sequence[T]], R]) -> list[R]:
    """What ``work`` makes of each slice of ``items``, in their order. Raises what it raises.

    What fits into one slice does not wait.
    """
    if len(items) <= SLICE:
        return [work(items)] if items else []
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    done = []
    for start in range(0, len(items), SLICE):
        async with turn:
            began = time.thread_time()
            done.append(work(items[start : start + SLICE]))
            # Not a clock's sleep: it is the machine's time that is shared out here.
            await asyncio.sleep(min(_REST * (time.thread_time() - began), _LONGEST))
    return done
