"""Logging: one line of JSON an event, on standard error.

Secrets never reach a log because no code hands one to it; the test suite searches everything that the server writes for a canary.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, BinaryIO

import msgspec
import structlog

Event = MutableMapping[str, Any]

#: A line is written for each order, and the standard library's encoder would cost as much as a commit.
_ENCODER = msgspec.json.Encoder(enc_hook=str)

#: Seconds for which lines are gathered. Making many at once costs each of them a fraction of what it costs alone, and none of it
#: stands between an order and its answer.
_GATHERED_FOR = 0.02


class GatheredLog:
    """What structlog hands its events to: they become lines together, a fiftieth of a second's in one write.

    Warnings go out at once, with what came before them, and so does what is said outside the event loop. A process that is killed
    on the spot loses the lines of its last fiftieth of a second; what they told of orders is in the journal.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._events: list[Event] = []
        self._due_on: asyncio.AbstractEventLoop | None = None
        atexit.register(self._drain)

    def later(self, event: Event) -> None:
        """Take one event whose line can wait."""
        with self._lock:
            self._events.append(event)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread, or before and after the loop
            self._drain()
            return
        if self._due_on is not loop:
            self._due_on = loop
            loop.call_later(_GATHERED_FOR, self._drain)

    def now(self, event: Event) -> None:
        """Take one event and write its line."""
        with self._lock:
            self._events.append(event)
        self._drain()

    msg = debug = info = later
    warning = warn = error = critical = exception = fatal = now

    def _drain(self) -> None:
        with self._lock:
            events, self._events = self._events, []
            self._due_on = None
            if events:
                self._stream.write(b"".join([_line(event) for event in events]))
                self._stream.flush()


def configure_logging(now: Callable[[], datetime]) -> None:
    """Set up structlog, and send what other libraries log through the standard module the same way. ``now`` stamps the lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        partial(_stamp, now),
        structlog.processors.format_exc_info,
    ]
    log = GatheredLog(sys.stderr.buffer)
    structlog.configure(
        processors=[*shared, _as_it_is],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: log,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_text),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _stamp(now: Callable[[], datetime], _logger: Any, _method: str, event: Event) -> Event:
    event["timestamp"] = now()
    return event


def _as_it_is(_logger: Any, _method: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    return (event,), {}


def _line(event: Event) -> bytes:
    try:
        return _ENCODER.encode(event) + b"\n"
    except (TypeError, ValueError, OverflowError):  # a key or a number that JSON has no form for
        return _ENCODER.encode({str(name): str(value) for name, value in event.items()}) + b"\n"


def _text(event: Any, **_: Any) -> str:
    return _ENCODER.encode(event).decode()
