"""A stream as an answer: what a handler returns where the answer has no end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAnswer:
    """``chunks`` are sent as they come, until they end or the caller goes; the iterator is closed in either case."""

    content_type: str
    chunks: AsyncIterator[bytes]
