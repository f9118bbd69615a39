"""An open journal on each database."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.journal.journal import Journal
from app.settings import Settings
from tests.clock import FakeClock


@pytest.fixture
def build_journal(database_url: str, clock: FakeClock) -> Callable[[], Journal]:
    """Makes further journals on the test's database, as other processes would have them; the test closes them."""
    return lambda: Journal(Settings(database_url=database_url), clock)


@pytest.fixture
async def journal(build_journal: Callable[[], Journal]) -> AsyncIterator[Journal]:
    """An open journal."""
    journal = build_journal()
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_journals(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Callable[[], Any]:
    """Opens empty journals, one after another, for the examples of a property."""
    make: Callable[[], str]
    drop: Callable[[str], None]
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        numbers = itertools.count()
        make = lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'example{next(numbers)}.db')}"  # noqa: E731
        drop = lambda _url: None  # noqa: E731
    else:
        server = request.getfixturevalue("postgres_server")
        make, drop = server.create, server.drop

    @asynccontextmanager
    async def opened() -> AsyncIterator[Journal]:
        url = make()
        journal = Journal(Settings(database_url=url), clock)
        await journal.open()
        try:
            yield journal
        finally:
            await journal.close()
        drop(url)

    return opened
