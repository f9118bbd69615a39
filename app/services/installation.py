"""This installation's name in the ids of its orders.

The database holds it, so that all processes of one gateway have the same, and a copy of the database that is restored has it too.
Two gateways with databases of their own may trade on one account of an exchange: each knows its orders by it and leaves the other's
alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from app.clock import Clock
from app.domain.ids import is_made_by, new_installation
from app.journal.journal import Journal
from app.storage.preferences import Preferences

_KEY = "installation"


class Installation(Struct, frozen=True, kw_only=True):
    """``name`` stands in the ids; ids without a name were made ``earlier_until`` then, or never."""

    name: str
    earlier_until: datetime | None

    def has_made(self, order_id: str) -> bool:
        """Whether the id was made here."""
        return is_made_by(order_id, self.name, self.earlier_until)


class Installations:
    """Reads this installation's name, and makes it once."""

    def __init__(
        self, *, journal: Journal, preferences: Preferences, clock: Clock, random_bits: Callable[[int], int]
    ) -> None:
        self._journal = journal
        self._preferences = preferences
        self._clock = clock
        self._random_bits = random_bits
        self._known: Installation | None = None

    async def get(self) -> Installation:
        """This installation. Raises ``JournalUnavailable``."""
        if self._known is None:
            self._known = await asyncio.to_thread(self._read)
        return self._known

    def _read(self) -> Installation:
        stored = self._preferences.get(_KEY)
        if not stored:
            # A journal that has orders already is one of a version whose ids name no installation.
            earlier_until = self._clock.now().isoformat() if self._journal.head() else None
            made = {"name": new_installation(self._random_bits), "earlier_until": earlier_until}
            # Where another process was first, what it stored counts.
            self._preferences.replace(_KEY, {}, made)
            stored = self._preferences.get(_KEY)
        until = stored["earlier_until"]
        return Installation(name=stored["name"], earlier_until=None if until is None else datetime.fromisoformat(until))
