"""What an error answer of Binance proves: refused, and why, or nothing at all.

Two tables, spot and perpetual, and one function that reads them. The rule behind them is Binance's own: a 4xx with a code was
refused before or by the engine, a 5xx proves nothing, the API waits ten seconds for the engine and then gives -1007. Codes are
stable and decide first; texts may change and only refine; an unknown code is a plain refusal after 4xx and unknown after 5xx.

Mind the trap: -2021 and -2022 are halves of a cancel-replace on spot and ordinary refusals on futures.
Source: "General Info" and "Error Codes" in Binance's spot and USD-M futures API documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from app.connectors.common.answers import ErrorAnswer, NoAnswer, Unreadable
from app.domain.errors import (
    CredentialsRefused,
    DuplicateOrderId,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadFailed,
    ExchangeReadTimeout,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
    WouldTake,
)

#: The timestamp lies outside recvWindow: refused before the engine saw it, and our idea of the exchange's clock is wrong.
CLOCK_IS_OFF = -1021

#: A cancel was refused, mostly because the order is done or was never there.
CANCEL_REFUSED = -2011

#: A query's "Order does not exist."; the only code that is a positive "no such order".
NO_SUCH_ORDER = -2013

#: Futures: the order's position side does not fit the account's position mode.
WRONG_POSITION_SIDE = -4061

#: Futures: the account is in the asked position mode already.
MODE_UNCHANGED = -4059

#: The table's way to say that a code proves nothing.
UNKNOWN = None

#: After a refusal that says no time: the exchange is overloaded or our clock was off, and a second is what a caller can wait.
_SOON = timedelta(seconds=1)

#: A 503 proves that nothing was placed exactly if it says one of these. Its third text, "Unknown error, please check your
#: request or try again later.", says the opposite.
SURELY_NOT_PLACED = frozenset(
    {"Service Unavailable.", "Internal error; unable to process your request. Please try again."}
)

_COMMON: Mapping[int, type[Refused] | None] = {
    -1002: CredentialsRefused,  # not authorised
    -1003: RateLimited,  # weight used up, or the address is banned
    -1006: UNKNOWN,  # the engine's answer was not understood
    -1007: UNKNOWN,  # the engine did not answer in ten seconds
    -1008: ExchangeDown,  # overloaded
    -1015: RateLimited,  # too many new orders
    CLOCK_IS_OFF: ExchangeDown,  # a later try has a fresh timestamp
    -1022: CredentialsRefused,  # signature
    -1099: CredentialsRefused,  # unauthenticated or unauthorised
    -2008: CredentialsRefused,  # no such key
    -2014: CredentialsRefused,  # the key's format
    -2015: CredentialsRefused,  # key, address or permission
}

#: The engine's refusals share one code and differ by text.
_ENGINE_TEXTS: Mapping[int, tuple[tuple[str, type[OrderRefused]], ...]] = {
    -2010: (
        ("insufficient balance", InsufficientBalance),
        ("duplicate order sent", DuplicateOrderId),
        ("would immediately match and take", WouldTake),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What the codes and texts of one market prove. A code that stands in neither table is a plain ``OrderRefused``."""

    codes: Mapping[int, type[Refused] | None]
    texts: Mapping[int, tuple[tuple[str, type[OrderRefused]], ...]]


SPOT = Outcomes(
    codes=MappingProxyType({**_COMMON, -2021: UNKNOWN, -2022: UNKNOWN}),
    texts=MappingProxyType(_ENGINE_TEXTS),
)

PERPETUAL = Outcomes(
    codes=MappingProxyType(
        {
            **_COMMON,
            -2018: InsufficientBalance,
            -2019: InsufficientBalance,  # margin
            -4116: DuplicateOrderId,
            -5022: WouldTake,
        }
    ),
    texts=MappingProxyType(_ENGINE_TEXTS),
)


def refusal(answer: ErrorAnswer, outcomes: Outcomes, *, retry_after: timedelta | None = None) -> Refused | None:
    """The refusal that ``answer`` proves, or None where it proves nothing and the outcome is unknown.

    ``retry_after`` is how long the address is held now, for the refusals that are about too many requests.
    """
    kind = _proven_kind(answer, outcomes)
    if kind is None:
        return None
    if issubclass(kind, OrderRefused):
        return kind(answer.message, exchange_code=None if answer.code is None else str(answer.code))
    detail = f"Binance: {answer.message or 'no text'} (status {answer.status}, code {answer.code})"
    return kind(detail, retry_after=_when(kind, retry_after))


def read_failure(
    error: ErrorAnswer | NoAnswer, outcomes: Outcomes, hold: timedelta | None
) -> Refused | ExchangeReadFailed:
    """What a failed question means: our keys, our rate, the exchange's state, or just no answer. Never about an order."""
    if isinstance(error, NoAnswer):
        return (ExchangeReadTimeout if error.timed_out else ExchangeReadError)(f"Binance did not answer: {error}")
    refused = refusal(error, outcomes, retry_after=hold)
    if refused is not None and not isinstance(refused, OrderRefused):
        return refused
    return ExchangeReadError(f"Binance answered a question with an error: {error}")


@contextmanager
def reading() -> Iterator[None]:
    """Within it an answer to a question that can't be read is an ``ExchangeReadError``. Not for answers to orders."""
    try:
        yield
    except Unreadable as error:
        raise ExchangeReadError(f"Binance's answer can't be read: {error}") from error


def _proven_kind(answer: ErrorAnswer, outcomes: Outcomes) -> type[Refused] | None:
    status, code = answer.status, answer.code
    if status < 400:
        return UNKNOWN
    if code == -1008:  # overload protection: said with any status, always before the engine
        return ExchangeDown
    if status in (418, 429):
        return RateLimited
    if status == 403:  # the firewall in front of the API
        return ExchangeDown
    if status >= 500:
        surely_not = status == 503 and answer.is_api_message and answer.message in SURELY_NOT_PLACED
        return ExchangeDown if surely_not else UNKNOWN
    if code is None or status in (408, 409):  # a proxy's page; a timeout; one leg of two
        return UNKNOWN
    return _kind_of_code(code, answer.message.lower(), outcomes)


def _kind_of_code(code: int, message: str, outcomes: Outcomes) -> type[Refused] | None:
    for text, kind in outcomes.texts.get(code, ()):
        if text in message:
            return kind
    return outcomes.codes.get(code, OrderRefused)


def _when(kind: type[Refused], hold: timedelta | None) -> timedelta | None:
    if kind is RateLimited:
        return hold or _SOON
    return _SOON if kind is ExchangeDown else None
