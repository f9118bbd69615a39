"""Waiting for the journal to grow: the last sequence number as this process knows it, and who waits for a higher one.

Own commits are known at once, from the writer. Commits of other processes come by PostgreSQL's LISTEN; a slow poll is the net
below it, and the only source where several processes share a SQLite file. Everything here runs on one event loop. A ``Tail``
tells that there is something to read and never what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg

from app.clock import Clock
from app.domain.errors import JournalUnavailable
from app.journal.database import Database
from app.journal.postgres_store import CHANNEL, connect_arguments
from app.journal.reader import Reader

#: Seconds between two looks at the database while somebody waits. LISTEN makes the normal case immediate; one small
#: read every two seconds costs nothing.
POLL_SECONDS = 2.0

#: Seconds before a lost LISTEN connection is opened again; the poll covers the time between.
RECONNECT_SECONDS = 1.0


class Tail:
    """The end of the journal, and those who wait there."""

    def __init__(self, database: Database, reader: Reader, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock
        self._head = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Learn the head and begin to watch for other processes' commits."""
        await self._look()
        self._tasks.append(asyncio.create_task(self._poll(), name="journal-poll"))
        if not self._database.is_sqlite:
            self._tasks.append(asyncio.create_task(self._listen(), name="journal-listen"))

    async def stop(self) -> None:
        """End watching and wake everybody; may be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wake(lambda _: True)

    def advance(self, head: int) -> None:
        """The journal is known to reach ``head``."""
        if head > self._head:
            self._head = head
            self._wake(lambda seq: seq < head)

    async def wait_beyond(self, seq: int, timeout: float) -> int:  # noqa: ASYNC109 - running out is an answer here
        """The head as soon as it is above ``seq``, or as it is after ``timeout`` seconds."""
        if self._head <= seq:
            woken = asyncio.get_running_loop().create_future()
            self._waiting[woken] = seq
            try:
                await asyncio.wait((woken,), timeout=timeout)
            finally:
                self._waiting.pop(woken, None)
                woken.cancel()
        return self._head

    def _wake(self, concerns: Callable[[int], bool]) -> None:
        for woken, seq in list(self._waiting.items()):
            if concerns(seq):
                del self._waiting[woken]
                if not woken.done():
                    woken.set_result(None)

    async def _look(self) -> None:
        reading = asyncio.ensure_future(asyncio.to_thread(self._reader.head))
        try:
            head = await asyncio.shield(reading)
        except asyncio.CancelledError:
            # The thread can't be stopped, and whoever closes the database next must not find it at work.
            await asyncio.wait((reading,))
            raise
        self.advance(head)

    async def _poll(self) -> None:
        while True:
            await self._clock.sleep(POLL_SECONDS)
            if self._waiting:
                try:
                    await self._look()
                except JournalUnavailable:
                    # Those who wait lose nothing: the next look finds what this one would have found.
                    continue

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (psycopg.OperationalError, JournalUnavailable):
                # The server went away; the poll goes on, and what was missed is read after the next LISTEN.
                await self._clock.sleep(RECONNECT_SECONDS)

    async def _hear(self) -> None:
        arguments = connect_arguments(self._database.url)
        async with await psycopg.AsyncConnection.connect(**arguments, autocommit=True) as connection:
            await connection.execute(b"LISTEN " + CHANNEL.encode())
            # What was committed before the LISTEN took effect is not announced again.
            await self._look()
            async for notice in connection.notifies():
                self.advance(int(notice.payload))
