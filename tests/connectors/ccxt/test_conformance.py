"""Every card of the conformance suite on the names of the ccxt family that have a local exchange."""

from __future__ import annotations

import pytest

from tests.connectors.ccxt.dialect import BybitDialect, BybitPerpetualDialect
from tests.connectors.conformance import Check, Dialect, Fault, collect, run

DIALECTS: list[type[Dialect]] = [BybitDialect, BybitPerpetualDialect]


@pytest.mark.parametrize(("check", "dialect"), collect(DIALECTS))
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_fault_is_tried(dialect: type[Dialect]) -> None:
    """No card about a fault is left out here."""
    assert dialect.faults == frozenset(Fault)
