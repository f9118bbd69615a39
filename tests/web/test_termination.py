"""A signal to stop: the gateway first, the server when the orders are done."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from app.web.termination import on_termination


class Server:
    """The signals that reached the handler of the server."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.stops = asyncio.Event()

    def handle(self, signum: int, _frame: object) -> None:
        self.signals.append(signum)
        self.stops.set()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with a handler."""
    server = Server()
    before = signal.signal(signal.SIGTERM, server.handle)
    yield server
    signal.signal(signal.SIGTERM, before)


async def test_the_server_stops_when_the_orders_are_done(server: Server) -> None:
    """Until then it serves."""
    told, done = asyncio.Event(), asyncio.Event()

    async def finish() -> None:
        await done.wait()

    with on_termination(told.set, finish):
        os.kill(os.getpid(), signal.SIGTERM)
        await told.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert server.signals == []
        done.set()
        await server.stops.wait()
    assert server.signals == [signal.SIGTERM]


async def test_a_second_signal_does_not_wait(server: Server) -> None:
    """Who asks twice means it."""
    told = asyncio.Event()

    async def never() -> None:
        await asyncio.Event().wait()

    with on_termination(told.set, never):
        os.kill(os.getpid(), signal.SIGTERM)
        await told.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await server.stops.wait()
    assert server.signals == [signal.SIGTERM]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_what_fails_before_the_end_does_not_keep_the_server(server: Server) -> None:
    """It stops all the same."""

    def fail() -> None:
        raise ZeroDivisionError

    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))

    async def finish() -> None:
        """Not reached."""

    with on_termination(fail, finish):
        os.kill(os.getpid(), signal.SIGTERM)
        await server.stops.wait()
    assert server.signals == [signal.SIGTERM]
