"""Which web pages may change and stream: a browser adds the credentials that it remembers to whatever any page sends."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from app.web.application import create_app
from app.web.edge import SocketRoute
from tests.web.conftest import PASSWORD, EdgeGateway, EdgeSettings, basic, client_of
from tests.web.samples.contract import small_contract
from tests.web.test_front_router import echo, opened

EVIL = "https://evil.example"
LOCAL = "http://localhost:3000"
DESK = "https://desk.example"
ORDER = b'{"account_name": "a", "amount": 1}'
CANCEL = "/accounts/a/orders/1/cancel"
JSON = {"Content-Type": "application/json"}
#: What Chromium sends with a form, and with a fetch, of another site.
FORM = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
OPENED = [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "admin"}]
#: Before the handshake, so that the server answers 403: a challenge would let the browser ask its user for the password.
CLOSED = [{"type": "websocket.close", "code": 1008}]


def application(*origins: str) -> Any:
    settings = EdgeSettings(cors_origins=origins)
    sockets = [SocketRoute(path="/ws/orders", endpoint=echo)]
    return create_app(
        EdgeGateway(settings=settings), spec=small_contract(), handlers="tests.web.samples", sockets=sockets
    )


@pytest.fixture(scope="module")
def default() -> Any:
    return application()


@pytest.fixture(scope="module")
def named() -> Any:
    """An application whose operator has named an origin."""
    return application(DESK)


async def post(app: Any, path: str, headers: dict[str, str], content: bytes = b"") -> tuple[int, str | None]:
    async with client_of(app, Authorization=basic("admin", PASSWORD)) as client:
        answer = await client.post(path, content=content, headers=headers)
    return answer.status_code, answer.json().get("code") if answer.status_code >= 400 else None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL, **FORM},
        {"Origin": EVIL},
        {"Origin": "null", **FORM},
        {"Origin": "null"},
        {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", **FETCH},
        {"Origin": "http://test:9000", "Sec-Fetch-Site": "same-site", **FETCH},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://test.evil.example"},
        {"Origin": "http://test", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_foreign_page_changes_nothing(default: Any, headers: dict[str, str]) -> None:
    """Neither with a form, nor with a fetch, whatever it says that the body is; with a body and without."""
    assert await post(default, CANCEL, headers) == (403, "foreign_origin")
    assert await post(default, "/orders", {**headers, **JSON}, ORDER) == (403, "foreign_origin")


async def test_a_foreign_page_is_refused_before_anybody_is_asked_for_credentials(default: Any) -> None:
    """A challenge would make the browser ask its user."""
    async with client_of(default) as stranger:
        answer = await stranger.post(CANCEL, headers={"Origin": EVIL})
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers
    assert "ORDERGATE_CORS_ORIGINS" in answer.json()["detail"]


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
async def test_a_page_of_another_local_port_can_not_borrow_the_browsers_session(default: Any, site: str) -> None:
    """Without a setting such a page may call. It has to send what a browser asks the gateway about first, and then the browser adds
    no credentials by itself. A Blob without a type and a POST without a body are sent without asking.
    """
    simple = {"Origin": LOCAL, "Sec-Fetch-Site": site, **FETCH}
    assert await post(default, CANCEL, simple) == (403, "foreign_origin")
    assert await post(default, "/orders", simple, ORDER) == (403, "foreign_origin")
    assert await post(default, "/orders", {**simple, "Content-Type": "text/plain"}, ORDER) == (403, "foreign_origin")
    assert await post(default, CANCEL, {**simple, "Last-Event-ID": "1"}) == (403, "foreign_origin")
    assert (await post(default, "/orders", {**simple, **JSON}, ORDER))[0] == 201
    assert (await post(default, CANCEL, {**simple, **JSON}))[0] == 200
    assert (await post(default, CANCEL, {**simple, "X-Request-Id": "r1"}))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://test"},
        {"Origin": "https://test"},
        {"Origin": "https://gateway.example", "Sec-Fetch-Site": "same-origin", **FETCH},
        {**FORM, "Sec-Fetch-Site": "none"},
    ],
)
async def test_programs_and_own_pages_go_on(default: Any, headers: dict[str, str]) -> None:
    """A program sends none of these headers. A page of ours is known by its host, or behind a proxy by its browser's word."""
    assert (await post(default, CANCEL, headers))[0] == 200
    assert (await post(default, "/orders", {**headers, **JSON}, ORDER))[0] == 201


