"""Reads a table of outcomes: whether an error answer proves that a call was refused, and why, or proves nothing.

The tables belong to the exchanges, because each exchange says in its own documentation what its errors prove. The engine asks a
table in a fixed order: overload, the status alone, a server error, then text and code. An answer that is no error, and one that no
entry covers, proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.connectors.common.answers import ErrorAnswer, NoAnswer, Unreadable
from app.domain.errors import (
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadFailed,
    ExchangeReadTimeout,
    OrderRefused,
    RateLimited,
    Refused,
)

#: A table's way to say that a status proves nothing.
UNKNOWN = None

#: After a refusal that names no time: the exchange is overloaded or our clock was off, and a second is what a caller can wait.
_SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What the errors of one market prove.

    ``exchange`` is the name for texts. A code in ``codes`` counts after a 4xx; a code that is not there proves nothing.
    ``texts`` refine the codes by a part of the message in lower case. Where ``errors_come_with_200``, a code counts after a
    2xx, too. A 5xx proves nothing, except that a message in ``unsent_texts`` says with that status that the order was not
    placed. ``overloaded`` are the codes of the overload protection, which prove nothing with any status. ``clock_is_off`` are
    the codes for a timestamp that the exchange does not take, ``no_such_order`` its positive "no such order". ``rule_codes``
    and ``rule_texts`` (parts of the message in lower case) say that the rules which the request was checked by are no longer
    the exchange's.
    """

    exchange: str
    statuses: Mapping[int, type[Refused] | None]
    unsent_texts: Mapping[int, frozenset[str]]
    texts: Mapping[int | str, tuple[tuple[str, type[OrderRefused]], ...]]
    codes: Mapping[int | str, type[Refused]]
    overloaded: frozenset[int | str] = frozenset()
    clock_is_off: frozenset[int | str] = frozenset()
    no_such_order: frozenset[int | str] = frozenset()
    rule_codes: frozenset[int | str] = frozenset()
    rule_texts: tuple[str, ...] = ()
    errors_come_with_200: bool = False

    def counts(self, status: int) -> bool:
        """Whether a code that comes with ``status`` says what it stands for in the tables."""
        return 400 <= status < 500 or (self.errors_come_with_200 and 200 <= status < 300)

    def contradicts_rules(self, answer: ErrorAnswer) -> bool:
        """Whether the answer says that a symbol, its status or one of its filters is not as the request took it to be."""
        message = answer.message.lower()
        return answer.code in self.rule_codes or any(text in message for text in self.rule_texts)


def refusal(answer: ErrorAnswer, outcomes: Outcomes, *, retry_after: timedelta | None = None) -> Refused | None:
    """The refusal that ``answer`` proves, or None where it proves nothing and the outcome is unknown.

    ``retry_after`` is how long the address may send nothing, for the refusals that are about too many requests.
    """
    kind = _proven_kind(answer, outcomes)
    if kind is None:
        return None
    if issubclass(kind, OrderRefused):
        return kind(answer.message, exchange_code=None if answer.code is None else str(answer.code))
    detail = f"{outcomes.exchange}: {answer.message or 'no text'} (status {answer.status}, code {answer.code})"
    return kind(detail, retry_after=_retry_after(kind, retry_after))


def read_failure(
    error: ErrorAnswer | NoAnswer, outcomes: Outcomes, hold: timedelta | None
) -> Refused | ExchangeReadFailed:
    """What a failed question means: bad keys, too many requests, the exchange's state, or just no answer. Never about an order."""
    if isinstance(error, NoAnswer):
        kind = ExchangeReadTimeout if error.timed_out else ExchangeReadError
        return kind(f"{outcomes.exchange} did not answer: {error}")
    if error.code in outcomes.overloaded:
        return ExchangeDown(f"{outcomes.exchange}: {error}", retry_after=_SOON)
    refused = refusal(error, outcomes, retry_after=hold)
    if refused is not None and not isinstance(refused, OrderRefused):
        return refused
    return ExchangeReadError(f"{outcomes.exchange} answered a question with an error: {error}")


@contextmanager
def reading(exchange: str) -> Iterator[None]:
    """Turn ``Unreadable`` into ``ExchangeReadError``, for answers to questions. Not for answers to orders."""
    try:
        yield
    except Unreadable as error:
        raise ExchangeReadError(f"{exchange}'s answer can't be read: {error}") from error


def _proven_kind(answer: ErrorAnswer, outcomes: Outcomes) -> type[Refused] | None:
    status, code = answer.status, answer.code
    if not (status >= 500 or outcomes.counts(status)) or code in outcomes.overloaded:
        return UNKNOWN
    if status in outcomes.statuses:
        return outcomes.statuses[status]
    if status >= 500:
        is_unsent = answer.is_api_message and answer.message in outcomes.unsent_texts.get(status, ())
        return ExchangeDown if is_unsent else UNKNOWN
    if code is None:  # a page of a proxy
        return UNKNOWN
    message = answer.message.lower()
    for text, kind in outcomes.texts.get(code, ()):
        if text in message:
            return kind
    return outcomes.codes.get(code, UNKNOWN)


def _retry_after(kind: type[Refused], hold: timedelta | None) -> timedelta | None:
    if kind is RateLimited:
        return hold or _SOON
    return _SOON if kind is ExchangeDown else None
