"""A process killed at any step of a write leaves a whole journal: what was answered is there, and nothing by half."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

import app.journal.writer
from app.domain.enums import OrderState
from app.journal.journal import Journal
from app.settings import Settings
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, key, order
from tests.journal.replaying import replay

#: Opens an order, accepts it, opens another; says each answer as it comes. Dies where the environment says.
VICTIM = """
import asyncio, sys
from app.journal.journal import Journal
from app.settings import Settings
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, key, order

async def main(url):
    journal = Journal(Settings(database_url=url), FakeClock())
    await journal.open()
    await journal.open_order(order("o1"), INTENDED)
    print("opened o1", flush=True)
    await journal.record(key("o1"), lambda _order, _fills: (ACCEPTED,))
    print("accepted o1", flush=True)
    await journal.open_order(order("o2"), INTENDED)
    print("opened o2", flush=True)
    await journal.close()

asyncio.run(main(sys.argv[1]))
"""

#: Where the process dies, what it had answered by then, and how many entries the journal must hold.
STEPS = {
    "journal.intent.before_commit": ([], 0),
    "journal.intent.after_commit": ([], 1),
    "journal.outcome.before_commit": (["opened o1"], 1),
    "journal.outcome.after_commit": (["opened o1"], 2),
    "journal.intent.before_commit@2": (["opened o1", "accepted o1"], 2),
    "journal.intent.after_commit@2": (["opened o1", "accepted o1"], 3),
}


def test_every_step_has_its_crash() -> None:
    """Every failpoint of the journal is among the steps."""
    source = Path(app.journal.writer.__file__).read_text()
    assert set(re.findall(r'reach\("([^"]+)"\)', source)) == {name.partition("@")[0] for name in STEPS}


@pytest.mark.parametrize("step", STEPS)
async def test_a_killed_process_leaves_a_whole_journal(database_url: str, clock: FakeClock, step: str) -> None:
    """After the kill the journal holds what was answered, at most one unit more, and goes on from there."""
    said, head = STEPS[step]
    victim = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", VICTIM, database_url],
        env={**os.environ, "ORDERGATE_FAILPOINT": step},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    assert victim.stdout.splitlines() == said

    journal = Journal(Settings(database_url=database_url), clock)
    await journal.open()
    assert journal.head() == head
    assert [entry.seq for entry in journal.tail(0, limit=9)] == list(range(1, head + 1))
    for order_id in ("o1", "o2"):
        assert journal.find_order(key(order_id)) == replay(journal, key(order_id))
    before = journal.find_order(key("o1"))
    opened = await journal.open_order(order("o1"), INTENDED)
    assert opened.is_new == (before is None)
    recorded = await journal.record(key("o1"), lambda _order, _fills: (ACCEPTED,))
    assert recorded.order.state is OrderState.OPEN
    await journal.close()
    if make_url(database_url).get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(str(make_url(database_url).database))) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert file.execute("PRAGMA foreign_key_check").fetchall() == []
