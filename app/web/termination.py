"""SIGTERM reaches the gateway before the server acts on it.

The HTTP server waits for open connections before it stops the application, and an event stream stays open for ever. So the gateway
is notified first: it takes no new orders and ends the streams. Then, once the orders that are under way have ended, the server's
own handler runs as usual. Until then the server listens, so that orders can be canceled. A second signal does not wait.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_termination(callback: Callable[[], None], finish: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """While the context lasts, call ``callback`` on the running loop when the process gets a signal to stop, and let the handler
    that was there before have the signal when ``finish`` has ended.

    In a thread other than the main one, where signals can't be handled, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    stopping: list[asyncio.Task[None]] = []

    def pass_on(signum: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(signum)]
        if callable(handler):
            handler(signum, frame)
        elif handler is signal.SIG_DFL:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)

    async def stop(signum: int) -> None:
        try:
            callback()
            await finish()
        finally:
            pass_on(signum, None)

    def begin(signum: int) -> None:
        if stopping:
            pass_on(signum, None)
        else:
            stopping.append(loop.create_task(stop(signum)))

    def handle(signum: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin, signum)

    for signum in _SIGNALS:
        signal.signal(signum, handle)
    try:
        yield
    finally:
        for signum, handler in before.items():
            if signal.getsignal(signum) is handle:
                signal.signal(signum, handler)
