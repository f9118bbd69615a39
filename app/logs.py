"""Logging: one line of JSON per event, on standard error.

Secrets never reach a log because no code hands one to it; the test suite searches everything that the server writes for a canary.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Any, BinaryIO

import msgspec
import structlog

Event = MutableMapping[str, Any]

#: A line is written for each order, and the standard library's encoder would cost as much as a commit.
_ENCODER = msgspec.json.Encoder(enc_hook=str)

#: Seconds for which events are buffered. Encoding many at once costs each of them a fraction of what it costs alone, and none of
#: that delays an order's answer.
_FLUSH_SECONDS = 0.02


class BufferedLog:
    """The sink of structlog's events: it encodes them together, and writes those of a fiftieth of a second at once.

    Warnings are written immediately, with what came before them, and so is what is logged outside the event loop. Logging never
    raises: what can't be written is dropped and counted. Values must not change after they were logged. A process that is killed
    loses the lines of its last fiftieth of a second; what they said about orders is in the journal.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        # Reentrant: a signal's handler, or a value that becomes text, may log while lines are made.
        self._lock = RLock()
        self._events: list[Event] = []
        self._lost = 0
        self._due_on: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def later(self, event: Event) -> None:
        """Log one event whose line can wait."""
        with self._lock:
            self._events.append(event)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread, or before and after the loop
            self.flush()
            return
        if self._due_on is not loop:
            self._due_on = loop
            loop.call_later(_FLUSH_SECONDS, self.flush)

    def now(self, event: Event) -> None:
        """Log one event and write its line now."""
        with self._lock:
            self._events.append(event)
        self.flush()

    msg = debug = info = later
    warning = warn = error = critical = exception = fatal = now

    def flush(self) -> None:
        """Write what is buffered."""
        with self._lock:
            events, self._events = self._events, []
            self._due_on = None
            if not events:
                return
            lines = [_line(event) for event in events]
            if self._lost:
                lines.append(_line({"event": "log lines lost", "level": "error", "number": self._lost}))
            try:
                self._stream.write(b"".join(lines))
                self._stream.flush()
            except (OSError, ValueError):  # a full disk, a reader that has gone, a closed stream
                self._lost += len(events)
            else:
                self._lost = 0


class _Records(logging.StreamHandler[Any]):
    """What libraries log through the standard module, in order with our own lines."""

    def __init__(self, stream: Any, log: BufferedLog) -> None:
        super().__init__(stream)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.flush()
        super().emit(record)


#: What ``configure_logging`` has set up.
_configured: list[BufferedLog] = []


def flush() -> None:
    """Write what is buffered; for a process that is about to stop."""
    for log in _configured:
        log.flush()


def configure_logging(now: Callable[[], datetime]) -> None:
    """Set up structlog, and send what other libraries log through the standard module the same way. ``now`` stamps the lines."""
    log = BufferedLog(sys.stderr.buffer)
    _configured[:] = [log]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            partial(_stamp, now),
            structlog.processors.format_exc_info,
            _unrendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: log,
        cache_logger_on_first_use=True,
    )
    handler = _Records(sys.stderr, log)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _stamp(now: Callable[[], datetime], _logger: Any, _method: str, event: Event) -> Event:
    event["timestamp"] = now()
    return event


def _unrendered(_logger: Any, _method: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    return (event,), {}


def _line(event: Event) -> bytes:
    for encode in (_ENCODER.encode, _encode_oddities):
        try:
            return encode(event) + b"\n"
        except Exception:  # noqa: BLE001, S112 - half a sign, or a value that can't say what it is: no other line may be lost for it
            continue
    return b'{"event":"a line could not be made","level":"error"}\n'


def _encode_oddities(event: Event) -> bytes:
    return json.dumps(event, default=_text, skipkeys=True).encode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
