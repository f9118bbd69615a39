"""The body of a request, read and checked: its declared type, its bytes, its JSON and its schema.

Never more bytes are read than the settings allow, with or without a Content-Length. Fractions become ``Decimal``, integers stay
integers; no float is ever made. What two readers could understand differently is refused: repeated keys, NaN and infinities,
numbers of absurd size, lone surrogates, other encodings, documents nested too deeply.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.types import Message, Receive

from app.domain.decimals import parse_decimal
from app.domain.errors import (
    BodyTooLarge,
    SchemaViolation,
    UnreadableBody,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)
from app.web.contract.faults import Fault
from app.web.contract.names import BodyNames
from app.web.contract.schema import CompiledSchema, Unsupported
from app.web.errors import ClientGone

_JSON = b"application/json"
_CHARSETS = (b"utf-8", b"utf8")

_DECODER = msgspec.json.Decoder(float_hook=parse_decimal)
_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])

#: Deeper than any request of the contract, and far below the depths at which parsers and validators give up.
MAX_DEPTH = 64

#: How much of a key or number is repeated.
_LONGEST_KEY = 60

_NOT_UTF8 = "The body is not UTF-8: send the JSON document in UTF-8"
_NUL = re.compile("\x00")
_SURROGATE = re.compile("[\ud800-\udfff]")

#: What other programs write in the place of a number, as a whole value.
_NO_NUMBER = re.compile(rb"[:,\[]\s*(-?(?:nan|inf(?:inity)?))\s*[,}\]]", re.IGNORECASE)

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class BodyReader:
    """The JSON body of one operation."""

    def __init__(self, request_body: Mapping[str, Any], limit: int, names: BodyNames | None = None) -> None:
        content = request_body.get("content", {})
        if list(content) != ["application/json"]:
            raise Unsupported("a body of another type than application/json")
        definition = content["application/json"].get("schema", {})
        self._required = request_body.get("required", False)
        self._absent = definition.get("default", {})
        self._schema = CompiledSchema({key: value for key, value in definition.items() if key != "components"})
        self._limit = limit
        self._names = names or BodyNames(definition)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive, ignored: list[str]) -> Any:
        """The checked document; the names of fields that the contract does not have are added to ``ignored``.

        Raises ``UnsupportedMediaType``, ``UnsupportedContentEncoding``, ``BodyTooLarge``, ``UnreadableBody`` or
        ``SchemaViolation``.
        """
        is_declared = require_json(headers)
        require_unpacked(headers)
        refuse_declared_excess(headers, self._limit)
        data = await read_body(receive, self._limit)
        if data and not is_declared:
            raise UnsupportedMediaType
        if data:
            document = self._decode(data, ignored)
        elif self._required:
            raise UnreadableBody("The body is empty: send a JSON object")
        else:
            # A fresh copy: filling in defaults changes it.
            document = dict(self._absent)
        faults: list[Fault] = []
        self._names.sort_out(document, ("body",), faults, ignored)
        return self._schema.check(document, ("body",), faults)

    def _decode(self, data: bytes, ignored: list[str]) -> Any:
        """The document in ``data``. What can't be read in a field that is ignored decides nothing: it is then read without it."""
        try:
            return decode(data)
        except UnreadableBody:
            known = self._names.ignoring
            parts = None if known is None else split_members(data, known)
            if parts is None or not parts.others:
                raise
            faults: list[Fault] = []
            self._names.names.sort_out(dict.fromkeys(parts.others), ("body",), faults, ignored)
            if faults:
                raise SchemaViolation(faults) from None
            return decode(parts.known)


class Parts(NamedTuple):
    """An object's text with its known members alone, and the names of the others."""

    known: bytes
    others: Sequence[str]


