"""Logging: one line of JSON per event, on standard error.

Secrets never reach a log because no code hands one to it; the test suite searches everything that the server writes for a canary.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
import time
from collections.abc import Callable, Hashable, MutableMapping
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Any

import msgspec
import structlog

from app.log_writer import LogWriter

Event = MutableMapping[str, Any]

#: A line is written for each order, and the standard library's encoder would cost as much as a commit.
_ENCODER = msgspec.json.Encoder(enc_hook=str)

#: Seconds for which events are buffered. Encoding many at once costs each of them a fraction of what it costs alone, and none of
#: that delays an order's answer.
_FLUSH_SECONDS = 0.02

#: Seconds that a process which stops gives the log's reader.
_LAST_SECONDS = 2.0

#: Seconds for which the repetitions of a warning are counted.
_REPEAT_SECONDS = 10.0
#: Kinds of warnings whose repetitions are counted at once. Beyond them, each is written.
_MOST_KINDS = 256
#: What makes a warning the same as another.
_WARNING_KIND = ("level", "event", "error", "account_name", "connector_name", "trading_pair", "path")
#: What tells two equal errors apart, and is no part of what they say.
_OWN_TO_A_LINE = frozenset({"timestamp", "request_id"})


class Repetitions:
    """Which warnings are written: the first of a kind, and for those that follow it within ``_REPEAT_SECONDS`` their number, with
    the last of them. A full disk says the same thing for each order.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        #: By kind: when it is over, how many were not written, and the last of them.
        self._held: dict[Hashable, tuple[float, int, Event]] = {}

    def hold(self, kind: Hashable, event: Event) -> bool:
        """Whether ``event`` repeats one that was written lately and is only counted."""
        known = self._held.get(kind)
        if known is not None:
            until, number, _ = known
            self._held[kind] = (until, number + 1, event)
            return True
        if len(self._held) < _MOST_KINDS:
            self._held[kind] = (self._monotonic() + _REPEAT_SECONDS, 0, event)
        return False

    def over(self, *, everything: bool = False) -> list[Event]:
        """The last one of each kind whose time is over, with the number of those that were not written."""
        now = self._monotonic()
        ended = [kind for kind, (until, _, _) in self._held.items() if everything or until <= now]
        counted = [self._held.pop(kind) for kind in ended]
        return [{**event, "repeated": number} for _, number, event in counted if number]


class BufferedLog:
    """The sink of structlog's events: it encodes them together, and writes those of a fiftieth of a second at once.

    Warnings are handed to the writer immediately, with what came before them, and so is what is logged outside the event loop.
    Logging never raises and never waits: what can't be written is dropped and counted. Values must not change after they were
    logged. A process that is killed loses the lines of its last fiftieth of a second; what they said about orders is in the
    journal.

    A warning that repeats itself is written once and counted, whatever order it is about, and so is an error that is the same in
    everything.
    """

    def __init__(self, writer: LogWriter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._writer = writer
        self._repetitions = Repetitions(monotonic)
        # Reentrant: a signal's handler, or a value that becomes text, may log while lines are made.
        self._lock = RLock()
        self._events: list[Event] = []
        self._due_on: asyncio.AbstractEventLoop | None = None
        self._counts_on: asyncio.AbstractEventLoop | None = None
        atexit.register(self.close)

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

    def repeatable(self, event: Event) -> None:
        """Log one event and write its line now, unless it repeats one that was written lately."""
        kind = tuple(event.get(name) for name in _WARNING_KIND)
        self._now_unless_held(kind, event)

    def failure(self, event: Event) -> None:
        """Log one event and write its line now, unless the same was written lately."""
        kind = tuple((name, str(value)) for name, value in event.items() if name not in _OWN_TO_A_LINE)
        self._now_unless_held(kind, event)

    def record(self, kind: Hashable, event: Event) -> bool:
        """Whether a library's record of this ``kind`` is to be written."""
        with self._lock:
            held = self._repetitions.hold(kind, event)
        if held:
            self._look_again()
        return not held

    def _now_unless_held(self, kind: Hashable, event: Event) -> None:
        with self._lock:
            if self._repetitions.hold(kind, event):
                self._look_again()
                return
            self._events.append(event)
        self.flush()

    def _look_again(self) -> None:
        """See to it that the number of what is held is written once its time is over, also if nothing else is logged by then."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread: the next line tells it, or the end
            return
        if self._counts_on is not loop:
            self._counts_on = loop
            loop.call_later(_REPEAT_SECONDS, self._counted)

    def _counted(self) -> None:
        self._counts_on = None
        self.flush()

    msg = debug = info = later
    warning = warn = repeatable
    error = critical = exception = fatal = failure

    def close(self) -> None:
        """Write everything, also the numbers of what is still held. Waits for the reader, but not for ever."""
        with self._lock:
            self._events += self._repetitions.over(everything=True)
        self.flush()
        self._writer.drain(_LAST_SECONDS)

    def flush(self) -> None:
        """Hand on what is buffered, and what is held no longer."""
        with self._lock:
            events, self._events = [*self._events, *self._repetitions.over()], []
            self._due_on = None
            if not events:
                return
            self._writer.put(b"".join([_line(event) for event in events]))

    def formatted(self, line: bytes) -> None:
        """Write a line that is made already, behind what is buffered."""
        self.flush()
        self._writer.put(line)


class _Records(logging.Handler):
    """What libraries log through the standard module, in order with our own lines."""

    def __init__(self, log: BufferedLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        kind = (record.name, record.levelno, str(record.msg))
        event = {"event": str(record.msg), "level": record.levelname.lower(), "logger": record.name}
        if self._log.record(kind, event):
            try:
                self._log.formatted(self.format(record).encode(errors="backslashreplace") + b"\n")
            except Exception:  # noqa: BLE001 - a library's record that has no text harms nobody
                self._log.error({**event, "event": "a line could not be made"})


#: What ``configure_logging`` has set up.
_configured: list[BufferedLog] = []


def flush() -> None:
    """Write what is buffered; for a process that is about to stop."""
    for log in _configured:
        log.close()


def configure_logging(now: Callable[[], datetime], level: int = logging.INFO) -> None:
    """Set up structlog, and send what other libraries log through the standard module the same way. ``now`` stamps the lines."""
    # The raw stream: a thread that stands in a buffered one would not let the interpreter end.
    stream: Any = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)
    log = BufferedLog(LogWriter(stream.write))
    _configured[:] = [log]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            partial(_stamp, now),
            structlog.processors.format_exc_info,
            _unrendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: log,
        cache_logger_on_first_use=True,
    )
    handler = _Records(log)
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
