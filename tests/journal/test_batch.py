"""What the writer remembers of the orders it wrote."""

from __future__ import annotations

import pytest

from app.journal import batch
from app.journal.batch import Held, Memory
from tests.journal.orders import key, order


def held(number: int) -> Held:
    """An order as the writer remembers it."""
    name = f"o{number}"
    return Held(key=key(name), number=number, order=order(name), fill_ids=frozenset())


def test_what_nobody_else_changed_is_remembered() -> None:
    """As long as the sequence is where our commit left it, our orders are as we left them."""
    memory = Memory()
    memory.keep(7, [held(1)])
    memory.at(7)
    assert memory.get(key("o1")) == held(1)


def test_everything_is_forgotten_when_somebody_else_has_written() -> None:
    """A sequence number that is not ours means that any order may have changed."""
    memory = Memory()
    memory.keep(7, [held(1)])
    memory.at(8)
    memory.at(7)
    assert memory.get(key("o1")) is None


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; what was written last stays."""
    monkeypatch.setattr(batch, "_REMEMBERED", 2)
    memory = Memory()
    memory.keep(1, [held(1), held(2)])
    memory.keep(2, [held(1)])
    memory.keep(3, [held(3)])
    assert [memory.get(key(f"o{number}")) is not None for number in (1, 2, 3)] == [True, False, True]
