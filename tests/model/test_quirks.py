"""The model of ``test_gateway`` over exchanges with habits, through the ccxt family's connector: polled, and each habit alone.

``make test`` has some histories of all habits that can go together; ``make quirks`` has more, of each habit and of every two.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from app.connectors import registry
from app.connectors.ccxt.family import class_of
from app.domain.order import AccountKey
from app.storage.schema import upgrade
from tests.chaos.checker import Evidence
from tests.connectors.quirks.dialect import HabitVenue, row_of
from tests.connectors.quirks.exchange import PAIRS_OF_QUIRKS, Habits, Quirk
from tests.model.test_gateway import GatewayMachine
from tests.services.world import ACCOUNT

IS_LONG = os.environ.get("ORDERGATE_QUIRKS") == "pairs"
#: Without client ids an order whose answer was lost stays in doubt until an operator ends it, which nobody does here.
SETTLED = [(quirk,) for quirk in Quirk] + PAIRS_OF_QUIRKS
#: All that can go together: a client id that can be asked for, or none.
TOGETHER = frozenset(Quirk) - {Quirk.NO_QUESTION, Quirk.SHORT_BOOK, Quirk.NO_CLIENT_ID}
HABITS = [frozenset(each) for each in SETTLED if Quirk.NO_CLIENT_ID not in each] if IS_LONG else [TOGETHER]


class Venue(HabitVenue):
    """The venue, with the exchange that it closes."""

    async def close(self) -> None:
        await super().close()
        await self._habits.faults.close()
        await asyncio.to_thread(self._habits.exchange.close)


class QuirkyMachine(GatewayMachine):
    """The same, at an exchange with ``quirks``, which is polled."""

    quirks: ClassVar[frozenset[Quirk]]

    async def _start(self) -> None:
        await super()._start()
        habits = Habits(self.world.exchange, self.quirks, ACCOUNT, self.clock, self.world.faults)
        row = row_of(self.quirks, "paper")
        self.world.sessions._venues["paper"] = Venue(row, self.world.settings, self.clock, habits)

    async def _send(self, order: list[int], keep: list[bool], twice: bool) -> None:
        """There is no stream: a poll comes instead."""
        await self._quietly(self.world.recovery.reconcile(AccountKey(ACCOUNT, "paper")))

    def evidence(self) -> Evidence:
        """The exchange knows orders by the ids that it demands, and may not tell fees."""
        found = super().evidence()
        ours = {order.ref.client_order_id: order.order_id for order in found.journal.orders}
        truth = [replace(each, order_id=ours.get(each.order_id, each.order_id)) for each in found.truth]
        if Quirk.UNTOLD_FEES in self.quirks:
            nothing: dict[str, Any] = {"fee": None, "fee_currency": None}
            truth = [replace(each, fills=tuple(replace(fill, **nothing) for fill in each.fills)) for each in truth]
        return replace(found, truth=tuple(truth))


async def _account(_connector: Any) -> str:
    """As the paper exchange names it."""
    return ACCOUNT


@pytest.fixture(autouse=True, scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> None:
    QuirkyMachine.template = tmp_path_factory.mktemp("model") / "journal.db"
    upgrade(f"sqlite:///{QuirkyMachine.template}")


@pytest.mark.parametrize("quirks", HABITS, ids=lambda quirks: "-".join(sorted(quirks)))
def test_the_promise_holds_at_an_exchange_with_habits(quirks: frozenset[Quirk]) -> None:
    """Whatever order of events is generated."""
    machine = type("Machine", (QuirkyMachine,), {"quirks": quirks})
    globals()["CONNECTOR"] = type(
        "Connector", (class_of(row_of(quirks, "paper")),), {"fetch_exchange_account": _account}
    )
    with patch.object(registry, "CONNECTORS", {**registry.CONNECTORS, "paper": f"{__name__}:CONNECTOR"}):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=8 if IS_LONG else 12,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
