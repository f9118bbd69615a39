"""W26, W27, W28, W30: the server's streams, its open ports, its start and its memory."""

from __future__ import annotations

import asyncio
import gc
import re
import shutil
import socket
from collections import deque
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import app
from app.bootstrap import build_gateway, rotate_vault
from app.domain.enums import OrderState
from app.domain.fill import Fill
from app.domain.order import Order
from app.journal import caches, tail
from app.journal.filters import EventFilter
from app.settings import Settings
from tests.gateways import SECRET_KEY
from tests.services.perpetuals import give
from tests.services.world import ACCOUNT, market, request, until
from tests.weaknesses.conftest import Desk, OpenDesk
from tests.web.conftest import basic

#: Seconds that a start may take on a busy machine, far below the time that the silent exchange is given.
_PATIENCE = 40


async def test_w26_own_orders_and_fills_are_pushed(desk: Desk) -> None:
    """The stream sends the intent, the acceptance and each execution, from any position in the journal."""
    await desk.gateway.event_streams.start()
    kinds: list[str] = []

    async def follow() -> None:
        async for events in desk.gateway.event_streams.follow(0, EventFilter(account_names=(ACCOUNT,))):
            kinds.extend(str(entry.event.kind) for entry in events if entry.event is not None)

    following = asyncio.create_task(follow())
    await desk.gateway.orders.place(market())
    await until(lambda: kinds[-1:] == ["filled"], desk.clock)
    desk.gateway.event_streams.end()
    await following
    assert kinds == ["intended", "accepted", "filled"]


async def test_w27_no_password_is_known_to_everybody(desk: Desk) -> None:
    """The first run makes a random password; admin with admin can read only what a probe may read."""
    made = await desk.gateway.users.start()
    assert made is not None
    assert len(made) >= 20
    desk.client.headers["Authorization"] = basic("admin", "admin")
    assert (await desk.get("/accounts", 401))["detail"] == "Incorrect username or password"
    for path in ("/", "/health"):
        await desk.get(path)


async def test_w27_a_new_key_leaves_the_credentials_readable(open_desk: OpenDesk) -> None:
    """They are sealed anew, and from then on the old key opens nothing."""
    async with open_desk() as desk:
        settings = desk.gateway.settings
    new = "another key of these tests"
    both = Settings(database_url=settings.database_url, data_dir=settings.data_dir, secret_key=f"{new},{SECRET_KEY}")
    assert rotate_vault(both) == 1
    async with open_desk(secret_key=new) as desk:
        await desk.place()
    async with open_desk() as desk:
        assert (await desk.client.post("/trading/orders", json={})).status_code == 422
        with pytest.raises(Exception, match="key"):
            await desk.gateway.orders.place(request())


async def test_w28_a_silent_exchange_delays_nobody(tmp_path: Path, sqlite_template: Path) -> None:
    """The gateway starts, and trades elsewhere, while an exchange takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        directory = shutil.copy(sqlite_template, tmp_path / "ordergate.db")
        gateway = build_gateway(
            Settings(
                database_url=f"sqlite:///{directory}",
                data_dir=tmp_path,
                secret_key=SECRET_KEY,
                exchange_timeout=timedelta(minutes=2),
                shutdown_timeout=timedelta(seconds=1),
                connector_urls={"ORDERGATE_BINANCE_REST_URL": f"{url}/api", "ORDERGATE_BINANCE_WS_API_URL": url},
            )
        )
        give(gateway, "second", "binance", binance_api_key="k", binance_api_secret="s")
        try:
            async with asyncio.timeout(_PATIENCE):
                await gateway.start()
                placed = await gateway.orders.place(request(price=Decimal(100), amount=Decimal(1)))
            assert placed.order.state is OrderState.OPEN
        finally:
            await gateway.stop()


def test_w30_nobody_is_told_of_what_is_traded() -> None:
    """No address outside this host stands in the code, except in the connectors and the documents' names for themselves."""
    root = Path(app.__file__).parent
    hosts = {
        host
        for path in root.rglob("*.py")
        if "connectors" not in path.parts
        for host in re.findall(r"(?:https?|wss?)://([A-Za-z][\w.-]*\.[a-z]{2,})", path.read_text(encoding="utf-8"))
    }
    assert hosts == set()


async def test_w30_memory_does_not_grow_with_what_was_traded(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """The journal's writer and its end remember the orders and entries that were written last, up to a limit; nothing else
    keeps any that are done."""
    monkeypatch.setattr(caches, "_CACHED", 5)
    monkeypatch.setattr(desk.gateway.journal._tail, "_own", deque(maxlen=5))
    monkeypatch.setattr(tail, "_OWN_ORDERS", 5)
    monkeypatch.setattr(desk.gateway.event_streams, "_recent", deque(maxlen=5))

    async def held_after(count: int) -> int:
        for _ in range(count):
            await desk.gateway.orders.place(market())
        gc.collect()
        return sum(isinstance(each, Order | Fill) for each in gc.get_objects())

    held = await held_after(10)
    assert await held_after(40) <= held
