"""Types and sizes of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Receive

from app.domain.errors import BodyTooLarge, UnsupportedMediaType
from app.web.contract.body import limited, read_body, refuse_declared_excess, require_json
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
        None,
        b"",
        b"application/json",
        b"Application/JSON",
        b'application/json; charset="UTF-8"',
        b"application/json;charset=utf8;x=1",
    ],
)
def test_json_in_utf8_is_taken(declared: bytes | None) -> None:
    """Also where nothing is declared, or more than needed."""
    require_json({} if declared is None else {b"content-type": declared})


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
