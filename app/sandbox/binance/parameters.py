"""Reading a request's parameters as strictly as Binance does: none twice, none unknown, none empty, each in its legal form.

A parameter is a name and a reader, which takes the text and returns the value or raises ``ApiError``. Endpoints check how
parameters fit together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import msgspec

from app.domain.decimals import plain
from app.sandbox.binance.failures import ApiError, illegal, missing
from app.sandbox.times import moment

Value = TypeVar("Value")

Reader = Callable[[str, str], Any]
Pairs = Sequence[tuple[str, str]]

_NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_WHOLE = r"^[0-9]{1,20}$"
_SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
#: As Binance's error states it.
_CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
#: The futures market allows more characters, and its length has a code of its own.
_FUTURES_CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_LONGEST_CLIENT_ID = 36
_SYMBOLS = r"^\[\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}\]$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter that an endpoint takes."""

    name: str
    read: Reader
    required: bool = False


def required(name: str, read: Reader) -> Parameter:
    return Parameter(name=name, read=read, required=True)


def optional(name: str, read: Reader) -> Parameter:
    return Parameter(name=name, read=read)


def split(raw: str) -> list[tuple[str, str]]:
    """The parameters of a query string or a form body, decoded, in their order."""
    pairs = (piece.partition("=") for piece in raw.split("&") if piece)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def as_text(value: Any) -> str:
    """The text of a parameter that was sent as JSON. Raises ``TypeError`` for other values."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int):
        return str(value)
    raise TypeError("a parameter is a text, a number or a truth value")


def read(pairs: Pairs, expected: Sequence[Parameter]) -> dict[str, Any]:
    """The values of the parameters that were sent. Raises ``ApiError``."""
    sent: dict[str, str] = {}
    for name, text in pairs:
        if name in sent:
            raise ApiError(-1101, f"Duplicate values for parameter '{name}'.")
        sent[name] = text
    if sent and not expected:
        raise ApiError(-1101, f"Too many parameters; expected '0' and received '{len(sent)}'.")
    values = {one.name: _value(one, sent[one.name]) for one in expected if _is_sent(one, sent)}
    if len(values) < len(sent):
        raise ApiError(
            -1104,
            f"Not all sent parameters were read; read '{len(values)}' parameter(s) but was sent '{len(sent)}'.",
        )
    return values


def _is_sent(parameter: Parameter, sent: Mapping[str, str]) -> bool:
    if parameter.required and not sent.get(parameter.name):
        raise missing(parameter.name)
    return parameter.name in sent


def _value(parameter: Parameter, text: str) -> Any:
    if not text:
        raise ApiError(-1105, f"Parameter '{parameter.name}' was empty.")
    return parameter.read(parameter.name, text)


# Readers.


def symbol(name: str, text: str) -> str:
    return _legal(name, text, _SYMBOL)


def client_id(name: str, text: str) -> str:
    return _legal(name, text, _CLIENT_ID)


def futures_client_id(name: str, text: str) -> str:
    if len(text) > _LONGEST_CLIENT_ID:
        raise ApiError(-4015, "Client order id length should not be more than 36 chars.")
    return _legal(name, text, _FUTURES_CLIENT_ID)


def decimal(name: str, text: str) -> Decimal:
    """A number without sign or exponent."""
    return Decimal(_legal(name, text, _NUMBER))


def whole(name: str, text: str) -> int:
    return int(_legal(name, text, _WHOLE))


def words(*allowed: str, code: int = -1102, message: str = "") -> Reader:
    """A reader of one of the allowed words; another is refused by ``code`` and ``message``, or as malformed."""

    def one_of(name: str, text: str) -> str:
        if text not in allowed:
            raise ApiError(code, message) if message else missing(name)
        return text

    return one_of


def truth(name: str, text: str) -> bool:
    """true or false, in any case."""
    if text.lower() not in ("true", "false"):
        raise missing(name)
    return text.lower() == "true"


def symbols(name: str, text: str) -> list[str]:
    """A JSON list of symbols, without spaces."""
    found: list[str] = msgspec.json.decode(_legal(name, text, _SYMBOLS), type=list[str])
    return found


def listed(kind: type[Value], most: int) -> Reader:
    """A reader of a JSON list of one to ``most`` values of that kind."""
    decoder = msgspec.json.Decoder(list[kind], float_hook=Decimal)  # type: ignore[valid-type]

    def several(name: str, text: str) -> list[Value]:
        try:
            found = decoder.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise missing(name) from None
        if not 1 <= len(found) <= most:
            raise missing(name)
        return found

    return several


def anything(name: str, text: str) -> str:
    """Any text."""
    return text


def _legal(name: str, text: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise illegal(name, pattern)
    return text


# Values.


def time_range(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The times of ``startTime`` and ``endTime``."""
    since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))
    return since, until
