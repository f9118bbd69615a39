"""The whole edge in process, from request to answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from connexion.exceptions import InvalidSpecification, ResolverError
from httpx import AsyncClient
from starlette.types import Receive, Scope, Send

from app.clock import SystemClock
from app.web.access import authentication
from app.web.access.authentication import Authenticator
from app.web.application import create_app
from app.web.contract.arguments import PreparedValidation, PreparedValidationOperation
from app.web.contract.routing import PreparedRouting
from app.web.contract.security import (
    BasicOperation,
    GuardedOperation,
    OpenOperation,
    PreparedSecurity,
    SessionOperation,
)
from app.web.errors import StartupRefused
from openapi import load_spec
from tests.web.conftest import PASSWORD, EdgeGateway, EdgeSettings, basic
from tests.web.samples.contract import one_operation, small_contract

SAMPLES = "tests.web.samples"


async def test_an_order_reaches_its_handler_as_exact_checked_arguments(client: AsyncClient) -> None:
    """Decimals are exact in either spelling, defaults filled in at every depth, unknown fields left alone."""
    body = (
        b'{"account_name":"a","amount":0.1000000000000000055511151231257827,"price":"19.90","unknown":{"x":[1.5]},'
        b'"legs":[{"amount":"1e-8"}]}'
    )
    answer = await client.post(
        "/orders", content=body, headers={"Idempotency-Key": "k1", "Content-Type": "application/json"}
    )
    assert answer.status_code == 201
    assert answer.headers["idempotent-replayed"] == "true"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["key"] == "k1"
    assert answer.json()["got"] == {
        "account_name": "str:a",
        "amount": "Decimal:0.1000000000000000055511151231257827",
        "price": "Decimal:19.90",
        "side": "str:BUY",
        "post_only": "bool:False",
        "unknown": {"x": ["Decimal:1.5"]},
        "legs": [{"amount": "Decimal:1E-8", "side": "str:SELL"}],
    }


async def test_answers_hold_exact_numbers_without_an_exponent(client: AsyncClient) -> None:
    """A Decimal becomes a JSON number as it is, a datetime ISO 8601."""
    answer = await client.get("/numbers")
    assert answer.text == (
        '{"tiny":0.00000001,"huge":1000000000000000000000,"plain":0.10,"at":"2026-11-22T09:30:00Z","text":"ONE-WAY ü"}'
    )


async def test_async_handlers_run_on_the_loop_and_the_others_in_threads(client: AsyncClient) -> None:
    """A handler's ``async`` decides where it runs."""
    assert (await client.get("/orders/active")).json()["thread"] == "MainThread"
    assert (await client.post("/reports/search", json={})).json()["thread"].startswith("flask")


async def test_path_and_query_parameters_are_typed(client: AsyncClient) -> None:
    """Integers, numbers, booleans and lists arrive as such; what is absent keeps the contract's or the handler's default."""
    assert (await client.post("/accounts/x%20y/orders/+7/cancel")).json() == {"account_name": "x y", "number": "int:7"}
    assert (await client.get("/orders/o1")).json() == {"order_id": "o1", "wait": "float:0.0", "verbose": None}
    answer = await client.get("/orders/o1?wait=1.5&verbose=TRUE")
    assert answer.json() == {"order_id": "o1", "wait": "float:1.5", "verbose": True}
    answer = await client.get("/connectors/c/pairs?trading_pairs=A-B,C-D&trading_pairs=E-F&limits=1,2")
    assert answer.json() == {"connector_name": "c", "trading_pairs": ["A-B", "C-D", "E-F"], "limits": [1, 2]}
    assert (await client.get("/reports/12")).json() == {"number": 12}


async def test_a_static_path_wins_over_a_template(client: AsyncClient) -> None:
    """``/orders/active`` is not the order named active."""
    assert "active" in (await client.get("/orders/active")).json()
    assert (await client.get("/orders/activer")).json()["order_id"] == "activer"


