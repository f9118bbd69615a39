"""The outermost layers and the problem documents."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import structlog
from connexion.exceptions import BadRequestProblem, NonConformingResponse
from httpx import AsyncClient
from starlette.exceptions import HTTPException

from app.clock import SystemClock
from app.domain.errors import (
    BodyTooLarge,
    InvalidClientOrderId,
    MethodNotAllowed,
    NotAuthenticated,
    OrdergateError,
    OrderRefused,
    SchemaViolation,
    ShuttingDown,
)
from app.metrics import Metrics
from app.web.application import create_app
from app.web.edge import Edge
from app.web.errors import ClientGone
from app.web.messages import CONNECTION
from app.web.problems import is_answer, problem_for
from tests.web.conftest import EdgeGateway, EdgeSettings, client_of
from tests.web.samples.contract import small_contract


def document_of(error: Exception) -> tuple[dict[str, Any], dict[bytes, bytes]]:
    problem = problem_for(error, "r1", "/p")
    document = json.loads(problem.body)
    assert document["status"] == problem.status
    assert document["type"] == "about:blank"
    assert document["request_id"] == "r1"
    headers = dict(problem.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(problem.body)).encode()
    return document, headers


def test_an_error_of_the_tree_says_what_it_carries() -> None:
    """Status, code, title, text, advice and the order's id."""
    error = OrderRefused("no funds ü")
    error.order_id = "og1"
    document, _ = document_of(error)
    assert document == {
        "type": "about:blank",
        "title": "The exchange refused the order",
        "status": 400,
        "detail": "no funds ü",
        "code": "order_refused",
        "retryable": False,
        "request_id": "r1",
        "order_id": "og1",
    }


@pytest.mark.parametrize(("milliseconds", "seconds"), [(0, b"0"), (1, b"1"), (1000, b"1"), (1001, b"2"), (-5, b"0")])
def test_retry_after_is_whole_seconds_rounded_up(milliseconds: int, seconds: bytes) -> None:
    """Coming back too early would only be refused again."""
    document, headers = document_of(ShuttingDown("bye", retry_after=timedelta(milliseconds=milliseconds)))
    assert headers[b"retry-after"] == seconds
    assert document["retryable"] is True


def test_headers_that_belong_to_an_error() -> None:
    """401 says how to authenticate, 405 what is allowed, 413 ends the connection."""
    assert document_of(NotAuthenticated("no"))[1][b"www-authenticate"] == b'Basic realm="ordergate"'
    assert document_of(MethodNotAllowed({"POST", "GET"}, "PUT", "/"))[1][b"allow"] == b"GET, POST"
    assert document_of(BodyTooLarge(5))[1][b"connection"] == b"close"


def test_a_schema_violation_lists_its_faults() -> None:
    """``detail`` is the list."""
    fault = {"type": "missing", "loc": ["body", "a"], "msg": "Field required", "input": None}
    assert document_of(SchemaViolation([fault]))[0]["detail"] == [fault]


def test_a_client_order_id_that_the_exchange_refuses_is_a_schema_violation() -> None:
    """It is named with the field and the rule, in the form in which the schema's own refusals come."""
    document, _ = document_of(InvalidClientOrderId("abc", "lighter", "[1-9][0-9]{0,18}"))
    assert document["detail"] == [
        {
            "type": "string_pattern_mismatch",
            "loc": ["body", "client_order_id"],
            "msg": "String should match pattern '[1-9][0-9]{0,18}' on lighter",
            "input": "abc",
            "ctx": {"pattern": "[1-9][0-9]{0,18}"},
        }
    ]
    assert (document["status"], document["code"], document["title"], document["retryable"]) == (
        422,
        "schema_violation",
        "The request breaks the schema",
        False,
    )


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (HTTPException(418, "short"), 418, "short"),
        (HTTPException(499), 499, "Error"),
        (HTTPException(405, headers={"Allow": "GET"}), 405, "Method Not Allowed"),
        (BadRequestProblem("'canary' is too long"), 400, "The request breaks the schema"),
        (HTTPException(401, "no"), 401, "no"),
    ],
)
def test_what_the_framework_refuses_has_the_same_shape(error: HTTPException, status: int, detail: str) -> None:
    """Connexion's quoting of values is left out."""
    error.detail = error.detail or ""
    document, headers = document_of(error)
    assert (document["status"], document["detail"]) == (status, detail)
    assert (b"www-authenticate" in headers) == (status == 401)


