"""Bodies: their types, their sizes, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive

from app.domain.errors import BodyTooLarge, UnreadableBody, UnsupportedMediaType
from app.web.contract.body import MAX_DEPTH, decode, limited, read_body, refuse_declared_excess, require_json
from app.web.errors import ClientGone


def receiving(parts: Sequence[bytes], *, hangs_up: bool = False) -> tuple[Receive, list[bytes]]:
    """A channel that delivers ``parts``, and the list of those that were taken from it."""
    taken: list[bytes] = []
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        part = waiting.pop(0)
        taken.append(part)
        return {"type": "http.request", "body": part, "more_body": bool(waiting) or hangs_up}

    return receive, taken


@pytest.mark.parametrize(
    "declared",
    [
        b"application/json",
        b"Application/JSON",
        b'application/json; charset="UTF-8"',
        b"application/json;charset=utf8;x=1",
    ],
)
def test_json_in_utf8_is_taken(declared: bytes) -> None:
    """Also where more is declared than needed."""
    assert require_json({b"content-type": declared})


@pytest.mark.parametrize("headers", [{}, {b"content-type": b""}, {b"content-type": b" "}])
def test_nothing_declared_is_not_json(headers: dict[bytes, bytes]) -> None:
    """It is no refusal either: there may be no body."""
    assert not require_json(headers)


@pytest.mark.parametrize(
    "declared", [b"text/plain", b"application/json; charset=utf-16", b"application/problem+json", b";"]
)
def test_anything_else_is_not(declared: bytes) -> None:
    """Guessing an encoding is how amounts get garbled."""
    with pytest.raises(UnsupportedMediaType):
        require_json({b"content-type": declared})


@pytest.mark.parametrize("declared", [b"11", b"9" * 40])
def test_a_declared_excess_is_refused_before_reading(declared: bytes) -> None:
    """The Content-Length is believed when it says too much."""
    with pytest.raises(BodyTooLarge, match="larger than 10 bytes"):
        refuse_declared_excess({b"content-length": declared}, 10)
    refuse_declared_excess({b"content-length": b"10"}, 10)
    refuse_declared_excess({b"content-length": b"nonsense"}, 10)


async def test_a_body_in_parts_is_joined() -> None:
    """Chunks are one body."""
    receive, _ = receiving([b"ab", b"", b"cd"])
    assert await read_body(receive, 4) == b"abcd"
    receive, _ = receiving([b"abcd"])
    assert await read_body(receive, 4) == b"abcd"


@pytest.mark.parametrize("parts", [[b"abcde"], [b"ab", b"cd", b"e", b"f"]])
async def test_reading_stops_at_the_limit(parts: list[bytes]) -> None:
    """What comes after the limit is never taken."""
    receive, taken = receiving(parts)
    with pytest.raises(BodyTooLarge):
        await read_body(receive, 4)
    assert b"f" not in taken


async def test_a_caller_that_hangs_up_is_noticed() -> None:
    """Half a body is no body."""
    receive, _ = receiving([b"ab"], hangs_up=True)
    with pytest.raises(ClientGone):
        await read_body(receive, 4)
    receive, _ = receiving([])
    with pytest.raises(ClientGone):
        await read_body(receive, 4)


async def test_a_limited_channel_counts_for_others() -> None:
    """Code that reads by itself has the same limit."""
    receive, _ = receiving([b"ab", b"cde"])
    channel = limited(receive, 4)
    assert (await channel())["body"] == b"ab"
    with pytest.raises(BodyTooLarge):
        await channel()


# -- JSON: exact, and unambiguous or refused ---------------------------------------------------------------------------


def test_fractions_are_exact_and_integers_stay_integers() -> None:
    """No digit is lost and no float is made."""
    document = decode(b'{"a":0.1000000000000000055511151231257827,"b":12345678901234567890123,"c":1e2,"d":-0.50}')
    assert document == {
        "a": Decimal("0.1000000000000000055511151231257827"),
        "b": 12345678901234567890123,
        "c": Decimal("1E+2"),
        "d": Decimal("-0.50"),
    }
    assert [type(value) for value in document.values()] == [Decimal, int, Decimal, Decimal]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"\xef\xbb\xbf{}", r"byte order mark \(BOM\)"),
        (b"NaN", "not JSON"),
        (b"-Infinity", "not JSON"),
        (b'"\\ud800"', "half of a surrogate pair: write"),
        (b'{"a":[{"b":"\\ud83d"}]}', "half of a surrogate pair, in 'b'"),
        (b'{"a":"x\\ude00"}', "half of a surrogate pair, in 'a'"),
        (b'{"a":"\\ud83d\\u0041"}', "half of a surrogate pair, in 'a'"),
        (b'{"\\ud83d":1}', "half of a surrogate pair, in the name of a field"),
        (b'{"a":"\\u0041",}', "not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'{"\xff":1}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b"1e400", "36 digits"),
        (b'{"a":[1,{"b":1e400}]}', r"a\[1\]\.b: 1e400 has more than 36 digits"),
        (b"1e-400", "decimal places"),
        (b"1e99999999999999999999", "not a decimal number"),
        (b"0." + b"1" * 300, "longer than"),
        (b"9" * 5000, "out of range"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested too deeply"),
        (b'{"a":[{"b":"x\\u0000y"}]}', "NUL character, in 'b'"),
        (b'{"x\\u0000":1}', "NUL character, in the name of a field"),
        (b'{"a":1,"a":2}', "repeated"),
        (b'{"a":1,"\\u0061":2}', "repeated"),
        (b'{"o":{"a":1,"b":2,"a":3}}', "repeated: 'a'"),
        (b'[{"a":{"b":1},"c":":","a":{"b":1}}]', "repeated"),
        (b'{"a":{"x":1,"y":2},"a":1}', "repeated"),
        (b'{"a":1, "a" \n : 1}', "repeated"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    """Each kind of bad body has a sentence of its own."""
    with pytest.raises(UnreadableBody, match=reason) as refusal:
        decode(data)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("data", "document"),
    [
        (b'{"a:b":"c:d","e":{"a:b":":"}}', {"a:b": "c:d", "e": {"a:b": ":"}}),
        (b'{"a":"\\":{\\"","b":"\\\\"}', {"a": '":{"', "b": "\\"}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        (b'{"a":{"a":{"a":[]}}}', {"a": {"a": {"a": []}}}),
    ],
)
def test_colons_quotes_and_equal_keys_at_different_places_are_no_repetition(data: bytes, document: Any) -> None:
    """What only looks like a repeated key is accepted."""
    assert decode(data) == document


KEYS = st.text(alphabet='ab:"\\{}é', max_size=3)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(alphabet='a:"\\,{}é', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_every_document_without_repetitions_is_read_as_the_standard_library_reads_it(document: Any) -> None:
    """Whatever characters keys and texts hold, in either escaping."""
    for ascii_only in (True, False):
        assert decode(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


@given(st.lists(st.tuples(KEYS, DOCUMENTS), min_size=1, max_size=5))
def test_a_repetition_is_refused_exactly_if_there_is_one(members: list[tuple[str, Any]]) -> None:
    """The count of colons decides as well as a comparison of the keys would."""
    data = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in members) + "}"
    if len({key for key, _ in members}) == len(members):
        assert decode(data.encode()) == dict(members)
    else:
        with pytest.raises(UnreadableBody, match="repeated"):
            decode(data.encode())
