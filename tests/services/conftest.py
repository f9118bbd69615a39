"""A world on SQLite, and one on each database where the difference matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import FakeClock
from tests.services.world import World, running_world


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    """A process of the gateway on SQLite."""
    async with running_world(sqlite_url, tmp_path, clock) as world:
        yield world


@pytest.fixture
async def each_world(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    """A process of the gateway on each database."""
    async with running_world(database_url, tmp_path, clock) as world:
        yield world
