"""JSON in: bytes become a document of exact numbers, or a clear refusal.

Fractions become ``Decimal``, integers stay integers; no float is ever made. What two readers could understand differently is
refused: repeated keys, NaN and infinities, numbers of absurd size, lone surrogates, other encodings, documents nested too deeply.
The module knows nothing of schemas or HTTP.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.domain.decimals import parse_decimal
from app.domain.errors import UnreadableBody

_DECODER = msgspec.json.Decoder(float_hook=parse_decimal)

#: Deeper than any request of the contract, and far below the depths at which parsers and validators give up.
MAX_DEPTH = 64

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def decode(data: bytes) -> Any:
    """The document written in ``data``. Raises ``UnreadableBody`` with a sentence that quotes nothing of the data."""
    try:
        document = _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise UnreadableBody(f"A number in the body can't be read: {error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableBody("The body is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise UnreadableBody(f"The body is not JSON: {error}") from error
    except RecursionError as error:
        raise UnreadableBody("The body is nested too deeply") from error
    _refuse_repeated_keys(data, _count_members(document))
    if b"\\u0000" in data and _holds_nul(document):
        raise UnreadableBody("A text in the body holds a NUL character")
    return document


def _refuse_repeated_keys(data: bytes, members: int) -> None:
    """Each member of an object has one colon outside the strings, so more colons than members mean a key that came twice."""
    if data.count(b":") == members:
        return
    if _STRING.sub(b"", data).count(b":") != members:
        raise UnreadableBody("A key in the body is repeated")


def _count_members(document: Any) -> int:
    """How many members all objects of the document have together. Raises ``UnreadableBody`` if it is nested too deeply."""
    members = 0
    level = [document]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for node in level:
            if type(node) is dict:
                members += len(node)
                deeper += [value for value in node.values() if type(value) is dict or type(value) is list]
            elif type(node) is list:
                deeper += [value for value in node if type(value) is dict or type(value) is list]
        if not deeper:
            return members
        level = deeper
    raise UnreadableBody("The body is nested too deeply")


def _holds_nul(node: Any) -> bool:
    """Whether any text of the document holds a NUL, which PostgreSQL can't store. The depth is bounded by now."""
    if isinstance(node, str):
        return "\x00" in node
    if isinstance(node, dict):
        return any("\x00" in key or _holds_nul(value) for key, value in node.items())
    if isinstance(node, list):
        return any(_holds_nul(value) for value in node)
    return False
