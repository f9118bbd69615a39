"""A world that breaks a clause, made small: fewer orders and callers, then faults and crashes left out while it still breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tests.simulation.world import Plan, Verdict

#: Runs a plan.
Run = Callable[[Plan], Verdict]
#: Whether a verdict shows the violation that is looked for.
Shows = Callable[[Verdict], bool]


def shrink(plan: Plan, run: Run, shows: Shows, *, most_runs: int = 150) -> tuple[Plan, int]:
    """A small plan that still shows it, and how many worlds were run to find it."""
    search = _Search(run, shows, most_runs)
    plan = search.smallest(plan, _fewer_orders)
    plan = search.smallest(plan, _fewer_callers)
    plan = search.smallest(plan, _fewer_orders)
    plan = search.without(plan, "skipped_disruptions", "drawn_disruptions")
    plan = search.without(plan, "skipped_faults", "drawn_faults")
    return search.smallest(plan, _fewer_orders), search.runs


class _Search:
    def __init__(self, run: Run, shows: Shows, most_runs: int) -> None:
        self._run = run
        self._shows = shows
        self._most_runs = most_runs
        self.runs = 0

    def holds(self, plan: Plan) -> Verdict | None:
        """The verdict of ``plan`` if it shows the violation."""
        if self.runs >= self._most_runs:
            return None
        self.runs += 1
        verdict = self._run(plan)
        return verdict if self._shows(verdict) else None

    def smallest(self, plan: Plan, smaller: Callable[[Plan], Iterator[Plan]]) -> Plan:
        """``plan`` made smaller as long as that goes."""
        while True:
            found = next((each for each in smaller(plan) if self.holds(each) is not None), None)
            if found is None:
                return plan
            plan = found

    def without(self, plan: Plan, name: str, drawn: str) -> Plan:
        """``plan`` without all faults (or disruptions) that can be left out: halves first, then smaller parts."""
        verdict = self.holds(plan)
        if verdict is None:
            return plan
        numbers = [each for each in range(1, getattr(verdict, drawn) + 1) if each not in getattr(plan, name)]
        size = len(numbers)
        while size:
            for part in _parts(numbers, size):
                trial = replace(plan, **{name: getattr(plan, name) | frozenset(part)})
                if self.holds(trial) is not None:
                    plan = trial
                    numbers = [each for each in numbers if each not in part]
            size //= 2
        return plan


def _parts(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _fewer_orders(plan: Plan) -> Iterator[Plan]:
    for share in (8, 4, 2):
        if plan.orders // share >= 1:
            yield replace(plan, orders=plan.orders // share)
    if plan.orders > 1:
        yield replace(plan, orders=plan.orders * 3 // 4)


def _fewer_callers(plan: Plan) -> Iterator[Plan]:
    for callers in (1, 2, 4):
        if callers < plan.callers:
            yield replace(plan, callers=callers, orders=max(1, plan.orders * callers // plan.callers))
