"""Web pages of other origins: who may read answers, and that nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from app.web.application import create_app
from tests.web.conftest import EdgeGateway, EdgeSettings, client_of
from tests.web.small_contract import small_contract

PAGE = "http://localhost:3000"
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, idempotency-key"}


@pytest.fixture(scope="module")
def public_app() -> Any:
    """An application for the pages of two origins."""
    settings = EdgeSettings(cors_origins=("https://desk.example", "http://10.0.0.5:8080"))
    return create_app(EdgeGateway(settings=settings), spec=small_contract(), handlers="tests.web.samples")


async def test_a_preflight_is_answered_before_credentials(stranger: AsyncClient) -> None:
    """A browser asks without credentials whether it may send them, and learns which methods and headers it may use."""
    answer = await stranger.options("/orders", headers={"Origin": PAGE, **ASK})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type", "idempotency-key"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [PAGE, "https://127.0.0.1", "http://[::1]:5173", "http://localhost"])
async def test_pages_of_this_host_may_read_answers_and_errors(stranger: AsyncClient, origin: str) -> None:
    """Without a setting, pages served from this host see the answer and the headers that matter, on a 401 too."""
    answer = await stranger.get("/orders/active", headers={"Origin": origin})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == origin
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"Idempotent-Replayed", "Retry-After", "Server-Timing", "X-Request-Id"} <= exposed


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "http://evil.example/localhost", "null"]
)
async def test_other_pages_may_not(stranger: AsyncClient, origin: str) -> None:
    """A page from elsewhere gets no leave: its browser hides the answer and never sends what needs a preflight."""
    refused = await stranger.options("/orders", headers={"Origin": origin, **ASK})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in (await stranger.get("/", headers={"Origin": origin})).headers


async def test_a_request_without_origin_is_left_alone(client: AsyncClient) -> None:
    """Programs other than browsers see no header of this."""
    answer = await client.get("/orders/active")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "vary"]


async def test_named_origins_replace_the_default(public_app: Any) -> None:
    """With a setting, its origins are allowed and pages of this host no longer."""
    async with client_of(public_app) as client:
        for origin, allowed in (("https://desk.example", True), ("http://10.0.0.5:8080", True), (PAGE, False)):
            answer = await client.options("/orders", headers={"Origin": origin, **ASK})
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
