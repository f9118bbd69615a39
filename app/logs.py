"""Logging: one line of JSON an event, on standard error.

Secrets never reach a log because no code hands one to it; the test suite searches everything that the server writes for a canary.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog


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
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
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
    # Three lines are written for each order; the standard library's encoder would cost more than the journal does.
    return msgspec.json.encode(event, enc_hook=str)
