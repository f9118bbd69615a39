"""PostgreSQL where time is simulated: the kernel announces commits, leases last by the kernel's clock instead of the server's, and
connections break when their process dies.

Everything else is the real server's and the real driver's. A statement is answered within one step of its process, so that how long
the server takes decides nothing: no process stands still inside a transaction, and of one that dies there the server lets go.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import literal

from app.clock import Clock
from app.journal.postgres_store import PostgresStore
from app.journal.reading import listener
from app.journal.records import Head
from app.storage.leases import Leases
from app.storage.postgres import BoundedConnection
from app.storage.types import UtcTime
from tests.simulation.kernel import Host, Kernel

_SET_HEAD = PostgresStore.set_head
_ANNOUNCE_SAFETY = PostgresStore.announce_safety
_COMMIT = PostgresStore.commit
_ROLLBACK = PostgresStore.rollback
_CONNECT = BoundedConnection.connect
_NOW = Leases._now
_UNTIL = Leases._until


class _Listener:
    """One process that listens. Announcements come in the order of the commits."""

    def __init__(
        self, kernel: Kernel, host: Host, advance: Callable[[int], None], doubt_safety: Callable[[], None]
    ) -> None:
        self._kernel = kernel
        self._host = host
        self._advance = advance
        self._doubt_safety = doubt_safety
        self._last_at = 0.0

    def tell(self, head: int | None) -> None:
        """A commit has moved the head, or (None) changed halts or limits."""
        kernel, host = self._kernel, self._host
        if not host.is_dead:
            self._last_at = max(self._last_at, kernel.now + kernel.policy.delay("announced"))
            kernel.post(
                lambda: (
                    host.loop.call_soon(self._doubt_safety if head is None else partial(self._advance, head)) and None
                ),
                "announced",
                owner=host,
                after=self._last_at - kernel.now,
                what=head,
                channel=self,
            )


def install(kernel: Kernel, epoch: datetime) -> None:
    """Replace all three, for the rest of this process of the machine."""
    listeners: list[_Listener] = []
    announced: dict[PostgresStore, list[int | None]] = defaultdict(list)

    async def listen(
        url: Any,
        clock: Clock,
        *,
        refresh: Callable[[], Awaitable[None]],
        advance: Callable[[int], None],
        doubt_safety: Callable[[], None],
    ) -> None:
        assert kernel.current is not None
        listeners.append(_Listener(kernel, kernel.current, advance, doubt_safety))
        await refresh()
        await asyncio.get_running_loop().create_future()

    def set_head(self: PostgresStore, head: Head) -> None:
        _SET_HEAD(self, head)
        announced[self].append(head.seq)

    def announce_safety(self: PostgresStore) -> None:
        _ANNOUNCE_SAFETY(self)
        announced[self].append(None)

    def commit(self: PostgresStore) -> None:
        heads = announced.pop(self, [])
        _COMMIT(self)
        for head in heads:
            for each in listeners:
                each.tell(head)

    def rollback(self: PostgresStore) -> None:
        announced.pop(self, None)
        _ROLLBACK(self)

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = _CONNECT(*arguments, **options)
        if kernel.current is not None:
            kernel.current.at_death.append(connection.pgconn.finish)
        return connection

    def now(self: Leases) -> Any:
        if self._database.is_sqlite:
            return _NOW(self)
        return literal(epoch + timedelta(seconds=kernel.now), UtcTime)

    def until(self: Leases, ttl: timedelta) -> Any:
        if self._database.is_sqlite:
            return _UNTIL(self, ttl)
        return literal(epoch + timedelta(seconds=kernel.now) + ttl, UtcTime)

    Leases._now = now  # type: ignore[method-assign]
    Leases._until = until  # type: ignore[method-assign]
    listener.listen = listen
    PostgresStore.set_head = set_head  # type: ignore[method-assign]
    PostgresStore.announce_safety = announce_safety  # type: ignore[method-assign]
    PostgresStore.rollback = rollback  # type: ignore[method-assign]
    PostgresStore.commit = commit  # type: ignore[method-assign]
    BoundedConnection.connect = connect  # type: ignore[method-assign,assignment]
