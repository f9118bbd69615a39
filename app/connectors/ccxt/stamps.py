"""Timestamps that rise with every request of a name in this process, because some exchanges take them for nonces.

A nonce must be above the last one of its key, whichever client sent that: an account has a new client after its keys were stored
anew, and several names of a process may share a key's account.
"""

from __future__ import annotations

from app.connectors.common.venue import ServerClock


class Stamps:
    """The exchange's time in milliseconds, never the same twice and never less than before."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._last_ms = 0

    def next_ms(self) -> int:
        """The next one."""
        self._last_ms = max(self._last_ms + 1, self._clock.now_ms())
        return self._last_ms
