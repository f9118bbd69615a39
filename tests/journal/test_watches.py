"""Waiting for one order: who is woken, and who is not."""

from __future__ import annotations

from app.journal.watches import Watches


def test_an_entry_wakes_those_who_wait_for_its_order() -> None:
    """All of them, and nobody else; entries without an order wake nobody."""
    watches = Watches()
    with watches.watch("a") as first, watches.watch("a") as second, watches.watch("b") as other:
        watches.tell(["a", None, "c"])
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)


def test_who_has_gone_is_forgotten() -> None:
    """Nothing is kept of those who no longer wait."""
    watches = Watches()
    with watches.watch("a"):
        with watches.watch("a"):
            assert watches
        assert watches
    assert not watches
    watches.tell(["a"])
    assert not watches
