"""Order ids: the name of an order at the exchange and to the caller, before anything has been sent.

An id is time-ordered (so that indexes stay local), carries a neutral prefix and the name of the installation that made it, by which
recovery knows our own orders at an exchange from those of another gateway on the same account, and keeps to
``[A-Za-z0-9_-]{1,32}``, which every exchange we know takes and which never needs URL encoding. Earlier versions made ids without an
installation, which are four characters shorter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: Crockford's base 32, lower case: digits sort before letters and no two signs look alike.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

#: Every pair of digits, by its ten bits.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

#: 48 bits of milliseconds last until the year 10889; 70 random bits make a clash in one millisecond unthinkable, and 30 bits one of
#: the few gateways that share an account.
_TIME_DIGITS = 10
_INSTALLATION_DIGITS = 6
_RANDOM_DIGITS = 14
_INSTALLATION_BITS = 30
_RANDOM_BITS = 70
#: The random digits of ids without an installation.
_EARLIER_DIGITS = 16

PREFIX = "og"

_INSTALLATION = re.compile(rf"[{_ALPHABET}]{{{_INSTALLATION_DIGITS}}}")
_EARLIER = re.compile(rf"{PREFIX}[{_ALPHABET}]{{{_TIME_DIGITS + _EARLIER_DIGITS}}}")
_OURS = re.compile(
    rf"{PREFIX}[{_ALPHABET}]{{{_TIME_DIGITS}}}([{_ALPHABET}]{{{_INSTALLATION_DIGITS}}})[{_ALPHABET}]{{{_RANDOM_DIGITS}}}"
)
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new_installation(random_bits: Callable[[int], int]) -> str:
    """A fresh name of an installation, for the ids of its orders."""
    return _encode(random_bits(_INSTALLATION_BITS), _INSTALLATION_DIGITS)


def new_order_id(now: datetime, random_bits: Callable[[int], int], installation: str) -> str:
    """A fresh id for an order that ``installation`` makes at ``now``; ``random_bits(n)`` gives an integer of n random bits."""
    if not _INSTALLATION.fullmatch(installation):
        raise ValueError(f"'{installation}' is no name of an installation")
    return PREFIX + _time(now) + installation + _encode(random_bits(_RANDOM_BITS), _RANDOM_DIGITS)


def is_made_by(order_id: str, installation: str, earlier_until: datetime | None) -> bool:
    """Whether ``installation`` has made ``order_id``. Ids without an installation count up to ``earlier_until``: until then it made
    such ids, or None if it never did.
    """
    named = _OURS.fullmatch(order_id)
    if named is not None:
        return named.group(1) == installation
    if earlier_until is None or not _EARLIER.fullmatch(order_id):
        return False
    return order_id[len(PREFIX) : len(PREFIX) + _TIME_DIGITS] <= _time(earlier_until)


def is_client_order_id(text: str) -> bool:
    """Whether ``text`` may be used as an order id by a caller."""
    return _CLIENT_ORDER_ID.fullmatch(text) is not None


def _time(at: datetime) -> str:
    return _encode((at - _EPOCH) // _MILLISECOND, _TIME_DIGITS)


def _encode(number: int, digits: int) -> str:
    """``number`` in an even count of ``digits``, two at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * digits - 10, -10, -10)])
