"""A whole gateway in the test's own process, on a fresh SQLite journal, with nothing running in the background."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.bootstrap import build_gateway
from app.clock import Clock
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.settings import Settings

SECRET_KEY = "the key of these tests"


@asynccontextmanager
async def opened_gateway(directory: Path, template: Path, clock: Clock, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway with its journal open and the master account on the paper exchange alone; nothing is started beside it."""
    database = directory / "ordergate.db"
    if not database.exists():
        shutil.copy(template, database)
    named = {"database_url": f"sqlite:///{database}", "data_dir": directory, "secret_key": SECRET_KEY, **settings}
    gateway = build_gateway(Settings(**named), clock=clock)
    await gateway.journal.open()
    gateway.accounts.ensure_master_account()
    # One exchange by default: what is said about accounts in general is easier to see on it.
    gateway.journal.accounts.delete_credential(MASTER_ACCOUNT, "paper_perpetual")
    try:
        yield gateway
    finally:
        await gateway.stop()
