"""The cards of the conformance suite on ``binance_perpetual`` over the sandbox: all but one, which Binance answers otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.enums import TimeInForce
from app.domain.errors import OrderRefused
from tests.connectors.binance.perpetual_dialect import BinancePerpetualDialect
from tests.connectors.conformance import Bench, Check, Dialect, Fault, collect, fill_or_kill_is_all_or_nothing, run


def _cards() -> list[Any]:
    """All but C04: a FOK order that can't be filled is refused here, and not accepted and expired."""
    return [each for each in collect([BinancePerpetualDialect]) if each.values[0] is not fill_or_kill_is_all_or_nothing]


@pytest.mark.parametrize(("check", "dialect"), _cards())
async def test_card(check: Check, dialect: type[Dialect]) -> None:
    """The connector does what the card says."""
    await run(check, dialect)


async def test_fill_or_kill_is_all_or_refused() -> None:
    """A FOK order away from the market is refused with -5021 and leaves no trace; one well into it gets everything."""

    async def check(bench: Bench) -> None:
        order = await bench.resting(time_in_force=TimeInForce.FOK)
        with pytest.raises(OrderRefused) as refusal:
            await bench.connector.submit_order(order)
        assert refusal.value.exchange_code == "-5021"
        assert await bench.connector.fetch_order(order.ref) is None
        whole = await bench.resting("1.05", time_in_force=TimeInForce.FOK)
        report = await bench.connector.submit_order(whole)
        assert (report.state, report.filled_amount) == ("filled", whole.amount)

    await run(check, BinancePerpetualDialect)


def test_every_fault_is_tried() -> None:
    """No card about a fault is left out here."""
    assert BinancePerpetualDialect.faults == frozenset(Fault)