def split_members(data: bytes, known: Collection[str]) -> Parts | None:
    """The object in ``data``, split by the names of its members; None if it is no object, or repeats a known name."""
    try:
        raw = _RAW_OBJECT.decode(data)
        # msgspec keeps the last of repeated members and does not say so.
        pairs = json.loads(data, object_pairs_hook=list, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if sum(name in known for name, _ in pairs) > sum(name in known for name in raw):
        return None
    members = [b"%s:%s" % (msgspec.json.encode(name), bytes(value)) for name, value in raw.items() if name in known]
    return Parts(known=b"{%s}" % b",".join(members), others=sorted(raw.keys() - known))


def require_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body is declared as JSON in UTF-8; False without a declaration, which only an empty body does without.

    Raises ``UnsupportedMediaType`` if it is declared as anything else.
    """
    declared = headers.get(b"content-type", b"")
    if declared == _JSON:
        return True
    if not declared.strip():
        return False
    media_type, *parameters = declared.lower().split(b";")
    if media_type.strip() != _JSON:
        raise UnsupportedMediaType
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip().strip(b'"') not in _CHARSETS:
            raise UnsupportedMediaType
    return True


def require_unpacked(headers: Mapping[bytes, bytes]) -> None:
    """Raise ``UnsupportedContentEncoding`` if the body is declared as compressed. It is never unpacked, whatever its size."""
    declared = headers.get(b"content-encoding")
    if declared is not None and declared.strip().lower() not in (b"", b"identity"):
        raise UnsupportedContentEncoding


def refuse_declared_excess(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Raise ``BodyTooLarge`` before a byte is read if the Content-Length says that there are more than ``limit``."""
    declared = headers.get(b"content-length", b"")
    # More digits than any real length has are not worth converting.
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise BodyTooLarge(limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """All bytes of the body. Raises ``BodyTooLarge`` above ``limit`` bytes, ``ClientGone`` if the caller hangs up."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        data: bytes = message.get("body", b"")
        if len(data) > limit:
            raise BodyTooLarge(limit)
        return data
    parts = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def limited(receive: Receive, limit: int) -> Receive:
    """``receive`` for code that reads by itself: it raises ``BodyTooLarge`` once more than ``limit`` bytes came."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise BodyTooLarge(limit)
        return message

    return receive_limited


def decode(data: bytes) -> Any:
    """The document written in ``data``. Raises ``UnreadableBody`` with a sentence that quotes nothing of the data."""
    try:
        document = _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise UnreadableBody(f"A number in the body can't be read: {_unreadable_number(data)}") from error
    except UnicodeDecodeError as error:
        raise UnreadableBody(_NOT_UTF8) from error
    except msgspec.DecodeError as error:
        raise UnreadableBody(_malformed(data, error)) from error
    except RecursionError as error:
        raise UnreadableBody("The body is nested too deeply") from error
    _refuse_repeated_keys(data, _count_members(document))
    if b"\\u0000" in data and (place := _place_of(document, _NUL)) is not None:
        raise UnreadableBody(f"A text in the body holds a NUL character{place}: leave it out")
    return document


def _malformed(data: bytes, error: msgspec.DecodeError) -> str:
    """What is wrong with a body that is no JSON document."""
    if data.startswith(codecs.BOM_UTF8):
        return "The body begins with a byte order mark (BOM): send the JSON document in UTF-8 without one"
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return _NOT_UTF8
    if b"\\u" in data:
        try:
            # msgspec takes some lone surrogates for a text that has no end; json reads them all.
            place = _place_of(json.loads(data, parse_int=str, parse_float=str), _SURROGATE)
        except (ValueError, RecursionError):
            place = None
        if place is not None:
            return (
                f"A text in the body holds one half of a surrogate pair{place}: write the character itself in UTF-8, or both"
                r" halves, such as \ud83d\ude00"
            )
    odd = _NO_NUMBER.search(_STRING.sub(b'""', data))
    if odd is not None:
        return (
            f"The body is not JSON: {odd[1].decode()} is no number there, since JSON has neither NaN nor Infinity. Send a number,"
            " or leave the field out"
        )
    return f"The body is not JSON: {str(error).removeprefix('JSON is malformed: ')}"


def _refuse_repeated_keys(data: bytes, members: int) -> None:
    """Each member of an object has one colon outside the strings, so more colons than members mean a key that came twice."""
    if data.count(b":") == members:
        return
    if _STRING.sub(b"", data).count(b":") != members:
        raise UnreadableBody(f"A key in the body is repeated{_repeated_key(data)}")


def _repeated_key(data: bytes) -> str:
    """The first key that comes twice in an object, as the end of a sentence. Only called for documents of a sane depth."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        counts = Counter(name for name, _ in pairs)
        found.extend(name for name, count in counts.items() if count > 1)

    json.loads(data, object_pairs_hook=look, parse_int=str, parse_float=str)
    return f": '{found[0][:_LONGEST_KEY]}'" if found else ""


def _unreadable_number(data: bytes) -> str:
    """The place of the first number that can't be read, the number, and why."""

    def look(text: str) -> Any:
        try:
            return parse_decimal(text)
        except ValueError as error:
            return _Unreadable(f"{text[:_LONGEST_KEY]} {error}")

    try:
        document = msgspec.json.Decoder(float_hook=look).decode(data)
    except msgspec.ValidationError:
        return "an integer is out of range"
    places = (f"{place}: {value}" for place, value in _leaves(document) if type(value) is _Unreadable)
    return next(places)


class _Unreadable(str):
    """What is wrong with a number."""


def _leaves(document: Any) -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with the names on the way to it; an explicit stack, since the depth is not checked yet."""
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        place, node = stack.pop()
        if type(node) is dict:
            stack += [
                (f"{place}.{name[:_LONGEST_KEY]}" if place else name[:_LONGEST_KEY], each)
                for name, each in node.items()
            ]
        elif type(node) is list:
            stack += [(f"{place}[{index}]", each) for index, each in enumerate(node)]
        else:
            yield place, node


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


def _place_of(document: Any, sought: re.Pattern[str]) -> str | None:
    """The end of a sentence with the field of a text that holds what is ``sought``; None where there is none."""
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        place, node = stack.pop()
        if type(node) is str and sought.search(node):
            return place
        if type(node) is dict:
            if any(sought.search(name) for name in node):
                return ", in the name of a field"
            stack += [(f", in '{name[:_LONGEST_KEY]}'", each) for name, each in node.items()]
        elif type(node) is list:
            stack += [(place, each) for each in node]
    return None
