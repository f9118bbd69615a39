"""Countdowns of whole accounts: what an answer must say, and how many seconds leave."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.family import family_class
from app.connectors.common.http import HttpAnswer
from app.domain.errors import ExchangeReadError, UnsupportedFeature
from tests.connectors.ccxt.capture import Kept
from tests.connectors.ccxt.wired import line, wired

COUNTING = sorted(name for name, row in ROWS.items() if row.countdown is not None)


def answered(body: Any) -> HttpAnswer:
    return HttpAnswer(status=200, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "is_taken"), [("ACTIVATED", True), ("CLOSED", True), ("FAILED", False), (None, False)]
)
async def test_a_countdown_that_failed_was_not_taken(status: str | None, is_taken: bool) -> None:
    """BingX answers 200 and code 0 whatever became of it."""
    async with wired(ROWS["bing_x"]) as (connector, exchange):
        exchange.answers = [answered({"code": 0, "msg": "", "data": {"triggerTime": 0, "status": status, "note": ""}})]
        setting = connector.set_countdown("*", connector.context.clock.now() + timedelta(seconds=30))
        if is_taken:
            await setting
        else:
            with pytest.raises(ExchangeReadError):
                await setting


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("share", ["least", "most"])
async def test_no_more_and_no_fewer_seconds_leave_than_the_exchange_counts(name: str, share: str) -> None:
    """A moment before its deadline a switch still has the fewest; a clock that differs makes no more of the most."""
    row = ROWS[name]
    assert row.countdown is not None
    least, most = row.countdown
    left, seconds = (0.1, least) if share == "least" else (most + 1, most)
    async with wired(row) as (connector, exchange):
        with pytest.raises(Kept):
            await connector.set_countdown("*", connector.context.clock.now() + timedelta(seconds=left))
        assert f"={seconds}" in line(exchange.requests[0])


def test_who_has_no_countdown_says_so() -> None:
    """The verb is there where the capabilities say so, and nowhere else."""
    for name, row in ROWS.items():
        kind = family_class(name)
        assert (
            kind.has_verb("set_countdown") is (row.countdown is not None) is (kind.capabilities.countdown == "account")
        )
        assert row.countdown is None or kind.capabilities.countdown_seconds == row.countdown


async def test_the_verb_of_others_is_refused() -> None:
    async with wired(ROWS["okx"]) as (connector, _):
        with pytest.raises(UnsupportedFeature):
            await connector.set_countdown("*", None)
