"""Price paths set by hand, and exchanges on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.paper.exchange import PaperExchange
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath


@pytest.fixture
def url(empty_database_url: str) -> str:
    """A new database, on either engine. A test asks for it before it opens an exchange there, which then closes first."""
    return empty_database_url


@pytest.fixture
def path() -> HandPath:
    return HandPath()


@pytest.fixture
def open_exchange(clock: FakeClock, path: HandPath) -> Iterator[Callable[..., PaperExchange]]:
    """Opens exchanges, one per simulated process, and closes them at the end. Request ``url`` before it, since it outlives them."""
    opened: list[PaperExchange] = []

    def open_one(url: str, **options: Any) -> PaperExchange:
        exchange = PaperExchange(url, **{"clock": clock, "seed": 1, "path": path} | options)
        opened.append(exchange)
        return exchange

    yield open_one
    for exchange in opened:
        exchange.close()


@pytest.fixture
def exchange(url: str, open_exchange: Callable[..., PaperExchange]) -> PaperExchange:
    return open_exchange(url)
