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
from app.domain.decimals import ZERO
from app.domain.enums import OrderState
from app.domain.lifecycle import UNSETTLED
from app.domain.order import AccountKey, Order
from app.services.reconciling.resolving import Resolution
from app.storage.schema import upgrade
from tests.chaos.checker import Evidence
from tests.chaos.truth import TrueOrder
from tests.connectors.quirks.dialect import HabitVenue, row_of
from tests.connectors.quirks.exchange import PAIRS_OF_QUIRKS, Habits, Quirk
from tests.model.test_gateway import GatewayMachine
from tests.services.world import ACCOUNT

IS_LONG = os.environ.get("ORDERGATE_QUIRKS") == "pairs"
ALL = [(quirk,) for quirk in Quirk] + PAIRS_OF_QUIRKS
#: All that can go together: a client id that can be asked for, or none.
TOGETHER = frozenset(Quirk) - {Quirk.NO_QUESTION, Quirk.SHORT_BOOK, Quirk.NO_CLIENT_ID}
NAMELESS = frozenset({Quirk.NO_CLIENT_ID, Quirk.BARE_ANSWERS, Quirk.RECENT, Quirk.PAGES})
HABITS = [frozenset(each) for each in ALL] if IS_LONG else [TOGETHER, NAMELESS]


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


class NamelessMachine(QuirkyMachine):
    """The same at an exchange that knows no client ids: an order whose answer was lost stays in doubt until an operator ends it.

    Who looks knows orders by their amounts, which are all different here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resolved: set[str] = set()

    def evidence(self) -> Evidence:
        """What an operator ended has the state of the exchange, and no fills: these are never made up from a word."""
        found = super().evidence()
        by_number = {
            each.exchange_order_id: each for each in found.journal.orders if each.exchange_order_id is not None
        }
        by_amount = {each.amount: each for each in found.journal.orders if each.exchange_order_id is None}
        truth = []
        for each in found.truth:
            ours = by_number.get(each.exchange_order_id) or by_amount.get(each.amount)
            named = each if ours is None else replace(each, order_id=ours.order_id)
            truth.append(replace(named, filled_amount=ZERO, fills=()) if named.order_id in self.resolved else named)
        return replace(found, truth=tuple(truth))

    async def _settle(self) -> None:
        """Beside the questions, an operator looks at the exchange's page, cancels what is open there and says what was found."""
        self.world.faults.forget()
        for _ in range(3):
            await self._quietly(self.world.recovery.reconcile(AccountKey(ACCOUNT, "paper")))
            await self.world.pass_time(8.0, step=2.0)
        found = self.evidence()
        for order in found.journal.orders:
            if order.state in UNSETTLED and order.exchange_order_id is None:
                await self._end(order, [each for each in found.truth if each.order_id == order.order_id])
        await super()._settle()

    async def _end(self, order: Order, at_exchange: list[TrueOrder]) -> None:
        outcome = OrderState.REJECTED
        for each in at_exchange:
            outcome = OrderState(each.state)
            if outcome is OrderState.OPEN:
                exchange, outcome = self.world.exchange, OrderState.CANCELED
                await asyncio.to_thread(exchange.cancel, ACCOUNT, exchange_order_id=int(each.exchange_order_id))
        said = Resolution(outcome=outcome, reason="looked at the exchange", evidence="its page of orders")
        await self.world.resolving.resolve(order.key, said)
        self.resolved.add(order.order_id)


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
    parent = NamelessMachine if Quirk.NO_CLIENT_ID in quirks else QuirkyMachine
    machine = type("Machine", (parent,), {"quirks": quirks})
    globals()["CONNECTOR"] = type(
        "Connector", (class_of(row_of(quirks, "paper")),), {"fetch_exchange_account": _account}
    )
    with patch.object(registry, "CONNECTORS", {**registry.CONNECTORS, "paper": f"{__name__}:CONNECTOR"}):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=8 if IS_LONG or parent is NamelessMachine else 12,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
