"""What a handler returns where the answer has no end, or is long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAnswer:
    """``chunks`` are sent as they come, until they end or the caller goes; the iterator is closed in either case."""

    content_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LongList:
    """A list of what ``row`` makes of each of ``items``; it is made and encoded in slices, so that nobody waits for all of it."""

    items: Sequence[Any]
    row: Callable[[Any], Any]
