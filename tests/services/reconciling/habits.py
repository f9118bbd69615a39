"""A gateway without HTTP at an exchange with habits, which it reaches by a connector of the ccxt family."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from app.connectors import registry
from app.connectors.ccxt.connector import CcxtConnector
from app.connectors.ccxt.family import class_of
from tests.clock import FakeClock
from tests.connectors.quirks.dialect import HabitVenue, row_of
from tests.connectors.quirks.exchange import Habits, Quirk
from tests.services.world import ACCOUNT, World, running_world


def connector_with(quirks: Sequence[Quirk]) -> type[CcxtConnector]:
    """The family's connector, to whom the account has the name that the paper exchange gave it."""

    class Connector(class_of(row_of(quirks, "paper"))):  # type: ignore[misc]
        async def fetch_exchange_account(self) -> str:
            return ACCOUNT

    return Connector


@asynccontextmanager
async def habit_world(
    module: str,
    quirks: Sequence[Quirk],
    sqlite_url: str,
    tmp_path: object,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[World, Habits]]:
    """A process of the gateway, and the exchange. ``module`` has the connector's class as ``Connector``."""
    monkeypatch.setattr(registry, "CONNECTORS", {**registry.CONNECTORS, "paper": f"{module}:Connector"})
    async with running_world(sqlite_url, tmp_path, clock) as world:  # type: ignore[arg-type]
        habits = Habits(world.exchange, quirks, ACCOUNT, clock, world.faults)
        world.sessions._venues["paper"] = HabitVenue(row_of(quirks, "paper"), world.settings, clock, habits)
        yield world, habits
        await world.faults.close()
        await asyncio.to_thread(world.exchange.close)
