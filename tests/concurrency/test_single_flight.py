"""One question for many who ask."""

from __future__ import annotations

import asyncio

import pytest

from app.concurrency.single_flight import SingleFlight


class Question:
    """A question that is answered when the test says so."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.count += 1
        number = self.count
        await self.gate.wait()
        return number


async def test_who_asks_meanwhile_shares_the_answer() -> None:
    """Two who ask at the same time cause one question; who asks later causes another."""
    flights: SingleFlight[str, int] = SingleFlight()
    question = Question()
    asking = [asyncio.create_task(flights.run("a", question)) for _ in range(2)]
    await asyncio.sleep(0)
    question.gate.set()

    assert await asyncio.gather(*asking) == [1, 1]
    assert await flights.run("a", question) == 2


async def test_hanging_up_takes_the_answer_from_nobody() -> None:
    """One who is cancelled leaves the question running for the other."""
    flights: SingleFlight[str, int] = SingleFlight()
    question = Question()
    first, second = (asyncio.create_task(flights.run("a", question)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    question.gate.set()

    assert await second == 1


async def test_a_question_that_is_left_is_asked_anew() -> None:
    """After leaving a question, the next one starts its own, and the end of the first does not end the second."""
    flights: SingleFlight[str, int] = SingleFlight()
    question = Question()
    first = asyncio.create_task(flights.run("a", question))
    await asyncio.sleep(0)
    flights.forget("a")
    second = asyncio.create_task(flights.run("a", question))
    await asyncio.sleep(0)
    question.gate.set()

    assert await asyncio.gather(first, second) == [1, 2]


async def test_failure_reaches_everybody_and_closing_ends_all() -> None:
    """All who share a question get its exception; closing cancels what is under way."""
    flights: SingleFlight[str, int] = SingleFlight()

    async def fail() -> int:
        raise LookupError("no")

    for outcome in await asyncio.gather(*[flights.run("a", fail) for _ in range(2)], return_exceptions=True):
        assert isinstance(outcome, LookupError)
    waiting = asyncio.create_task(flights.run("b", Question()))
    await asyncio.sleep(0)
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
