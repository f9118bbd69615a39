"""Order ids: their form, their order in time, and whose they are."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.ids import is_client_order_id, is_ours, new_order_id

NOW = datetime(2026, 11, 22, 9, 30, 0, 125000, tzinfo=UTC)


def bits(seed: int = 1) -> random.Random:
    return random.Random(seed)


def test_id_is_taken_by_every_exchange() -> None:
    """An id has 28 characters of the alphabet that exchanges share, and callers could have chosen it."""
    order_id = new_order_id(NOW, bits().getrandbits)
    assert len(order_id) == 28
    assert order_id.startswith("og")
    assert is_client_order_id(order_id)
    assert is_ours(order_id)


def test_parts_of_an_id() -> None:
    """The prefix, the milliseconds in base 32 and the random bits in base 32 make the id."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert new_order_id(epoch, lambda _: 0) == "og" + "0" * 26
    assert new_order_id(epoch, lambda n: 2**n - 1) == "og" + "0" * 10 + "z" * 16
    assert new_order_id(epoch + timedelta(milliseconds=33), lambda _: 32) == "og0000000011" + "0" * 14 + "10"


def test_ids_sort_by_time() -> None:
    """An id made a millisecond later sorts later, whatever its random part."""
    source = bits(7)
    moments = [NOW + timedelta(milliseconds=step) for step in (0, 1, 31, 32, 1023, 1024, 10**9)]
    made = [new_order_id(moment, source.getrandbits) for moment in moments]
    assert made == sorted(made)


def test_zone_does_not_matter() -> None:
    """The same moment in another zone makes the same id."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert new_order_id(elsewhere, lambda _: 5) == new_order_id(NOW, lambda _: 5)


def test_naive_time_is_refused() -> None:
    """A moment without a zone makes no id."""
    with pytest.raises(TypeError):
        new_order_id(NOW.replace(tzinfo=None), lambda _: 0)


def test_ids_of_one_moment_differ() -> None:
    """Eighty random bits keep a thousand ids of one millisecond apart."""
    source = bits(3)
    assert len({new_order_id(NOW, source.getrandbits) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", True),
        ("A-b_9", True),
        ("x" * 32, True),
        ("", False),
        ("x" * 33, False),
        ("a b", False),
        ("a/b", False),
        ("a.b", False),
        ("a\n", False),
        ("é", False),
        ("٣", False),
    ],
)
def test_client_order_id(text: str, expected: bool) -> None:
    """Callers may use letters, digits, dash and underscore, at most 32 of them."""
    assert is_client_order_id(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "og",
        "og" + "0" * 25,
        "og" + "0" * 27,
        "og" + "u" * 26,
        "OG" + "0" * 26,
        "xg" + "0" * 26,
        "og" + "0" * 26 + "\n",
    ],
)
def test_foreign_ids_are_not_ours(text: str) -> None:
    """What ``new_order_id`` can't have made is not ours."""
    assert not is_ours(text)
