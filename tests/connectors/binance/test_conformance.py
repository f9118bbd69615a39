"""Every card of the conformance suite on ``binance`` over the sandbox: connector, python-binance, sockets, Binance's rules."""

from __future__ import annotations

import pytest

from tests.connectors.binance.dialect import BinanceDialect
from tests.connectors.conformance import Check, Dialect, Fault, collect, run


@pytest.mark.parametrize(("check", "dialect"), collect([BinanceDialect]))
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


def test_every_fault_is_tried() -> None:
    """No card about a fault is left out here."""
    assert BinanceDialect.faults == frozenset(Fault)
