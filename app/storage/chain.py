"""The checksums that chain the events of the journal: each is over an event as it is stored and the checksum before it.

One that fits proves all events up to it, so that a change of any of them is found, whoever or whatever made it. The checksums are
stored: how they are made never changes. An event without one (of an older version of the program) is covered by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from app.domain.decimals import plain
from app.storage.types import SQLITE

#: The checksum before the first event.
ORIGIN = bytes(16)

_ENCODER = msgspec.json.Encoder()

#: Where a row of ``events`` has its time and its filled amount, which are not text on PostgreSQL.
_AT, _FILLED_AMOUNT = 1, 10
#: How many columns the checksum is over: all but itself.
_COLUMNS = 12


def link(previous: bytes, row: Sequence[Any]) -> bytes:
    """The checksum of an event after ``previous``. ``row`` is its row, as it is written or as it is read, of either database."""
    values = list(row[:_COLUMNS])
    if not isinstance(values[_AT], str):
        values[_AT] = SQLITE.time(values[_AT])
    amount = values[_FILLED_AMOUNT]
    if amount is not None and not isinstance(amount, str):
        values[_FILLED_AMOUNT] = plain(amount)
    return blake2b(previous + _ENCODER.encode(values), digest_size=len(ORIGIN)).digest()