async def test_a_named_origin_may_do_everything(named: Any) -> None:
    """The operator trusts it; pages of this host are foreign then."""
    desk = {"Origin": DESK, "Sec-Fetch-Site": "cross-site", **FETCH}
    assert (await post(named, CANCEL, desk))[0] == 200
    assert (await post(named, "/orders", {**desk, **JSON}, ORDER))[0] == 201
    assert await post(named, CANCEL, {"Origin": LOCAL, **JSON}) == (403, "foreign_origin")


async def test_any_origin_is_not_every_session() -> None:
    """``*`` lets any page call with credentials of its own, never with those that a browser adds."""
    app = application("*")
    assert await post(app, CANCEL, {"Origin": EVIL, **FORM}) == (403, "foreign_origin")
    assert (await post(app, CANCEL, {"Origin": EVIL, **JSON}))[0] == 200


async def test_reading_is_left_to_the_browser(default: Any) -> None:
    """It shows an answer to no page that may not read it. Streams are not even opened for one."""
    async with client_of(default, Authorization=basic("admin", PASSWORD)) as client:
        assert (await client.get("/orders/active", headers={"Origin": EVIL})).status_code == 200
        for method in ("GET", "HEAD"):
            assert (await client.request(method, "/orders/stream", headers={"Origin": EVIL})).status_code == 403
        assert (await client.head("/orders/stream", headers={"Origin": LOCAL})).status_code == 200
        assert (await client.head("/orders/stream")).status_code == 200


def socket_headers(origin: str, *, authorized: bool) -> list[tuple[bytes, bytes]]:
    headers = [(b"host", b"test"), (b"origin", origin.encode())]
    return [*headers, (b"authorization", basic("admin", PASSWORD).encode())] if authorized else headers


async def test_a_socket_of_a_foreign_page_stays_closed(default: Any, named: Any) -> None:
    """Whether its browser added credentials or the page did."""
    token = b"token=" + basic("admin", PASSWORD).removeprefix("Basic ").encode()
    for app, origin in ((default, EVIL), (default, "null"), (named, LOCAL), (named, EVIL)):
        assert await opened(app, "/ws/orders", b"", socket_headers(origin, authorized=True)) == CLOSED
        assert await opened(app, "/ws/orders", token, socket_headers(origin, authorized=False)) == CLOSED


async def test_a_socket_of_a_local_page_takes_only_what_the_page_states(default: Any) -> None:
    """A page can't set the header of a socket, so one that comes with it is the browser's own."""
    token = b"token=" + basic("admin", PASSWORD).removeprefix("Basic ").encode()
    assert await opened(default, "/ws/orders", token, socket_headers(LOCAL, authorized=False)) == OPENED
    assert await opened(default, "/ws/orders", token, socket_headers(LOCAL, authorized=True)) == OPENED
    refused = await opened(default, "/ws/orders", b"", socket_headers(LOCAL, authorized=True))
    assert refused[-1] == {"type": "websocket.close", "code": 4001}


async def test_a_socket_of_an_own_or_named_page_opens(default: Any, named: Any) -> None:
    """With the header as well: its page is trusted."""
    for app, origin in ((default, "http://test"), (named, DESK), (named, "http://test")):
        assert await opened(app, "/ws/orders", b"", socket_headers(origin, authorized=True)) == OPENED


# -- what a body must declare ------------------------------------------------------------------------------------------


async def test_a_body_says_that_it_is_json(client: AsyncClient) -> None:
    """What declares nothing may be anything, as a Blob without a type; where there is no body there is nothing to declare."""
    answer = await client.post("/orders", content=ORDER)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]
    assert (await client.post("/orders", content=ORDER, headers={"Content-Type": " "})).status_code == 415
    assert (await client.post("/optional", content=b"")).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "zstd", "GZIP", "identity, gzip"])
@pytest.mark.parametrize("path", ["/orders", "/form"])
async def test_a_packed_body_is_refused_by_its_name(client: AsyncClient, encoding: str, path: str) -> None:
    """It is never unpacked, so no bomb goes off; the answer names what is taken."""
    kind = "application/json" if path == "/orders" else "application/x-www-form-urlencoded"
    answer = await client.post(path, content=b"\x1f\x8b", headers={"Content-Type": kind, "Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")
    assert "identity" in answer.json()["detail"]
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_that_says_that_it_is_not_packed_is_taken(client: AsyncClient) -> None:
    """``identity`` is what every body is."""
    answer = await client.post("/orders", content=ORDER, headers={**JSON, "Content-Encoding": "identity"})
    assert answer.status_code == 201
