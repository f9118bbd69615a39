"""SIGTERM reaches the gateway before the server acts on it.

The HTTP server waits for open connections before it stops the application, and an event stream stays open for ever. So the gateway
is notified first: it takes no new orders and ends the streams. Then the server's own handler runs as usual.
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
    """While the context lasts, call ``callback`` on the running loop when the process gets a signal to stop.

    In a thread other than the main one, where signals can't be handled, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}

    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        handler = before[signal.Signals(signum)]
        if callable(handler):
            handler(signum, frame)
        elif handler is signal.SIG_DFL:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)

    for signum in _SIGNALS:
        signal.signal(signum, handle)
    try:
        yield
    finally:
        for signum, handler in before.items():
            if signal.getsignal(signum) is handle:
                signal.signal(signum, handler)
