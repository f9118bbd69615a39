"""Writes lines where a reader may stand still.

A pipe whose reader has stopped (a paused terminal, a stuck log shipper) takes nothing and holds up whoever writes, for as long
as it likes. Orders must not wait for that, so lines are written by a thread that nobody waits for.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

#: Bytes that wait for the reader. Beyond them lines are dropped and counted.
_MOST_BYTES = 4 * 1024 * 1024

#: Seconds until a descriptor that is not blocking is tried again.
_AGAIN_SECONDS = 0.05


class LogWriter:
    """Hands lines to ``write``, which is that of a raw stream: it may block, write a part, or raise ``OSError``. Lines that can't
    be written are dropped, and their number is written as soon as something can be.
    """

    def __init__(self, write: Callable[[memoryview], int | None], most_bytes: int = _MOST_BYTES) -> None:
        self._write = write
        self._most_bytes = most_bytes
        self._begin()
        # A child has no thread, and the lock may have been held when it was made.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._is_writing = False

    def put(self, lines: bytes) -> None:
        """Write ``lines`` soon. Neither blocks nor raises."""
        with self._changed:
            if self._size + len(lines) > self._most_bytes:
                self._lost += lines.count(b"\n")
                return
            self._waiting.append(lines)
            self._size += len(lines)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait for everything to be written; whether it was within ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_writing, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                lines, lost = b"".join(self._waiting), self._lost
                self._waiting.clear()
                self._size = self._lost = 0
                self._is_writing = True
            if lost:
                lines += b'{"event":"log lines lost","level":"error","number":%d}\n' % lost
            try:
                self._write_all(memoryview(lines))
            except (OSError, ValueError):  # a full disk, a reader that has gone, a closed stream
                with self._changed:
                    self._lost += lost + lines.count(b"\n") - bool(lost)

    def _write_all(self, lines: memoryview) -> None:
        while lines:
            written = self._write(lines)
            if written is None:
                time.sleep(_AGAIN_SECONDS)
            lines = lines[written or 0 :]
