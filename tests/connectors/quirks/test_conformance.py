"""Every card of the conformance suite on the ccxt family's connector, over an exchange with each habit.

``make quirks`` has every two habits together.
"""

from __future__ import annotations

import os

import pytest

from tests.connectors.conformance import Check, Dialect, collect, run
from tests.connectors.quirks.dialect import SAID, dialect_of
from tests.connectors.quirks.exchange import PAIRS_OF_QUIRKS, Quirk

ALONE = [(quirk,) for quirk in Quirk]
TOGETHER = PAIRS_OF_QUIRKS if os.environ.get("ORDERGATE_QUIRKS") == "pairs" else []
DIALECTS: list[type[Dialect]] = [dialect_of(), *(dialect_of(*quirks) for quirks in (*ALONE, *TOGETHER))]


@pytest.mark.parametrize(("check", "dialect"), collect(DIALECTS))
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


def test_a_row_says_something_of_every_habit() -> None:
    """What a row can't say, the connector finds out by itself."""
    assert set(SAID) == set(Quirk)
