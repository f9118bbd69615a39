"""Order ids: the name of an order at the exchange and to the caller, before anything has been sent.

An id is time-ordered (so that indexes stay local), carries a neutral prefix by which recovery knows our own orders at an
exchange, and keeps to ``[A-Za-z0-9_-]{1,32}``, which every exchange we know takes and which never needs URL encoding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: Crockford's base 32, lower case: digits sort before letters and no two signs look alike.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

#: Every pair of digits, by its ten bits.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

#: 48 bits of milliseconds last until the year 10889; 80 random bits make a clash in one millisecond unthinkable.
_TIME_DIGITS = 10
_RANDOM_DIGITS = 16
_RANDOM_BITS = 80

PREFIX = "og"

_OURS = re.compile(rf"{PREFIX}[{_ALPHABET}]{{{_TIME_DIGITS + _RANDOM_DIGITS}}}")
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new_order_id(now: datetime, random_bits: Callable[[int], int]) -> str:
    """A fresh id for an order made at ``now``; ``random_bits(n)`` gives an integer of n random bits."""
    milliseconds = (now - _EPOCH) // _MILLISECOND
    return PREFIX + _encode(milliseconds, _TIME_DIGITS) + _encode(random_bits(_RANDOM_BITS), _RANDOM_DIGITS)


def is_ours(order_id: str) -> bool:
    """Whether ``order_id`` has the form that ``new_order_id`` makes."""
    return _OURS.fullmatch(order_id) is not None


def is_client_order_id(text: str) -> bool:
    """Whether ``text`` may be used as an order id by a caller."""
    return _CLIENT_ORDER_ID.fullmatch(text) is not None


def _encode(number: int, digits: int) -> str:
    """``number`` in an even count of ``digits``, two at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * digits - 10, -10, -10)])
