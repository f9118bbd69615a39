"""Hearing SIGTERM before the server does.

The HTTP server waits for open connections before it tells the application to stop, and an event stream stays open for ever. So the
first thing at SIGTERM is a word to the gateway: no new orders, end the streams. Then the server's own handler goes on as usual.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_termination(callback: Callable[[], None]) -> Iterator[None]:
    """While the context lasts, call ``callback`` on the running loop when the process is told to stop.

    In a thread other than the main one, where signals can't be handled, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}

    def hear(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        handler = before[signal.Signals(signum)]
        if callable(handler):
            handler(signum, frame)
        elif handler is signal.SIG_DFL:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)

    for signum in _SIGNALS:
        signal.signal(signum, hear)
    try:
        yield
    finally:
        for signum, handler in before.items():
            if signal.getsignal(signum) is hear:
                signal.signal(signum, handler)
