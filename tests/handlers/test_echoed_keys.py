"""An exchange that repeats the account's keys in everything it says, and a search of everything the server says and writes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready
from tests.connectors.stub import Answer, Reply, Request, StubExchange, error, reply
from tests.services.binance_stub import ACCOUNT, API_KEY, API_SECRET, CREDENTIALS, running_stub, urls

ORDER = "/api/v3/order"
#: What no text may hold; the beginnings stand for keys that somebody cut off.
CANARIES = (API_KEY, API_SECRET, API_KEY[:20], API_SECRET[:20])
_LOOK = 0.05
#: Long enough for a message that is shortened to end within the second key.
_ECHO = f"{API_KEY} {'.' * 230} {API_SECRET}"
REFUSAL = error(400, -2010, f"Account {_ECHO} has no money.")
BAD_KEY = error(401, -2015, f"Invalid API-key: {_ECHO}")
PAGE = Reply(status=500, body=f"<html>{API_SECRET} cannot be served, {API_KEY}".encode())
NO_CANCEL = error(400, -2011, f"Unknown order of {_ECHO}")
WANTED = {
    "account_name": "master_account",
    "connector_name": "binance",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": "0.5",
    "price": "20000",
}


def order(status: str, **more: Any) -> Answer:
    """An order as the stand-in shows it, under the id that it was asked about."""

    def answer(request: Request) -> Reply:
        asked = request.parameters
        order_id = asked.get("newClientOrderId") or asked["origClientOrderId"]
        row = {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": order_id, "transactTime": 1_795_000_000_507}
        sizes = {"price": "20000", "origQty": "0.5", "executedQty": "0"}
        terms = {"timeInForce": "GTC", "type": "LIMIT", "side": "BUY"}
        return reply({**row, **sizes, **terms, "status": status, "fills": [], **more})

    return answer


@asynccontextmanager
async def serving(directory: Path, stub: StubExchange) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose Binance is the stand-in, while the block runs, and a client of it."""
    env = environment(directory / "data", free_port(), **urls(stub))
    server = Process(["-m", "app", "serve"], env, directory / "server.log")
    server.start()
    try:
        await asyncio.to_thread(wait_until_ready, int(env["PORT"]), server)
        url = f"http://127.0.0.1:{env['PORT']}"
        async with httpx.AsyncClient(base_url=url, auth=("admin", PASSWORD), timeout=30) as client:
            yield client
    finally:
        await asyncio.to_thread(server.terminate)


def log_lines(directory: Path) -> list[dict[str, Any]]:
    """What the server has logged so far."""
    lines = (directory / "server.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def wait_until_logged(directory: Path, event: str) -> None:
    """Wait until the server has logged ``event``; the test's time limit ends it."""
    while not any(line.get("event") == event for line in log_lines(directory)):
        time.sleep(_LOOK)


def contents(directory: Path) -> dict[Path, bytes]:
    """All files under ``directory``: databases, write-ahead logs, and what the server said."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.timeout(120)
async def test_keys_that_the_exchange_repeats_go_nowhere(tmp_path: Path) -> None:
    """Refusals, unknown outcomes, cancels, queries and balances with the keys in them: the server works as it should, and no
    answer, no log line and no file has a key or a part of one.
    """
    said: list[httpx.Response] = []
    async with running_stub() as stub, serving(tmp_path, stub) as client:

        async def ask(method: str, path: str, status: int, **options: Any) -> Any:
            said.append(await client.request(method, path, **options))
            assert said[-1].status_code == status, said[-1].text
            return said[-1].json()

        stub.script("GET", "/api/v3/openOrders", BAD_KEY)
        await ask("POST", "/accounts/add-credential/master_account/binance", 201, json=CREDENTIALS)

        stub.script("POST", ORDER, REFUSAL)
        refused = await ask("POST", "/trading/orders", 400, json=WANTED)
        assert refused["detail"].startswith("Account *** ...")
        stub.script("POST", ORDER, BAD_KEY)
        await ask("POST", "/trading/orders", 502, json=WANTED)
        stub.script("POST", ORDER, order("EXPIRED", expiryReason=API_KEY))
        expired = await ask("POST", "/trading/orders", 201, json=WANTED)
        stub.script("POST", ORDER, PAGE)
        stub.script("GET", ORDER, PAGE, BAD_KEY)
        unknown = await ask("POST", "/trading/orders", 202, json=WANTED)

        stub.script("POST", ORDER, order("NEW"))
        resting = await ask("POST", "/trading/orders", 201, json=WANTED)
        cancel = f"/trading/master_account/binance/orders/{resting['order_id']}/cancel"
        stub.script("DELETE", ORDER, REFUSAL, PAGE)
        assert (await ask("POST", cancel, 400))["detail"].startswith("Account *** ...")
        await ask("POST", cancel, 202)
        stub.script("DELETE", ORDER, NO_CANCEL)
        stub.script("GET", ORDER, BAD_KEY)
        await ask("POST", cancel, 502)

        stub.script(*ACCOUNT, BAD_KEY)
        state = await ask("POST", "/portfolio/state", 200, json={"refresh": True})
        stub.script(*ACCOUNT, PAGE)
        await ask("POST", "/portfolio/state", 200, json={"refresh": True})
        await ask("POST", "/accounts/add-credential/master_account/binance", 502, json=CREDENTIALS)
        for event in ("order not settled yet", "not reconciled"):
            await asyncio.to_thread(wait_until_logged, tmp_path, event)
        for placed in (refused, expired, unknown, resting):
            await ask("GET", f"/trading/orders/{placed['order_id']}", 200)
        await ask("POST", "/trading/orders/search", 200, json={})
        await ask("GET", "/health/ready", 200)
        said.append(await client.get("/metrics"))

    assert "***" in json.dumps(state)
    answers = "\n".join(f"{answer.headers} {answer.text}" for answer in said)
    files = contents(tmp_path)
    assert any(path.suffix == ".db" for path in files)
    assert any("***" in line.get("text", "") for line in log_lines(tmp_path))
    for canary in CANARIES:
        assert canary not in answers
        assert [path for path, content in files.items() if canary.encode() in content] == []
