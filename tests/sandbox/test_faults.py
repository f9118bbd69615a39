"""Tests of fault rules: which apply, how often, and the same for the same seed."""

from __future__ import annotations

import pytest

from app.sandbox.faults import FaultKind, FaultPlan, FaultRule

HANG, RESET = FaultKind.ACCEPT_HANG, FaultKind.ACCEPT_RESET


def _drawn(seed: int, probability: float = 0.3) -> list[bool]:
    plan = FaultPlan()
    plan.set(seed, [FaultRule(kind=HANG, probability=probability)])
    return [plan.call("place") is not None for _ in range(1_000)]


def test_a_seed_gives_its_faults_again() -> None:
    """Another seed gives others, and about as many as the probability says."""
    assert _drawn(7) == _drawn(7)
    assert _drawn(7) != _drawn(8)
    assert 250 < sum(_drawn(7)) < 350
    assert sum(_drawn(7, 0)) == 0
    assert sum(_drawn(7, 1)) == 1_000


def test_the_first_rule_that_applies_counts() -> None:
    """On its routes only, as often as it may, and each fault is counted by its kind."""
    plan = FaultPlan()
    plan.set(1, [FaultRule(kind=HANG, routes=("cancel",)), FaultRule(kind=RESET, times=1)])
    faults = [plan.call(route) for route in ("place", "place", "cancel", "market")]
    assert [rule and rule.kind for rule in faults] == [RESET, None, HANG, None]
    assert plan.counts == {"accept_hang": 1, "accept_reset": 1}
    plan.clear()
    assert plan.call("cancel") is None
    assert plan.counts == {}


def test_every_rule_may_apply_to_an_event() -> None:
    """Events and calls have different faults."""
    plan = FaultPlan()
    plan.set(1, [FaultRule(kind=FaultKind.DOUBLE), FaultRule(kind=HANG), FaultRule(kind=FaultKind.DELAY)])
    assert [rule.kind for rule in plan.event("user")] == [FaultKind.DOUBLE, FaultKind.DELAY]
    assert plan.event("market") == []
    fault = plan.call("query")
    assert fault is not None
    assert fault.kind is HANG


def test_a_rule_that_makes_no_sense_is_refused() -> None:
    """A route that the kind does not have, a probability beyond one, time that runs backwards."""
    for terms in ({"routes": ("user",)}, {"probability": 1.5}, {"probability": -0.1}, {"seconds": -1}):
        with pytest.raises(ValueError):
            FaultRule(kind=HANG, **terms)
