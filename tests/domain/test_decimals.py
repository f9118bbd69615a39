"""Exact numbers in and out: what is a number, how it is written, and how it is rounded to a step."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.decimals import (
    EXACT,
    MAX_INTEGER_DIGITS,
    MAX_PLACES,
    MAX_TEXT,
    bounded,
    ceil_to,
    floor_to,
    normal,
    parse_decimal,
    plain,
    shortest,
)

#: The pattern that the contract demands of every number that goes out as text.
PATTERN = re.compile(r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$")

digits = st.text("0123456789", max_size=MAX_INTEGER_DIGITS)
#: Every spelling of a number within bounds: signs, leading and trailing zeros, a bare point on either side.
spellings = st.builds(
    lambda sign, whole, point, places: sign + whole + (point and point + places),
    st.sampled_from(["", "+", "-"]),
    digits,
    st.sampled_from(["", "."]),
    digits,
).filter(lambda text: any(letter.isdigit() for letter in text))
numbers = spellings.map(parse_decimal)
steps = st.one_of(
    st.integers(-12, 6).map(lambda exponent: Decimal(1).scaleb(exponent)),
    st.decimals("0.000001", "1000", allow_nan=False, allow_infinity=False, places=6),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "1"),
        ("0.1000", "0.1000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+3", "3"),
        ("-3.25", "-3.25"),
        ("007", "7"),
        ("1e-8", "0.00000001"),
        ("1E+21", "1000000000000000000000"),
        ("1.5e3", "1500"),
        ("0e3", "0"),
        ("1e-36", "0." + "0" * 35 + "1"),
        ("9" * 36 + "." + "9" * 36, "9" * 36 + "." + "9" * 36),
        ("0" * 128, "0"),
    ],
)
def test_number_is_read_exactly(text: str, expected: str) -> None:
    """A plain number of any spelling is read to the last digit."""
    number = parse_decimal(text)
    assert number == Decimal(text)
    assert Decimal(plain(number)) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", " 1", "1\n", "1_000", "1,5", "0x10", "True"),
        *("NaN", "nan", "Infinity", "-inf", "sNaN", "٣", "１", "½"),
        *("1e", "e5", ".", "+", "-", "+.", "1.2.3", "--1", "1e12345", "1e-+3"),
    ],
)
def test_text_that_is_no_number(text: str) -> None:
    """What ``Decimal`` would take and a caller can't have meant is refused."""
    with pytest.raises(ValueError, match=r"^is not a decimal number$"):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0" * 129, "is longer than 128 characters"),
        ("1e-37", "has more than 36 decimal places"),
        ("0e-9999", "has more than 36 decimal places"),
        ("1.5e-36", "has more than 36 decimal places"),
        ("0." + "0" * 36 + "1", "has more than 36 decimal places"),
        ("1e36", "has more than 36 digits before the decimal point"),
        ("1e9999", "has more than 36 digits before the decimal point"),
        ("0e9999", "has more than 36 digits before the decimal point"),
        ("1" + "0" * 36, "has more than 36 digits before the decimal point"),
    ],
)
def test_number_out_of_bounds(text: str, sentence: str) -> None:
    """A number that no exchange could mean is refused before it can become megabytes of zeros."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_endless_number_is_not_bounded(text: str) -> None:
    """Infinities and NaN are no amounts."""
    with pytest.raises(ValueError, match=r"^is not a finite number$"):
        bounded(Decimal(text))


def test_largest_text_holds_every_bounded_number() -> None:
    """The bound on text leaves room for a sign, all digits and the point."""
    assert MAX_TEXT > 1 + MAX_INTEGER_DIGITS + 1 + MAX_PLACES


@given(spellings)
def test_round_trip(text: str) -> None:
    """Reading what was written gives the same number, with the same number of places."""
    number = parse_decimal(text)
    again = parse_decimal(plain(number))
    assert again == number
    assert again.as_tuple() == number.as_tuple()


@given(st.integers(-(10**60), 10**60), st.integers(-90, 60))
def test_plain_never_has_an_exponent(coefficient: int, exponent: int) -> None:
    """Any number, however small or large, is written as digits with at most one point, in the contract's pattern."""
    number = Decimal(coefficient).scaleb(exponent, EXACT)
    text = plain(number)
    assert "e" not in text.lower()
    assert PATTERN.match(text)
    assert Decimal(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-8", "0.00000001"), ("1E+21", "1" + "0" * 21), ("100", "100"), ("0E-3", "0.000"), ("-1E-2", "-0.01")],
)
def test_plain(number: str, text: str) -> None:
    """Exponents are written out; places are kept as they are."""
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [("0.1000", "0.1"), ("100", "100"), ("1E+2", "100"), ("0.000", "0"), ("0E+5", "0"), ("-2.50", "-2.5"), ("7", "7")],
)
def test_normal(number: str, text: str) -> None:
    """Trailing zeros go, and hundreds stay hundreds."""
    assert str(normal(Decimal(number))) == text