@pytest.mark.parametrize(
    "error", [RuntimeError("canary"), NonConformingResponse("canary"), HTTPException(500, "canary")]
)
def test_a_fault_of_ours_says_nothing(error: Exception) -> None:
    """No text of an exception that nobody wrote for a caller gets out."""
    document, _ = document_of(error)
    assert (document["status"], document["code"]) == (500, "internal")
    assert "canary" not in json.dumps(document)
    assert not is_answer(error)


def test_an_unclassified_error_of_the_tree_is_a_fault() -> None:
    """The root of the tree is no answer, its branches are."""
    assert not is_answer(OrdergateError("x"))
    assert is_answer(ShuttingDown("x"))
    assert is_answer(HTTPException(404))


async def test_request_ids_are_taken_or_made(client: AsyncClient) -> None:
    """A plain word is taken over, anything else replaced; refusals name it too."""
    answer = await client.get("/", headers={"X-Request-Id": "a.B-1_"})
    assert answer.headers["x-request-id"] == "a.B-1_"
    made = set()
    for given in ("", "a b", "ä", "x" * 65, "a\tb"):
        answer = await client.get("/nothing", headers={"X-Request-Id": given.encode()})
        made.add(answer.headers["x-request-id"])
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert len(made) == 5
    assert all(len(word) == 16 for word in made)


async def test_every_answer_forbids_sniffing_and_keeping(client: AsyncClient) -> None:
    """Successes, refusals and pages alike."""
    for path in ("/", "/nothing", "/docs", "/reports/1"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        # The page of the documentation says nothing of anybody's orders; it is asked about again.
        assert headers["cache-control"] == ("no-cache" if path == "/docs" else "no-store")


@pytest.mark.parametrize(("method", "path"), [("GET", "/fail/unexpected"), ("POST", "/reports/crash")])
async def test_a_fault_is_logged_once_and_not_shown(client: AsyncClient, method: str, path: str) -> None:
    """The log has the reason and the request's id, the caller only the id."""
    with structlog.testing.capture_logs() as logs:
        answer = await client.request(method, path)
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    (line,) = logs
    assert (line["event"], line["request_id"], line["path"]) == ("request_failed", answer.json()["request_id"], path)
    assert "canary" in str(line["exc_info"])


async def test_answers_are_not_logged(client: AsyncClient) -> None:
    """A refusal is no fault."""
    with structlog.testing.capture_logs() as logs:
        for path in ("/fail/refused", "/fail/later", "/nothing", "/orders/o1?wait=x"):
            assert (await client.get(path)).status_code >= 400
    assert logs == []


async def test_unauthenticated_callers_get_the_known_words(stranger: AsyncClient) -> None:
    """Nothing given and something wrong have different texts and the same challenge; the body is not looked at."""
    answer = await stranger.post("/orders", content=b"{")
    assert (answer.status_code, answer.json()["detail"]) == (401, "Not authenticated")
    for value in (
        "Basic",
        "Bearer x",
        "Basic %%%",
        "Basic " + base64.b64encode(b"admin").decode(),
        "Basic YWRtaW46bm8=",
    ):
        answer = await stranger.post("/orders", content=b"{", headers={"Authorization": value})
        assert (answer.status_code, answer.json()["detail"]) == (401, "Incorrect username or password")
        assert answer.headers["www-authenticate"] == 'Basic realm="ordergate"'


async def _through_edge(inner: Any, **more: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await Edge(inner, metrics=Metrics(), clock=SystemClock())(
        {"type": "http", "method": "GET", "path": "/", "headers": [], **more}, receive, send
    )
    return sent


async def test_the_connection_is_told_how_it_was_answered() -> None:
    """Refusals, too: by them it knows whose requests can wait."""

    class Told:
        """A connection."""

        def __init__(self) -> None:
            self.statuses: list[int] = []

        def answered(self, status: int) -> None:
            self.statuses.append(status)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise NotAuthenticated("no")

    told = Told()
    await _through_edge(inner, **{CONNECTION: told})
    assert told.statuses == [401]


async def test_a_caller_that_has_gone_gets_no_answer_and_no_log() -> None:
    """There is nobody to tell and nothing was done."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise ClientGone

    with structlog.testing.capture_logs() as logs:
        assert await _through_edge(inner) == []
    assert logs == []


async def test_a_fault_after_the_first_byte_escapes() -> None:
    """A second answer inside the first would be worse; the server closes the connection."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    with structlog.testing.capture_logs() as logs, pytest.raises(RuntimeError, match="late"):
        await _through_edge(inner)
    assert [line["event"] for line in logs] == ["request_failed"]


# -- web pages of other origins: who may read answers ------------------------------------------------------------------


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
