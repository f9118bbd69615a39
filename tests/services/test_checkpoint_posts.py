"""Checkpoints that are posted: over a real socket, again after a failure, never in anybody's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.journal.journal import Journal
from app.metrics import Metrics
from app.services.checkpoint_posts import CheckpointPosts
from app.services.checkpoints import Checkpoints, Signer, read_checkpoints
from app.settings import Settings
from app.storage.audit_log import AuditLog
from tests.clock import START, FakeClock


class Receiver:
    """An HTTP server that answers with the statuses it is given, then with 204, and keeps the bodies."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[str] = []
        self.came = asyncio.Condition()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        body = (await reader.readexactly(length)).decode()
        status = self.statuses.pop(0) if self.statuses else 204
        writer.write(f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        async with self.came:
            self.bodies.append(body)
            self.came.notify_all()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(60), self.came:
            await self.came.wait_for(lambda: len(self.bodies) >= count)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[str]:
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=canary-token"


async def retried(clock: FakeClock, receiver: Receiver, count: int) -> None:
    """Let the time pass until ``count`` attempts were made."""
    async with asyncio.timeout(60):
        while len(receiver.bodies) < count:
            clock.advance(301)
            await asyncio.sleep(0.01)


async def test_a_checkpoint_is_posted_until_it_is_taken(
    tmp_path: Path, sqlite_url: str, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an error and a redirect, which is not followed; both are counted, and no log has the address. Its signature holds."""
    journal, metrics, receiver = Journal(Settings(database_url=sqlite_url), clock), Metrics(), Receiver(500, 302)
    signer = Signer(tmp_path / "audit.key")
    async with receiving(receiver) as url:
        posts = CheckpointPosts(url, metrics, clock)
        checkpoints = Checkpoints(AuditLog(journal.database), signer, None, posts, metrics, clock)
        await journal.open()
        await journal.audit(AuditRecord(at=START, actor=Actor(name="bot"), operation="accounts.add_account"))
        posts.start()
        await checkpoints.look()
        await retried(clock, receiver, 3)
        await checkpoints.close()
        await journal.close()
    assert len(set(receiver.bodies)) == 1
    [checkpoint] = read_checkpoints(receiver.bodies[:1], signer.public_key)
    assert checkpoint.number == json.loads(receiver.bodies[0])["number"] == 1
    assert b"ordergate_audit_checkpoint_failures_total 2.0" in metrics.text()
    printed = "".join(capsys.readouterr())
    assert ("not delivered" in printed, "canary-token" in printed) == (True, False)


async def test_a_newer_checkpoint_takes_the_place_of_one_that_waits(clock: FakeClock) -> None:
    """It proves what the other one does, so only it is delivered."""
    receiver = Receiver(503)
    async with receiving(receiver) as url:
        posts = CheckpointPosts(url, Metrics(), clock)
        posts.start()
        posts.offer("first")
        await receiver.wait(1)
        posts.offer("second")
        await retried(clock, receiver, 2)
        await posts.close()
    assert receiver.bodies == ["first", "second"]


def test_without_an_address_nothing_is_posted(clock: FakeClock) -> None:
    """There is no loop that would."""
    posts = CheckpointPosts(None, Metrics(), clock)
    posts.start()
    assert not posts.is_wanted
