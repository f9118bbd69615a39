"""Behind a proxy that serves us below a path of its own and takes that off again, and mounted below a path by a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.web.application import create_app
from tests.web.conftest import PASSWORD, EdgeGateway
from tests.web.samples.contract import small_contract
from tests.web.serving import serving

PREFIX = "/desk/gateway"


@asynccontextmanager
async def stripping_proxy(upstream: str) -> AsyncIterator[str]:
    """The address of a proxy that passes requests below ``PREFIX`` on to ``upstream``, without the prefix and one a connection."""
    host, _, port = upstream.partition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, version = head.partition("\r\n")[0].split(" ")
            if not target.startswith(f"{PREFIX}/"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            headers = re.sub(r"(?i)\r\nconnection:[^\r]*", "", head.partition("\r\n")[2].join(("\r\n", "")))
            answers, onward = await asyncio.open_connection(host, int(port))
            first = f"{method} {target.removeprefix(PREFIX)} {version}\r\nConnection: close"
            onward.write(f"{first}{headers}".encode("latin-1"))
            writer.write(await answers.read())
            onward.close()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PREFIX}"


@pytest.fixture(params=["stripped", "mounted"])
async def base(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Where the gateway is, from outside."""
    app = create_app(EdgeGateway(), spec=small_contract(), handlers="tests.web.samples")
    if request.param == "mounted":
        async with serving(Starlette(routes=[Mount(PREFIX, app)])) as address:
            yield f"http://{address}{PREFIX}"
        return
    async with serving(app) as address, stripping_proxy(address) as url:
        yield url


async def test_every_link_stays_below_the_prefix(base: str) -> None:
    """The page, all that it loads, the contract, and the address that the contract names for its operations."""
    async with httpx.AsyncClient() as caller:
        elsewhere = await caller.get(f"{base}/redoc")
        assert urljoin(str(elsewhere.url), elsewhere.headers["location"]) == f"{base}/docs"
        page = await caller.get(f"{base}/docs")
        assert page.status_code == 200
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(links) >= 6
        for link in links:
            assert (await caller.get(urljoin(str(page.url), link))).status_code == 200, link
        [contract_link] = re.findall(r'\burl: "([^"]+)"', (await caller.get(f"{base}/docs/start.js")).text)
        contract = await caller.get(urljoin(str(page.url), contract_link))
        [server] = contract.json()["servers"]
        operations = urljoin(str(contract.url), server["url"]).rstrip("/")
        assert operations == base
        answer = await caller.get(f"{operations}/orders/active", auth=("admin", PASSWORD))
        assert answer.status_code != 404


async def test_a_path_may_have_another_spelling(base: str) -> None:
    """It is served as the path itself, without a redirect, and with the same credentials and methods; no other path has one."""
    async with httpx.AsyncClient(auth=("admin", PASSWORD)) as caller:
        answers = [await caller.post(f"{base}/orders/search{end}") for end in ("", "/")]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, answers[0].json())] * 2
        assert (await caller.get(f"{base}/orders/search/")).status_code == 405
        assert (await caller.post(f"{base}/orders/search/", auth=("admin", "no"))).status_code == 401
        elsewhere = await caller.get(f"{base}/orders/active/")
        assert elsewhere.status_code == 307
        assert urljoin(str(elsewhere.url), elsewhere.headers["location"]) == f"{base}/orders/active"
