"""The engine that reads outcome tables, on a table of its own; each exchange tests its own table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.connectors.common.answers import ErrorAnswer, NoAnswer, Unreadable
from app.connectors.common.judging import UNKNOWN, Outcomes, read_failure, reading, refusal
from app.domain.errors import (
    CredentialsRefused,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadTimeout,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
)

TABLE = Outcomes(
    exchange="Somewhere",
    statuses={403: ExchangeDown, 408: UNKNOWN, 429: RateLimited},
    unsent_texts={503: frozenset({"Closed."})},
    texts={10: (("too poor", InsufficientBalance),)},
    codes={2: CredentialsRefused, 10: OrderRefused},
    overloaded=frozenset((8,)),
    clock_is_off=frozenset((21,)),
    no_such_order=frozenset((13,)),
)


def answer(status: int, code: int | None = None, message: str | None = None) -> ErrorAnswer:
    return ErrorAnswer(status=status, headers={}, body=b"", code=code, message=message)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (answer(200, 10), None),
        (answer(302, 10), None),
        (answer(503, 8), None),
        (answer(400, 8), None),
        (answer(429, 8), None),
        (answer(503, 8, "Closed."), None),
        (answer(429, 10), RateLimited),
        (answer(403), ExchangeDown),
        (answer(408, 10), None),
        (answer(503, 10, "Closed."), ExchangeDown),
        (answer(500, 10, "Closed."), None),
        (answer(503, 10, "Closed, perhaps."), None),
        (ErrorAnswer(status=503, headers={}, body=b"Closed."), None),
        (answer(400), None),
        (answer(400, 2), CredentialsRefused),
        (answer(400, 10, "You are Too Poor for this."), InsufficientBalance),
        (answer(400, 10, "Something else"), OrderRefused),
        (answer(400, 999), None),
    ],
)
def test_what_an_answer_proves(told: ErrorAnswer, kind: type[Refused] | None) -> None:
    """Nothing without an error status or in overload, then statuses, server errors, texts and codes, in this order."""
    found = refusal(told, TABLE)
    assert (None if found is None else type(found)) is kind


def test_a_refusal_of_an_order_has_the_exchange_s_words() -> None:
    """Code and message as they came."""
    found = refusal(answer(400, 10, "No."), TABLE)
    assert isinstance(found, OrderRefused)
    assert (found.detail, found.exchange_code, found.retry_after) == ("No.", "10", None)


def test_other_refusals_say_when_to_come_back() -> None:
    """As long as the address is held, else soon."""
    found = refusal(answer(429, None, ""), TABLE, retry_after=timedelta(seconds=7))
    assert found is not None
    assert (found.detail, found.retry_after) == ("Somewhere: no text (status 429, code None)", timedelta(seconds=7))
    for told in (answer(429), answer(403)):
        found = refusal(told, TABLE)
        assert found is not None
        assert found.retry_after == timedelta(seconds=1)
    found = refusal(answer(400, 2, "Bad key."), TABLE)
    assert found is not None
    assert found.retry_after is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoAnswer("slow", timed_out=True), ExchangeReadTimeout),
        (NoAnswer("reset", timed_out=False), ExchangeReadError),
        (answer(400, 2), CredentialsRefused),
        (answer(429), RateLimited),
        (answer(400, 10), ExchangeReadError),
        (answer(500), ExchangeReadError),
    ],
)
def test_what_a_failed_question_means(error: ErrorAnswer | NoAnswer, kind: type[Exception]) -> None:
    """It is about the keys, the rate or the exchange, and never about an order."""
    assert type(read_failure(error, TABLE, None)) is kind


def test_an_answer_that_can_not_be_read() -> None:
    """It is an error of the question."""
    with pytest.raises(ExchangeReadError, match="Somewhere's answer can't be read: no price"), reading("Somewhere"):
        raise Unreadable("no price")
