"""A pooler before PostgreSQL: one that lends sessions by the transaction is refused, one that keeps them is not."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import URL, make_url

from app.domain.errors import JournalUnavailable, PoolerFound
from app.storage.pooling import refuse_transaction_pooler

_KEY, _READY = b"K", b"Z"
_NO_TLS = 80877103


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pooler:
    """Lends connections to the server, the one that came back last first, as PgBouncer does. Clients have numbers of its own."""

    def __init__(self, url: URL, *, by_transaction: bool) -> None:
        self._host = str(url.query.get("host") or url.host)
        self._port = url.port or 5432
        self._by_transaction = by_transaction
        self._free: list[Ends] = []
        self._open: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        #: What the server says to whoever connects.
        self._welcome: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.append(writer)
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._open:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._open), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await _startup(reader)
        if struct.unpack("!I", startup[4:8])[0] == _NO_TLS:
            writer.write(b"N")
            startup = await _startup(reader)
        if not self._welcome:
            self._free.append(await self._connect(startup))
        writer.writelines(self._welcome)
        if not self._by_transaction:
            # A session is kept: whatever the driver sends in one go or in several, it is passed on as it comes.
            server = self._free.pop() if self._free else await self._connect(startup)
            await asyncio.gather(_copy(reader, server[1]), _copy(server[0], writer))
            return
        held: Ends | None = None
        while question := await reader.read(65536):
            if question[:1] == b"X":
                return
            if held is None:
                held = self._free.pop() if self._free else await self._connect(startup)
            held[1].write(question)
            async for kind, message in _messages(held[0]):
                writer.write(message)
                if kind == _READY:
                    if message[5:] == b"I":
                        self._free.append(held)
                        held = None
                    break

    async def _connect(self, startup: bytes) -> Ends:
        if self._host.startswith("/"):
            reader, writer = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        self._open.append(writer)
        writer.write(startup)
        welcome = []
        async for kind, message in _messages(reader):
            welcome.append(struct.pack("!cIII", _KEY, 12, 1, 7) if kind == _KEY else message)
            if kind == _READY:
                break
        self._welcome = welcome
        return reader, writer


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def _startup(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(struct.unpack("!I", head)[0] - 4)


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    while True:
        head = await reader.readexactly(5)
        yield head[:1], head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


@asynccontextmanager
async def pooled(postgres_url: str, *, by_transaction: bool) -> AsyncIterator[URL]:
    """The address of the database through a pooler."""
    url = make_url(postgres_url)
    pooler = Pooler(url, by_transaction=by_transaction)
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield url.set(host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"})
    finally:
        server.close()
        await pooler.close()


@pytest.mark.postgres
async def test_a_pooler_by_the_transaction_is_refused(postgres_url: str) -> None:
    """The sentence names what it is and what to do."""
    async with pooled(postgres_url, by_transaction=True) as url:
        with pytest.raises(PoolerFound, match=r"PgBouncer with pool_mode = transaction.*pool_mode = session"):
            await asyncio.to_thread(refuse_transaction_pooler, url)


@pytest.mark.postgres
async def test_a_pooler_that_keeps_sessions_is_no_hindrance(postgres_url: str) -> None:
    """Nor is none at all; and without a server the database is not available."""
    async with pooled(postgres_url, by_transaction=False) as url:
        await asyncio.to_thread(refuse_transaction_pooler, url)
    await asyncio.to_thread(refuse_transaction_pooler, make_url(postgres_url))
    with pytest.raises(JournalUnavailable):
        await asyncio.to_thread(refuse_transaction_pooler, url.set(port=1))