@given(numbers)
def test_normal_keeps_the_number(number: Decimal) -> None:
    """A number in normal form is the same number without an exponent, and equal numbers have one normal form."""
    short = normal(number)
    assert short == number
    assert "E" not in str(short) or abs(number) < Decimal("1e-6")
    assert plain(normal(EXACT.multiply(number, Decimal("1.000")))) == plain(short)


@given(numbers)
def test_the_shortest_text_is_that_of_the_normal_form(number: Decimal) -> None:
    """Two ways to one text."""
    assert shortest(number) == plain(normal(number))


@pytest.mark.parametrize(
    ("number", "step", "low", "high"),
    [
        ("1.2345", "0.01", "1.23", "1.24"),
        ("1.23", "0.01", "1.23", "1.23"),
        ("1.2300", "0.01", "1.2300", "1.2300"),
        ("10", "3", "9", "12"),
        ("0.5", "1", "0", "1"),
        ("7", "2.5", "5.0", "7.5"),
        ("-1.5", "1", "-2", "-1"),
        ("1.7", "0", "1.7", "1.7"),
        ("1.7", "-1", "1.7", "1.7"),
        ("0.00000001", "0.00000001", "0.00000001", "0.00000001"),
        ("9" * 36 + "." + "9" * 36, "1e-36", "9" * 36 + "." + "9" * 36, "9" * 36 + "." + "9" * 36),
        ("9" * 36 + "." + "9" * 36, "1", "9" * 36, "1" + "0" * 36),
        ("1e-36", "1e-10", "0E-10", "0.0000000001"),
        ("2.9999999999999999999999999999", "3", "0", "3"),
    ],
)
def test_rounding_to_a_step(number: str, step: str, low: str, high: str) -> None:
    """Down and up to a multiple of the step; a multiple stays as it was written, and without a step so does everything."""
    assert plain(floor_to(Decimal(number), Decimal(step))) == plain(Decimal(low))
    assert plain(ceil_to(Decimal(number), Decimal(step))) == plain(Decimal(high))


@given(numbers, steps)
def test_laws_of_rounding(number: Decimal, step: Decimal) -> None:
    """The floor is the largest multiple not above the number, the ceiling the smallest not below, and both are settled."""
    low, high = floor_to(number, step), ceil_to(number, step)
    assert low <= number <= high
    assert EXACT.subtract(number, low) < step
    assert EXACT.subtract(high, number) < step
    for multiple in (low, high):
        assert EXACT.remainder(multiple, step) == 0
        assert floor_to(multiple, step) == ceil_to(multiple, step) == multiple
    assert (low == high) == (EXACT.remainder(number, step) == 0)


@given(numbers, numbers, steps)
def test_rounding_keeps_order(one: Decimal, other: Decimal, step: Decimal) -> None:
    """A larger number never rounds to a smaller multiple."""
    assume(one <= other)
    assert floor_to(one, step) <= floor_to(other, step)
    assert ceil_to(one, step) <= ceil_to(other, step)


# -- operators ----------------------------------------------------------------------------------------------------------

#: What the gateway takes, and 28 digits do not hold.
LONG = Decimal("123456789012345678901234567890123456.123456789012345678901234567890123456")

#: What a whole process does with operators, wherever its code may run. The bounds of ``parse_decimal`` allow each number.
_COMPUTING = f"""
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
import app.bootstrap

LONG = Decimal("{LONG}")

def compute():
    numbers = (-LONG, abs(-LONG), +LONG, LONG + 1, LONG * 1, sum([LONG, LONG]), LONG - LONG / 1, LONG * LONG)
    return [str(each) for each in numbers]

async def everywhere():
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(asyncio.to_thread(compute))
    return [compute(), await task, await loop.run_in_executor(ThreadPoolExecutor(), compute)]

found = asyncio.run(everywhere())
thread = threading.Thread(target=lambda: found.append(compute()))
thread.start()
thread.join()
print(found)
"""


def test_operators_are_exact_on_every_thread() -> None:
    """Signs, sums and products of the longest numbers, on the loop, in tasks and in threads of every making."""
    found = ast.literal_eval(
        subprocess.run(
            [sys.executable, "-c", _COMPUTING], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    )
    one = [-1, 1, 1]
    exact = [str(EXACT.multiply(LONG, sign)) for sign in one]
    exact += [str(EXACT.add(LONG, 1)), str(LONG), str(EXACT.add(LONG, LONG)), str(EXACT.subtract(LONG, LONG))]
    exact.append(str(EXACT.multiply(LONG, LONG)))
    assert found == [exact] * 4
