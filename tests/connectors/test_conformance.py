"""Every card of the conformance suite on every exchange that it applies to.

A new exchange joins with a ``Dialect`` in the list below.
"""

from __future__ import annotations

import pytest

from tests.connectors.conformance import CARDS, Check, Dialect, collect, run
from tests.connectors.paper.dialect import PaperDialect
from tests.connectors.paper.perpetual_dialect import PaperPerpetualDialect

DIALECTS: list[type[Dialect]] = [PaperDialect, PaperPerpetualDialect]


@pytest.mark.parametrize(("check", "dialect"), collect(DIALECTS))
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


def test_card_numbers_are_unique() -> None:
    """A card is named by its number."""
    numbers = [card.number for card in CARDS]
    assert len(set(numbers)) == len(numbers)


def test_every_card_says_what_it_checks() -> None:
    """In a sentence."""
    assert all(card.check.__doc__ for card in CARDS)