async def test_an_answer_without_an_end_is_streamed(app: Any) -> None:
    """Chunks are sent one by one; HEAD gets only the beginning, and does not wait."""
    scope = {
        "type": "http",
        "path": "/orders/stream",
        "headers": [(b"authorization", basic("admin", PASSWORD).encode())],
    }
    for method, chunks in (("GET", [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n", b""]), ("HEAD", [b""])):
        sent: list[Any] = []
        gone = asyncio.Event()

        async def receive(gone: asyncio.Event = gone) -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        await app({**scope, "method": method}, receive, send)
        start, *bodies = sent
        assert (b"content-type", b"text/event-stream") in start["headers"]
        assert [message["body"] for message in bodies] == chunks


async def test_head_answers_as_get_without_a_body(client: AsyncClient) -> None:
    """HEAD has GET's headers and nothing more."""
    answer = await client.head("/orders/active")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


async def test_unknown_paths_and_methods(stranger: AsyncClient) -> None:
    """404 in the words that callers know, and 307 for a stray slash; 405 says what the path has. Neither asks for credentials."""
    for path in (
        "/nothing",
        "/accounts/a/orders/x/cancel",
        "/accounts//orders/1/cancel",
        "/ui",
        "/orders/a/b",
    ):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["detail"], answer.json()["code"]) == (404, "Not Found", "not_found")
    answer = await stranger.get("/orders/?a=b")
    assert (answer.status_code, answer.headers["location"]) == (307, "../orders?a=b")
    answer = await stranger.get("http://test//evil.example/")
    assert answer.status_code == 404
    answer = await stranger.delete("/orders/o1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["code"] == "method_not_allowed"
    assert (await stranger.get("/orders")).headers["allow"] == "POST"


async def test_operations_without_a_body_ignore_whatever_is_sent(client: AsyncClient) -> None:
    """Existing callers send an octet-stream type, or nonsense, with calls that take no body."""
    headers = {"Content-Type": "application/octet-stream"}
    answer = await client.post("/accounts/a/orders/1/cancel", content=b"\xff" * 50_000, headers=headers)
    assert answer.status_code == 200


async def test_an_optional_body_may_be_absent(client: AsyncClient) -> None:
    """An absent optional body is the contract's default, with defaults filled in, and fresh each time."""
    for _ in range(2):
        assert (await client.post("/optional")).json() == {"got": {"limit": "int:100"}}
    assert (await client.post("/optional", json={"limit": 3})).json() == {"got": {"limit": "int:3"}}


async def test_what_the_prepared_path_does_not_know_is_served_by_connexion(client: AsyncClient) -> None:
    """A form goes through Connexion's own validation and Flask, within the same limit of size and without quoting values."""
    answer = await client.post("/form", data={"name": "hello"})
    assert answer.json() == {"name": "hello"}
    assert (await client.post("/form", data={"name": "x" * 30_000})).status_code == 413
    answer = await client.post("/form", data={"name": "secret-canary"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The request breaks the schema")
    answer = await client.post("/form", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_optional_credentials_go_through_connexions_own_logic(client: AsyncClient, stranger: AsyncClient) -> None:
    """An operation whose contract makes credentials optional serves both; its thread sees the request's context."""
    for caller in (client, stranger):
        answer = await caller.get("/reports/whoami", headers={"X-Request-Id": "mine.1"})
        assert answer.json() == {"request_id": "mine.1"}


async def test_lifespan_starts_and_stops_the_gateway() -> None:
    """The gateway is started before the first request and stopped when the server stops."""
    gateway = EdgeGateway()
    app = create_app(gateway, spec=small_contract(), handlers=SAMPLES)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return next(messages)

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])
        sent.extend(gateway.calls)

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "start", "lifespan.shutdown.complete", "start", "stop"]


async def test_a_password_of_the_environment_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway has just hashed it, so the first request need not wait for a verification."""
    gateway = EdgeGateway(settings=EdgeSettings(password=PASSWORD))
    authenticator = Authenticator(gateway.password_hash, SystemClock())
    app = create_app(gateway, spec=small_contract(), handlers=SAMPLES, authenticator=authenticator)
    monkeypatch.setattr(authentication, "_HASHER", None)

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"} if "start" not in gateway.calls else {"type": "lifespan.shutdown"}

    async def send(message: dict[str, str]) -> None:
        if message["type"] == "lifespan.startup.complete":
            assert await authenticator.authenticate(basic("admin", PASSWORD).encode()) == "admin"
        else:
            assert message["type"] == "lifespan.shutdown.complete"

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert gateway.calls[-1] == "stop"


@pytest.mark.parametrize(
    ("operation_id", "reason"),
    [("orders.missing", "names no function"), ("nowhere.place", "names no module"), ("place", "module.function")],
)
def test_an_operation_without_a_handler_stops_the_start(operation_id: str, reason: str) -> None:
    """Nobody should find out from a 500 that a handler is missing."""
    with pytest.raises(ResolverError, match=reason):
        create_app(EdgeGateway(), spec=one_operation(operation_id), handlers=SAMPLES)


def test_an_async_handler_that_needs_connexions_own_code_stops_the_start() -> None:
    """It would run on another loop than the connections it uses."""
    body = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    with pytest.raises(StartupRefused, match=r"orders.optional.*event loop"):
        create_app(EdgeGateway(), spec=one_operation("orders.optional", requestBody=body), handlers=SAMPLES)


@pytest.mark.parametrize("operation_id", ["orders.optional", "orders.fail"])
def test_a_handler_whose_signature_does_not_fit_stops_the_start(operation_id: str) -> None:
    """A handler that needs what the contract does not have is found at once."""
    with pytest.raises(StartupRefused, match=f"{operation_id}' needs"):
        create_app(EdgeGateway(), spec=one_operation(operation_id), handlers=SAMPLES)


def test_a_handler_that_does_not_take_the_body_stops_the_start() -> None:
    """A body that nobody looks at is a mistake of the contract or of the handler."""
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    with pytest.raises(StartupRefused, match="does not take 'body'"):
        create_app(EdgeGateway(), spec=one_operation("orders.root", requestBody=body), handlers=SAMPLES)


def test_a_contract_that_is_no_openapi_stops_the_start() -> None:
    """Connexion checks the contract itself."""
    with pytest.raises(InvalidSpecification):
        create_app(EdgeGateway(), spec={"openapi": "3.1.0"}, handlers=SAMPLES)


def test_the_real_contract_is_compiled_completely() -> None:
    """Every operation of the real contract has a handler and a prepared form."""
    layers = create_app(EdgeGateway(), spec=load_spec()).middleware.middleware_stack
    (routing,) = [layer for layer in layers if isinstance(layer, PreparedRouting)]
    (security,) = [layer for layer in layers if isinstance(layer, PreparedSecurity)]
    (validation,) = [layer for layer in layers if isinstance(layer, PreparedValidation)]
    assert routing.is_complete
    secured = (OpenOperation, SessionOperation, BasicOperation)
    for layer, prepared in ((security, secured), (validation, PreparedValidationOperation)):
        operations = [
            operation.operation if isinstance(operation, GuardedOperation) else operation
            for apis in layer.apis.values()
            for api in apis
            for operation in api.operations.values()
        ]
        assert operations
        assert all(isinstance(operation, prepared) for operation in operations)


async def test_a_template_that_only_connexion_knows_is_still_routed() -> None:
    """A path parameter that spans segments is found by Connexion's router and read by the prepared path."""
    parameters = [{"name": "kind", "in": "path", "required": True, "schema": {"type": "string", "format": "path"}}]
    spec = one_operation("orders.fail", "/files/{kind}", "get", parameters=parameters)
    app = create_app(EdgeGateway(), spec=spec, handlers=SAMPLES)
    statuses = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    for path, method in (("/files/later", "GET"), ("/files/a/b", "GET"), ("/other", "GET"), ("/files/later", "PUT")):
        scope: Scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
        await _call(app, scope, receive, send)
    assert statuses == [503, 500, 404, 405]


async def _call(app: object, scope: Scope, receive: Receive, send: Send) -> None:
    assert callable(app)
    await app(scope, receive, send)
