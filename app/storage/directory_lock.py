"""One process per data directory: on SQLite the journal has one owner, and a second server must not start beside it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import structlog

from app.domain.errors import DirectoryInUse

log = structlog.get_logger(__name__)

#: How long to wait for a server that is just stopping, in seconds; a reload starts the new one before the old one has ended.
_PATIENCE = 25.0
_PAUSE = 0.1


class DirectoryLock:
    """An exclusive lock on a data directory, which the system releases when the process dies, however it dies."""

    def __init__(self, directory: Path, patience: float = _PATIENCE) -> None:
        self._path = directory / "ordergate.lock"
        self._patience = patience
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises ``DirectoryInUse`` if another process has it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + self._patience
        is_told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    if not is_told:
                        is_told = True
                        log.warning(
                            "waiting for another Ordergate process to end",
                            directory=str(self._path.parent),
                            seconds=self._patience,
                        )
                    time.sleep(_PAUSE)
                    continue
                os.close(descriptor)
                raise DirectoryInUse(
                    f"another Ordergate process uses {self._path.parent}: stop that one, or use PostgreSQL, which serves several"
                ) from None
            self._descriptor = descriptor
            return

    def release(self) -> None:
        """Release the lock; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
