"""The layer before Connexion: pages and WebSockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from httpx import AsyncClient
from starlette.types import Receive, Scope, Send

from app.web.application import create_app
from app.web.edge import SocketRoute
from app.web.messages import CALLING
from tests.web.conftest import PASSWORD, EdgeGateway, basic, client_of
from tests.web.samples.contract import small_contract


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": CALLING.get().caller.name})


@pytest.fixture(scope="module")
def streaming() -> Any:
    sockets = [SocketRoute(path="/ws/orders", endpoint=echo)]
    return create_app(EdgeGateway(), spec=small_contract(), handlers="tests.web.samples", sockets=sockets)


async def opened(
    app: Any, path: str, query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None, *offered: str
) -> list[Any]:
    """Everything that the server sends when a WebSocket is opened."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query,
        "headers": headers or [],
        "subprotocols": offered,
    }
    await app(scope, receive, send)
    return sent


async def test_a_page_is_only_read(stranger: AsyncClient) -> None:
    """Any other method is refused with those that there are."""
    answer = await stranger.post("/docs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_stream_asks_for_credentials(stranger: AsyncClient, client: AsyncClient) -> None:
    """A stream is an operation of the contract like any other."""
    assert (await stranger.head("/orders/stream")).status_code == 401
    assert (await client.head("/orders/stream")).status_code == 200


async def test_a_websocket_with_credentials_reaches_its_endpoint(streaming: Any) -> None:
    """By header, token, or name and password."""
    value = basic("admin", PASSWORD)
    token = value.removeprefix("Basic ")
    for query, headers in (
        (b"", [(b"authorization", value.encode())]),
        (b"token=" + token.encode(), []),
        (b"username=admin&password=p%C3%A4:ss%20word", []),
    ):
        assert await opened(streaming, "/ws/orders", query, headers) == [
            {"type": "websocket.accept"},
            {"type": "websocket.send", "text": "admin"},
        ]


async def test_a_page_offers_credentials_as_a_subprotocol(streaming: Any) -> None:
    """Its name is accepted, also where they are wrong: a browser would not let the page read why."""
    token = basic("admin", PASSWORD).removeprefix("Basic ").rstrip("=")
    is_accepted = {"type": "websocket.accept", "subprotocol": "hummingbot-auth"}
    right = await opened(streaming, "/ws/orders", b"", [], "hummingbot-auth", token)
    assert right == [is_accepted, {"type": "websocket.send", "text": "admin"}]
    wrong = await opened(streaming, "/ws/orders", b"", [], "hummingbot-auth", "bm8")
    assert (wrong[0], wrong[-1]["code"]) == (is_accepted, 4001)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_the_path_of_a_websocket_wants_an_upgrade(method: str) -> None:
    """And says so, with the protocol to upgrade to, whatever the method and whoever asks."""
    sockets = [SocketRoute(path="/ws/orders", endpoint=echo)]
    app = create_app(EdgeGateway(), spec=small_contract(), handlers="tests.web.samples", sockets=sockets)
    async with client_of(app) as stranger:
        answer = await stranger.request(method, "/ws/orders")
        assert (answer.status_code, answer.headers["upgrade"], answer.headers["connection"]) == (
            426,
            "websocket",
            "upgrade",
        )
        assert method == "HEAD" or answer.json()["code"] == "upgrade_required"
        assert (await stranger.get("/ws/none")).status_code == 404


@pytest.mark.parametrize("query", [b"", b"token=bm8=", b"username=admin&password=no"])
async def test_a_websocket_without_is_told_so_and_closed(streaming: Any, query: bytes) -> None:
    """Existing clients read the reason from a message before the close."""
    accept, message, close = await opened(streaming, "/ws/orders", query)
    assert accept == {"type": "websocket.accept"}
    assert message["text"] == '{"type":"error","message":"Authentication failed"}'
    assert close == {"type": "websocket.close", "code": 4001}


async def test_a_websocket_says_that_the_password_is_not_enough() -> None:
    """Of a user who signs in with a code, wherever the password stands: what to do instead."""
    sockets = [SocketRoute(path="/ws/orders", endpoint=echo)]
    gateway = EdgeGateway(with_codes={"admin"})
    app = create_app(gateway, spec=small_contract(), handlers="tests.web.samples", sockets=sockets)
    query = urlencode({"username": "admin", "password": PASSWORD}).encode()
    for given in ({"query": query}, {"headers": [(b"authorization", basic("admin", PASSWORD).encode())]}):
        _, message, close = await opened(app, "/ws/orders", **given)
        assert "Authentication failed: This user signs in with a code" in message["text"]
        assert "API key" in message["text"]
        assert close == {"type": "websocket.close", "code": 4001}


async def test_an_unknown_websocket_is_closed_before_it_opens(streaming: Any) -> None:
    """The server makes 403 of it."""
    assert await opened(streaming, "/ws/none") == [{"type": "websocket.close", "code": 1008}]


async def test_the_pages_are_open_and_come_from_here(stranger: AsyncClient) -> None:
    """Swagger UI loads only our own files, and asks nobody to validate the contract."""
    page = await stranger.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-32x32.png"):
        assert f'"docs/{part}"' in page.text
        assert (await stranger.get(f"/docs/{part}")).status_code == 200
    script = await stranger.get("/docs/start.js")
    assert "validatorUrl: null" in script.text
    assert (await stranger.get("/docs/index.html")).status_code == 404
    assert (await stranger.post("/docs")).status_code == 405
    elsewhere = await stranger.get("/redoc")
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (307, "docs")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "led"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("application/json;q=0.5, text/html", True),
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0", False),
        ("nonsense", False),
    ],
)
async def test_the_root_leads_a_browser_to_the_pages(stranger: AsyncClient, accept: str | None, led: bool) -> None:
    """Who asks for HTML is led to ``/docs``, relative to any prefix; a program reads there what is running, as ever."""
    headers = {} if accept is None else {"Accept": accept}
    answer = await stranger.get("/", headers=headers)
    assert (answer.status_code, answer.headers.get("location")) == ((307, "docs") if led else (200, None))


async def test_the_contract_is_served_as_it_was_written(stranger: AsyncClient) -> None:
    """References are kept, and the credentials asked for are the contract's. Its operations are below where it was read from."""
    answer = await stranger.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {**small_contract(), "servers": [{"url": "./"}]}
