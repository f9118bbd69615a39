"""Waiting for an event or for a time, whichever comes first."""

from __future__ import annotations

import asyncio

from app.clock import Clock


async def wait_for_event(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Wait until ``event`` is set, but no longer than ``seconds`` of ``clock``. Return whether it is set.

    The event is not cleared.
    """
    waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return event.is_set()
