"""Exact numbers: how text becomes a ``Decimal`` and how a ``Decimal`` becomes text again.

Money is a ``Decimal`` from the socket to the database and the wire. The two functions here are the only ways in and out,
so that no exponent, no float and no number of absurd size gets past them.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DefaultContext, setcontext

#: Plain ASCII number grammar. ``Decimal`` itself also takes "1_000", " 1 ", "NaN" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)

#: No exchange quotes more than 18 places, and no amount needs 30 digits before the point. The bound is what keeps
#: ``format(Decimal("1e9999999"), "f")`` from making a text of ten megabytes.
MAX_PLACES = 36
MAX_INTEGER_DIGITS = 36
MAX_TEXT = 128

#: What nearly every number looks like: within the bounds by its form alone.
_ORDINARY = re.compile(r"[+-]?[0-9]{1,36}(?:\.[0-9]{1,36})?", re.ASCII)

#: Sums and products of two bounded numbers fit without rounding; a division rounds at this many digits.
EXACT = Context(prec=160)

# Operators, ``abs``, ``sum`` and a sign round by the context of whoever uses them, in which Python keeps 28 digits. From here on
# all keep as many as ``EXACT``: this thread and the tasks that begin in it, and every thread that begins later.
setcontext(EXACT.copy())
DefaultContext.prec = EXACT.prec

ZERO = Decimal(0)


def parse_decimal(text: str) -> Decimal:
    """The exact number written in ``text``.

    Raises ``ValueError`` with a sentence for the caller when it is not a plain decimal number or is out of bounds
    (36 digits before the point, 36 after it).
    """
    if _ORDINARY.fullmatch(text):
        return Decimal(text)
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a decimal number")
    return bounded(Decimal(text))


def bounded(number: Decimal) -> Decimal:
    """``number`` itself if it is finite and of a sane size; ``ValueError`` otherwise."""
    if not number.is_finite():
        raise ValueError("is not a finite number")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent > MAX_PLACES:
        raise ValueError(f"has more than {MAX_PLACES} decimal places")
    if number.adjusted() >= MAX_INTEGER_DIGITS:
        raise ValueError(f"has more than {MAX_INTEGER_DIGITS} digits before the decimal point")
    return number


def plain(number: Decimal) -> str:
    """``number`` as text without an exponent: ``Decimal("1E-8")`` is ``0.00000001``."""
    return format(number, "f")


def shortest(number: Decimal) -> str:
    """``number`` as text without an exponent and without trailing zeros: ``plain`` of its ``normal`` form."""
    return format(number.normalize(EXACT), "f")


def normal(number: Decimal) -> Decimal:
    """``number`` without trailing zeros, and never with a positive exponent: 100, not 1E+2."""
    short = number.normalize(EXACT)
    exponent = short.as_tuple().exponent
    assert isinstance(exponent, int)
    return short.quantize(Decimal(1), context=EXACT) if exponent > 0 else short


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``number``; ``number`` as it was written if it is one already."""
    return _to_multiple(number, step, ROUND_FLOOR)


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``number``; ``number`` as it was written if it is one already."""
    return _to_multiple(number, step, ROUND_CEILING)


def _to_multiple(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step <= ZERO:
        return number
    steps = EXACT.divide(number, step).to_integral_value(rounding=rounding)
    multiple = EXACT.multiply(steps, step)
    return number if multiple == number else multiple
