"""One process per data directory: on SQLite the journal has one owner, and a second server must not start beside it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from app.domain.errors import DirectoryInUse

#: How long to wait for a server that is just stopping, in seconds; a reload starts the new one before the old one has ended.
_PATIENCE = 25.0
_PAUSE = 0.1


class DirectoryLock:
    """An exclusive lock on a data directory, which the system gives back when the process dies, however it dies."""

    def __init__(self, directory: Path, patience: float = _PATIENCE) -> None:
        self._path = directory / "ordergate.lock"
        self._patience = patience
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises ``DirectoryInUse`` if another process keeps it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(_PAUSE)
                    continue
                os.close(descriptor)
                raise DirectoryInUse(
                    f"another Ordergate process uses {self._path.parent}; SQLite serves one process, use PostgreSQL for several"
                ) from None
            self._descriptor = descriptor
            return

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
