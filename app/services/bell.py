"""Waiting for a time to come or for somebody to ring, whichever is first. It knows nothing of what is waited for."""

from __future__ import annotations

import asyncio

from app.clock import Clock


async def rung_within(bell: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Wait until ``bell`` is set, for ``seconds`` of ``clock`` at most; whether it is. The bell stays as it is."""
    waits = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return bell.is_set()
