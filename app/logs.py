"""Logging: one line of JSON an event, on standard error.

Secrets never reach a log because no code hands one to it; the test suite searches everything that the server writes for a canary.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from threading import Lock
from typing import Any, BinaryIO

import msgspec
import structlog


class GatheredLines:
    """What log lines are written to: the lines of one round of the event loop go out in one write, others at once.

    A write lets other threads run and waits to go on, which for each order is worth avoiding. A process that is killed on the spot
    loses the lines of its last round, some microseconds; what they told of orders is in the journal.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._lines: list[bytes] = []
        self._due_on: asyncio.AbstractEventLoop | None = None
        atexit.register(self._drain)

    def write(self, line: bytes) -> None:
        """Take one line."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread, or before and after the loop
            self._take(line)
            self._drain()
            return
        self._take(line)
        if self._due_on is not loop:
            self._due_on = loop
            loop.call_soon(self._drain)

    def flush(self) -> None:
        """Nothing: what was taken goes out by itself."""

    def _take(self, line: bytes) -> None:
        with self._lock:
            self._lines.append(line)

    def _drain(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            self._due_on = None
            if lines:
                self._stream.write(b"".join(lines))
                self._stream.flush()


def configure_logging() -> None:
    """Set up structlog, and send what other libraries log through the standard module the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_encode)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(GatheredLines(sys.stderr.buffer)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _encode(event: Any, **_: Any) -> bytes:
    # A line is written for each order, and the standard library's encoder would cost as much as a commit.
    return msgspec.json.encode(event, enc_hook=str)
