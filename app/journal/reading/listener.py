"""PostgreSQL's announcements of commits: a connection of its own that listens, and is opened again when it is lost.

An announcement says how far the journal reaches, never what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
from sqlalchemy import URL

from app.clock import Clock
from app.domain.errors import JournalUnavailable
from app.journal.postgres_store import CHANNEL, SAFETY_CHANNEL
from app.storage.postgres import connect_arguments

#: Seconds before a lost connection is opened again; the tail's poll covers the time between.
RECONNECT_SECONDS = 1.0

#: Seconds within which the server must take the LISTEN.
_LISTEN_SECONDS = 10.0


async def listen(
    url: URL,
    clock: Clock,
    *,
    refresh: Callable[[], Awaitable[None]],
    advance: Callable[[int], None],
    doubt_safety: Callable[[], None],
) -> None:
    """Call ``advance`` with the head of each announced commit, until cancelled; ``refresh`` asks for the head after each start.
    ``doubt_safety`` is called where halts or limits have changed.
    """
    while True:
        try:
            await _listen_once(url, refresh, advance, doubt_safety)
        except (psycopg.Error, TimeoutError, JournalUnavailable):
            # The server went away, or is a standby; the poll goes on, and what was missed is read after the next LISTEN.
            await clock.sleep(RECONNECT_SECONDS)


async def _listen_once(
    url: URL,
    refresh: Callable[[], Awaitable[None]],
    advance: Callable[[int], None],
    doubt_safety: Callable[[], None],
) -> None:
    async with await psycopg.AsyncConnection.connect(**connect_arguments(url), autocommit=True) as connection:
        async with asyncio.timeout(_LISTEN_SECONDS):
            for channel in (CHANNEL, SAFETY_CHANNEL):
                await connection.execute(b"LISTEN " + channel.encode())
        # What was committed before the LISTEN took effect is not announced again.
        await refresh()
        async for notice in connection.notifies():
            if notice.channel == SAFETY_CHANNEL:
                doubt_safety()
            else:
                advance(int(notice.payload))
