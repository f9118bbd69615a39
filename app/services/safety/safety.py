"""Halts, limits and dead-man's switches of one process: the verbs together, and the work in the background."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from app.domain.decimals import EXACT
from app.journal.units.safety import Usage
from app.services.safety.dead_man import DeadMen
from app.services.safety.halting import Halting
from app.services.safety.limiting import Limiting
from app.services.safety.naming import Naming
from app.services.safety.sweeping import Sweeps


class Safety:
    """The services behind ``/safety``."""

    def __init__(self, halting: Halting, limiting: Limiting, naming: Naming, sweeps: Sweeps, dead_men: DeadMen) -> None:
        self.halting = halting
        self.limiting = limiting
        self.naming = naming
        self.sweeps = sweeps
        self.dead_men = dead_men

    def start(self) -> None:
        """Begin the work in the background: cancel what halts name, and fire switches whose time is over."""
        self.sweeps.start()
        self.dead_men.start()

    async def close(self) -> None:
        """Stop; may be called twice."""
        await self.dead_men.close()
        await self.sweeps.close()


def headroom(usage: Usage) -> Mapping[str, float]:
    """The share that is left of each limit, in the scope where the least is: 1 is all, 0 none, negative where it is exceeded."""
    least: dict[str, float] = {}
    for one, used in usage.used:
        for name, amount in used.items():
            maximum = getattr(one.limits, name)
            share = EXACT.divide(amount, Decimal(maximum)) if maximum else Decimal(1)
            left = 1 - float(share)  # float: a share for a gauge, no money
            least[name] = min(least.get(name, left), left)
    return least
