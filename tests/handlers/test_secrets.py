"""Credentials stay secret from one end of the server to the other, and survive a change of the key."""

from __future__ import annotations

import asyncio
import base64
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

from tests.chaos.processes import PASSWORD, ROOT, Process, environment, free_port, wait_until_ready
from tests.connectors.http_proxy import HttpProxy
from tests.services.binance_stub import ACCOUNT, API_KEY, API_SECRET, CREDENTIALS, REFUSED, running_stub, urls


@asynccontextmanager
async def serving(env: Mapping[str, str], log: Path) -> AsyncIterator[HummingbotAPIClient]:
    """A server while the block runs, and the official client of it."""
    port = int(env["PORT"])
    server = Process(["-m", "app", "serve"], env, log)
    server.start()
    try:
        await asyncio.to_thread(wait_until_ready, port, server)
        async with HummingbotAPIClient(f"http://127.0.0.1:{port}", "admin", PASSWORD) as client:
            yield client
    finally:
        await asyncio.to_thread(server.terminate)


def rotate(env: Mapping[str, str]) -> str:
    """What ``ordergate vault rotate`` says."""
    command = [sys.executable, "-m", "app", "vault", "rotate"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def everything_in(directory: Path) -> bytes:
    """All that the files under ``directory`` hold: databases, write-ahead logs, and what the server said."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


async def test_keys_are_never_seen_again_and_outlive_the_key_that_sealed_them(tmp_path: Path) -> None:
    """Neither answers, nor the log, nor any file shows a key that was added, refused or sealed anew. A server that ran while the
    key was changed goes on; one that starts with the new key alone opens everything.
    """
    key_file = tmp_path / "data" / "secret.key"
    answers: list[object] = []
    async with running_stub() as stub:
        env = environment(tmp_path / "data", free_port(), ORDERGATE_SECRET_KEY="", **urls(stub))
        async with serving(env, tmp_path / "server.log") as client:
            answers.append(await client.accounts.add_credential("master_account", "binance", CREDENTIALS))
            answers.append(await client.portfolio.get_state(refresh=True))
            good = stub.scripted(*ACCOUNT)
            stub.script(*ACCOUNT, REFUSED)
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await client.accounts.add_credential("master_account", "binance", CREDENTIALS)
            answers += [caught.value.message, caught.value.status]
            stub.script(*ACCOUNT, good)

            held = await client.accounts.list_account_credentials("master_account")
            told = f"Credentials sealed with the new key: {len(held)}.\n"
            assert await asyncio.to_thread(rotate, env) == told
            answers.append(await client.accounts.add_credential("master_account", "paper", {}))
            answers.append(await client.portfolio.get_state(["master_account"], refresh=True))
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        new, old = key_file.read_text().split()
        assert await asyncio.to_thread(rotate, env) == told
        newest, *kept = key_file.read_text().split()
        assert kept == [new, old]

        key_file.write_text(newest + "\n")
        async with serving(env, tmp_path / "server.log") as client:
            state = await client.portfolio.get_state(refresh=True)
            answers.append(state)
            assert [row["token"] for row in state["master_account"]["binance"]] == ["BTC", "USDT"]
        assert stub.asked(*ACCOUNT)[-1].headers["x-mbx-apikey"] == API_KEY

    assert caught.value.status == 400
    assert "Invalid API-key, IP, or permissions for action: ***." in caught.value.message
    seen = repr(answers).encode() + everything_in(tmp_path)
    for canary in (API_KEY, API_SECRET):
        assert canary.encode() not in seen


async def test_a_proxy_s_password_is_never_seen(tmp_path: Path) -> None:
    """A proxy refuses the server's credentials for it: callers and the log hear that it did, and not what they are."""
    password = "CanaryOfTheProxyThatNobodyMaySee"
    encoded = base64.b64encode(f"desk:{password}".encode())
    async with HttpProxy({}, authorization="Basic another") as proxy:
        env = environment(
            tmp_path / "data",
            free_port(),
            HTTPS_PROXY=f"http://desk:{password}@127.0.0.1:{proxy.port}",
            ORDERGATE_BINANCE_REST_URL="https://exchange.test/api",
            ORDERGATE_BINANCE_WS_API_URL="wss://exchange.test/ws",
        )
        async with serving(env, tmp_path / "server.log") as client:
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await client.market_data.get_prices("binance", ["BTC-USDT"])
            with pytest.raises(aiohttp.ClientResponseError):
                await client.accounts.add_credential("master_account", "binance", CREDENTIALS)
    assert "the proxy answered 407" in caught.value.message
    assert set(proxy.asked) == {"CONNECT exchange.test:443 HTTP/1.1"}
    seen = caught.value.message.encode() + everything_in(tmp_path)
    for canary in (password.encode(), encoded):
        assert canary not in seen
