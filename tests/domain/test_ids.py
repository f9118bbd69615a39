"""Order ids: their form, their order in time, and whose they are."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.ids import is_client_order_id, is_made_by, new_installation, new_order_id

#: This installation, and another.
HERE, THERE = "here00", "there0"
NOW = datetime(2026, 11, 22, 9, 30, 0, 125000, tzinfo=UTC)


def bits(seed: int = 1) -> random.Random:
    return random.Random(seed)


def test_id_is_taken_by_every_exchange() -> None:
    """An id has 32 characters of the alphabet that exchanges share, and callers could have chosen it."""
    order_id = new_order_id(NOW, bits().getrandbits, HERE)
    assert len(order_id) == 32
    assert order_id.startswith("og")
    assert is_client_order_id(order_id)
    assert is_made_by(order_id, HERE, None)


def test_parts_of_an_id() -> None:
    """The prefix, the milliseconds in base 32, the installation and the random bits in base 32 make the id."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert new_order_id(epoch, lambda _: 0, HERE) == "og" + "0" * 10 + HERE + "0" * 14
    assert new_order_id(epoch, lambda n: 2**n - 1, HERE) == "og" + "0" * 10 + HERE + "z" * 14
    assert (
        new_order_id(epoch + timedelta(milliseconds=33), lambda _: 32, HERE) == "og0000000011" + HERE + "0" * 12 + "10"
    )
    with pytest.raises(ValueError, match="no name of an installation"):
        new_order_id(epoch, lambda _: 0, "Here")


def test_ids_say_which_installation_made_them() -> None:
    """One's own are known, those of another are not; a name has thirty random bits."""
    order_id = new_order_id(NOW, bits().getrandbits, HERE)
    assert is_made_by(order_id, HERE, None)
    assert not is_made_by(order_id, THERE, NOW)
    assert new_installation(lambda n: 2**n - 1) == "z" * 6
    assert new_installation(bits().getrandbits) != new_installation(bits(2).getrandbits)


def test_ids_of_earlier_versions_count_up_to_a_moment() -> None:
    """They name no installation: until this one had a name they may be its own, afterwards they are another gateway's."""
    earlier = new_order_id(NOW, lambda _: 0, HERE)[:12] + "0" * 16
    assert is_made_by(earlier, HERE, NOW)
    assert not is_made_by(earlier, HERE, NOW - timedelta(milliseconds=1))
    assert not is_made_by(earlier, HERE, None)


def test_ids_sort_by_time() -> None:
    """An id made a millisecond later sorts later, whatever its random part."""
    source = bits(7)
    moments = [NOW + timedelta(milliseconds=step) for step in (0, 1, 31, 32, 1023, 1024, 10**9)]
    made = [new_order_id(moment, source.getrandbits, HERE) for moment in moments]
    assert made == sorted(made)


def test_zone_does_not_matter() -> None:
    """The same moment in another zone makes the same id."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert new_order_id(elsewhere, lambda _: 5, HERE) == new_order_id(NOW, lambda _: 5, HERE)


def test_naive_time_is_refused() -> None:
    """A moment without a zone makes no id."""
    with pytest.raises(TypeError):
        new_order_id(NOW.replace(tzinfo=None), lambda _: 0, HERE)


def test_ids_of_one_moment_differ() -> None:
    """Seventy random bits keep a thousand ids of one millisecond apart."""
    source = bits(3)
    assert len({new_order_id(NOW, source.getrandbits, HERE) for _ in range(1000)}) == 1000


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
    assert not is_made_by(text, HERE, NOW)
