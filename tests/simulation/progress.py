"""What a campaign has found so far, in a file: one that was stopped goes on with the worlds that are left, and adds up the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.checker import Violation
from tests.simulation.world import Plan, Verdict

_SETS = ("quirks", "skipped_faults", "skipped_disruptions")


class Progress:
    """One line a world. Without a ``path`` nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        #: Seconds that earlier runs took.
        self.passed = 0.0
        self._plans: set[Plan] = set()

    def earlier(self) -> Iterator[Verdict]:
        """The verdicts of earlier runs. The line that a killed run had not finished is cut off."""
        if self._path is None or not self._path.exists():
            return
        whole, _, rest = self._path.read_text().rpartition("\n")
        if rest:
            os.truncate(self._path, len(whole.encode()) + 1 if whole else 0)
        for line in whole.splitlines():
            document = json.loads(line)
            self.passed = document.pop("passed")
            verdict = _verdict(document)
            self._plans.add(verdict.plan)
            yield verdict

    def without_known(self, plans: Iterator[Plan]) -> Iterator[Plan]:
        """Those of ``plans`` that no earlier run has had."""
        return (plan for plan in plans if plan not in self._plans)

    def add(self, verdict: Verdict, passed: float) -> None:
        """Keep a verdict, which came ``passed`` seconds after this run began."""
        if self._path is not None:
            document = {**asdict(verdict), "passed": round(self.passed + passed, 1)}
            with self._path.open("a") as file:
                file.write(json.dumps(document, default=sorted) + "\n")


def plan_of(document: dict[str, Any]) -> Plan:
    """The plan in ``document``, as ``json.loads`` gives it."""
    return Plan(**{**document, **{name: frozenset(document.get(name, ())) for name in _SETS}})


def _verdict(document: dict[str, Any]) -> Verdict:
    return Verdict(
        **{
            **document,
            "plan": plan_of(document["plan"]),
            "violations": tuple(Violation(**each) for each in document["violations"]),
            "troubles": tuple(document["troubles"]),
        }
    )
