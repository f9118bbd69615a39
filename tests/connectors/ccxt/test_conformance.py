"""Every card of the conformance suite on the names of the ccxt family that have a local exchange."""

from __future__ import annotations

import pytest

from app.connectors.ccxt.exchanges import ROWS
from tests.connectors.ccxt.dialect import (
    BybitDialect,
    BybitPerpetualDialect,
    FamilyDialect,
    HyperliquidPerpetualDialect,
    KrakenDialect,
    OkxDialect,
    OkxPerpetualDialect,
)
from tests.connectors.conformance import Check, Dialect, Fault, collect, run

DIALECTS: list[type[Dialect]] = [
    BybitDialect,
    BybitPerpetualDialect,
    OkxDialect,
    OkxPerpetualDialect,
    KrakenDialect,
    HyperliquidPerpetualDialect,
]


@pytest.mark.parametrize(("check", "dialect"), collect(DIALECTS))
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_fault_is_tried(dialect: type[Dialect]) -> None:
    """No card about a fault is left out here."""
    assert dialect.faults == frozenset(Fault)


def test_a_name_that_says_it_was_tried_on_a_local_exchange_was() -> None:
    """And what has one says so."""
    tried = {dialect.connector_class.name for dialect in DIALECTS if issubclass(dialect, FamilyDialect)}
    assert {name for name, row in ROWS.items() if row.proof == "local_exchange"} == tried
