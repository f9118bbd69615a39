"""One corpus of requests through stock Connexion and through the prepared edge: they differ only where it is meant.

Statuses are compared for every request, and the whole answer where both accept it. Each difference stands in the corpus with both
statuses and its reason; one that is not listed fails, and so does a listed one that has gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import connexion
import pytest
from connexion.lifecycle import ConnexionResponse
from httpx import AsyncClient

from app.domain.errors import NotAuthenticated
from app.web.access.authentication import Authenticator
from app.web.contract.resolver import HandlerResolver
from app.web.contract.security import security_map
from app.web.inner import WireJsonifier
from tests.web.clocks import StillClock
from tests.web.conftest import PASSWORD, EdgeGateway, basic, client_of
from tests.web.samples.contract import small_contract

GOOD = basic("admin", PASSWORD)
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request; where ``ours`` is given, the two may differ, for the reason given."""

    name: str
    method: str = "POST"
    path: str = "/orders"
    content: bytes = b""
    headers: dict[str, str] | None = None
    authorization: str | None = GOOD
    stock: int = 0
    ours: int = 0
    reason: str = ""


def order(value: bytes, field: bytes = b"amount") -> bytes:
    """An order in which one field has the JSON text ``value``."""
    fields = {b"account_name": b'"a"', b"amount": b"1", field: value}
    return b"{" + b",".join(b'"' + name + b'":' + text for name, text in fields.items()) + b"}"


SCHEMA = "a broken schema is 422 with a list for existing callers, 400 in Connexion"
EXACT = "the handler gets an exact decimal and the defaults, stock hands over a float or the text"
NUMBER = "a number that is not finite or of absurd size is refused before anybody computes with it"
CRASH = "stock answers 500 to a body that it can't read"
TEXT_IS_NUMBER = "a decimal may be written as text, and the bound holds for both spellings"

SAME = [
    Case(name="root", method="GET", path="/", authorization=None),
    Case(name="order by id", method="GET", path="/orders/o1"),
    Case(name="query typed", method="GET", path="/orders/o1?verbose=true&unknown=1"),
    Case(name="static before template", method="GET", path="/orders/active"),
    Case(name="integer in path", path="/accounts/a/orders/7/cancel"),
    Case(name="signed integer in path", path="/accounts/a/orders/+7/cancel"),
    Case(name="text for integer in path", path="/accounts/a/orders/x/cancel"),
    Case(
        name="octet-stream without body",
        path="/accounts/a/orders/7/cancel",
        headers={"Content-Type": "application/octet-stream"},
    ),
    Case(name="lists", method="GET", path="/connectors/c/pairs?trading_pairs=A,B&trading_pairs=C&limits=1,2"),
    Case(name="last of a repeated scalar", method="GET", path="/orders/o1?wait=1&wait=2"),
    Case(name="flask with path integer", method="GET", path="/reports/12"),
    Case(name="flask with body", path="/reports/search", content=b'{"limit":5,"names":["x"]}', headers=JSON),
    Case(name="flask with null list", path="/reports/search", content=b'{"limit":5,"names":null}', headers=JSON),
    Case(name="no credentials", content=order(b"1"), headers=JSON, authorization=None),
    Case(name="wrong credentials", content=order(b"1"), headers=JSON, authorization=basic("admin", "no")),
    Case(name="malformed credentials", content=order(b"1"), headers=JSON, authorization="Basic %%%"),
    Case(name="bearer", content=order(b"1"), headers=JSON, authorization="Bearer abc"),
    Case(name="bad credentials and broken body", content=b"{", headers=JSON, authorization=basic("admin", "no")),
    Case(name="unknown path", method="GET", path="/nothing"),
    Case(name="wrong method", method="DELETE", path="/orders"),
    Case(name="options", method="OPTIONS", path="/orders"),
    Case(name="truncated", content=b'{"amount":1', headers=JSON),
    Case(name="text/plain", content=order(b"1"), headers={"Content-Type": "text/plain"}),
    Case(name="form", content=b"amount=1", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Case(
        name="form that Connexion reads",
        path="/form",
        content=b"name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Case(name="head", method="HEAD", path="/orders/active"),
    Case(name="crash in flask", path="/reports/crash"),
    Case(name="crash on the loop", method="GET", path="/fail/unexpected"),
    Case(
        name="empty object where nothing is required",
        path="/reports/search",
        content=b'{"limit":7}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    ),
    Case(name="Infinity", content=order(b"Infinity"), headers=JSON),
    Case(name="-Infinity", content=order(b"-Infinity"), headers=JSON),
    Case(name="1e400", content=order(b"1e400"), headers=JSON),
    Case(name="1e-400", content=order(b"1e-400"), headers=JSON),
    Case(name="byte order mark", content=b"\xef\xbb\xbf" + order(b"1"), headers=JSON),
    Case(name="empty", headers=JSON),
]

DIFFERENT = [
    *(
        Case(name=name, content=order(value), headers=JSON, stock=201, ours=201, reason=EXACT)
        for name, value in {
            "fraction": b"0.1",
            "integer": b"1",
            "text": b'"0.1"',
            "31 places": b"0.1000000000000000055511151231257827",
            "30 digits": b"123456789012345678901234567890",
        }.items()
    ),
    Case(
        name="duplicate keys",
        content=b'{"account_name":"a","amount":1,"amount":2}',
        headers=JSON,
        stock=201,
        ours=400,
        reason="two readers would see two orders",
    ),
    Case(
        name="escaped duplicate",
        content=b'{"account_name":"a","amount":1,"\\u0061mount":2}',
        headers=JSON,
        stock=201,
        ours=400,
        reason="two readers would see two orders",
    ),
    Case(name="NaN", content=order(b"NaN"), headers=JSON, stock=201, ours=400, reason=NUMBER),
    Case(name="price 1e400", content=order(b"1e400", b"price"), headers=JSON, stock=500, ours=400, reason=NUMBER),
    Case(name="text 1e400", content=order(b'"1e400"'), headers=JSON, stock=201, ours=422, reason=NUMBER),
    Case(name="text 1e999999999", content=order(b'"1e999999999"'), headers=JSON, stock=201, ours=422, reason=NUMBER),
    Case(name="400 digits", content=order(b"9" * 400), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="5000 digits", content=order(b"9" * 5000), headers=JSON, stock=500, ours=400, reason=CRASH),
    Case(
        name="text of 5000 digits",
        content=order(b'"' + b"9" * 5000 + b'"'),
        headers=JSON,
        stock=400,
        ours=422,
        reason=SCHEMA,
    ),
    Case(name="zero", content=order(b"0"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="minus one", content=order(b"-1"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="text zero", content=order(b'"0.000"'), headers=JSON, stock=201, ours=422, reason=TEXT_IS_NUMBER),
    Case(name="text minus one", content=order(b'"-1"'), headers=JSON, stock=201, ours=422, reason=TEXT_IS_NUMBER),
    Case(name="text with spaces", content=order(b'" 1 "'), headers=JSON, stock=201, ours=422, reason=TEXT_IS_NUMBER),
    Case(
        name="text with underscore", content=order(b'"1_0"'), headers=JSON, stock=201, ours=422, reason=TEXT_IS_NUMBER
    ),
    Case(
        name="full-width digits",
        content=order('"１"'.encode()),
        headers=JSON,
        stock=201,
        ours=422,
        reason=TEXT_IS_NUMBER,
    ),
    Case(name="true as amount", content=order(b"true"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="null amount", content=order(b"null"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="null price", content=order(b"null", b"price"), headers=JSON, stock=201, ours=201, reason=EXACT),
    Case(name="price zero", content=order(b"0", b"price"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(
        name="price 19.99",
        content=order(b"19.99", b"price"),
        headers=JSON,
        stock=400,
        ours=201,
        reason="19.99 is a multiple of 0.01, which binary floats deny",
    ),
    Case(name="price 19.999", content=order(b"19.999", b"price"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="wrong enum", content=order(b'"HOLD"', b"side"), headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="missing field", content=b'{"amount":1}', headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(
        name="too many items",
        content=order(b'["a","b","c"]', b"tags"),
        headers=JSON,
        stock=400,
        ours=422,
        reason=SCHEMA,
    ),
    Case(
        name="fraction for integer", content=order(b"1.0", b"count"), headers=JSON, stock=400, ours=422, reason=SCHEMA
    ),
    Case(
        name="integer beyond 64 bits",
        content=order(b"9" * 30, b"count"),
        headers=JSON,
        stock=201,
        ours=422,
        reason="no database column holds it",
    ),
    Case(name="extra field", content=order(b"1", b"extra"), headers=JSON, stock=201, ours=201, reason=EXACT),
    Case(name="not utf-8", content=order(b'"\xff"', b"account_name"), headers=JSON, stock=500, ours=400, reason=CRASH),
    Case(
        name="utf-16",
        content=order(b"1").decode().encode("utf-16"),
        headers={"Content-Type": "application/json; charset=utf-16"},
        stock=500,
        ours=415,
        reason=CRASH,
    ),
    Case(
        name="lone surrogate",
        content=order(b'"\\ud800"', b"account_name"),
        headers=JSON,
        stock=500,
        ours=400,
        reason="it can't be written as UTF-8 again",
    ),
    Case(name="nested brackets", content=b"[" * 15_000, headers=JSON, stock=500, ours=400, reason=CRASH),
    Case(
        name="no content type",
        content=order(b"1"),
        stock=500,
        ours=415,
        reason="any web page may send a body without a type in its reader's name",
    ),
    Case(name="null", content=b"null", headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(name="list", content=b"[]", headers=JSON, stock=400, ours=422, reason=SCHEMA),
    Case(
        name="default filled in",
        path="/reports/search",
        content=b"{}",
        headers=JSON,
        stock=500,
        ours=200,
        reason="stock leaves a body's defaults to the handler",
    ),
    Case(
        name="too large",
        content=order(b'"' + b"x" * 30_000 + b'"', b"extra"),
        headers=JSON,
        stock=201,
        ours=413,
        reason="stock has no limit",
    ),
    Case(
        name="header passed on",
        content=order(b"1"),
        headers={**JSON, "Idempotency-Key": "k"},
        stock=201,
        ours=201,
        reason="stock checks header parameters and does not pass them on",
    ),
    Case(
        name="header too long",
        content=order(b"1"),
        headers={**JSON, "Idempotency-Key": "k" * 21},
        stock=400,
        ours=422,
        reason=SCHEMA,
    ),
    Case(name="query of the wrong type", method="GET", path="/orders/o1?wait=soon", stock=400, ours=422, reason=SCHEMA),
    Case(name="query beyond its bound", method="GET", path="/orders/o1?wait=61", stock=400, ours=422, reason=SCHEMA),
    Case(name="query that is no number", method="GET", path="/orders/o1?wait=nan", stock=200, ours=422, reason=NUMBER),
    Case(name="path beyond its bound", path="/accounts/a/orders/1001/cancel", stock=400, ours=422, reason=SCHEMA),
    Case(name="path too long", method="GET", path="/orders/" + "x" * 21, stock=400, ours=422, reason=SCHEMA),
    Case(
        name="list too long",
        method="GET",
        path="/connectors/c/pairs?trading_pairs=A,B,C,D",
        stock=400,
        ours=422,
        reason=SCHEMA,
    ),
    Case(
        name="exact path without the method",
        method="GET",
        path="/orders/search",
        stock=200,
        ours=405,
        reason="OpenAPI matches the concrete path first, stock tries the template",
    ),
    Case(
        name="trailing newline",
        method="GET",
        path="/orders/active%0A",
        stock=500,
        ours=422,
        reason="a regular expression's end is no end of a path",
    ),
    Case(
        name="optional credentials, none",
        method="GET",
        path="/reports/whoami",
        authorization=None,
        headers={"X-Request-Id": "a"},
        stock=200,
        ours=200,
        reason="stock gives requests no id",
    ),
    Case(
        name="error of the tree on the loop",
        method="GET",
        path="/fail/later",
        stock=500,
        ours=503,
        reason="stock does not know our errors",
    ),
    Case(
        name="refusal with an order",
        method="GET",
        path="/fail/refused",
        stock=500,
        ours=400,
        reason="stock does not know our errors",
    ),
    Case(
        name="error of the tree in flask",
        path="/reports/fail",
        stock=500,
        ours=400,
        reason="stock does not know our errors",
    ),
    Case(
        name="no object",
        method="GET",
        path="/fail/nothing",
        stock=204,
        ours=500,
        reason="callers read every success as JSON, so an empty one is a fault",
    ),
    Case(
        name="optional body absent",
        path="/optional",
        stock=400,
        ours=200,
        reason="the contract says that it is optional",
    ),
    Case(
        name="other keys",
        path="/accounts/a/keys",
        content=b'{"api_key":""}',
        headers=JSON,
        stock=400,
        ours=422,
        reason=SCHEMA,
    ),
]


@pytest.fixture(scope="module")
def stock_app(gateway: EdgeGateway) -> Any:
    """Connexion as it comes, with the same handlers, users and JSON encoder."""
    app = connexion.FlaskApp(
        "stock",
        jsonifier=WireJsonifier(),
        resolver=HandlerResolver(gateway, "tests.web.samples"),
        security_map=security_map(Authenticator(gateway.password_hash, StillClock())),
    )
    app.add_error_handler(NotAuthenticated, _unauthorized)
    app.add_api(small_contract())
    return app


def _unauthorized(_request: Any, _error: Exception) -> Any:
    return ConnexionResponse(401, "text/plain", body="")


async def _ask(app: Any, case: Case) -> tuple[int, Any]:
    headers = dict(case.headers or {})
    if case.authorization is not None:
        headers["Authorization"] = case.authorization
    async with client_of(app) as client:
        answer = await client.request(case.method, case.path, content=case.content, headers=headers)
    is_json = answer.headers.get("content-type", "").endswith("json")
    return answer.status_code, answer.json() if is_json and answer.content else None


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.name)
async def test_the_same_answer_as_stock_connexion(stock_app: Any, app: Any, case: Case) -> None:
    """What is not listed as a difference is the same: the status, and the answer if it is a success."""
    stock_status, stock_body = await _ask(stock_app, case)
    status, body = await _ask(app, case)
    assert status == stock_status
    if status < 300:
        assert _comparable(body) == _comparable(stock_body)


@pytest.mark.parametrize("case", DIFFERENT, ids=lambda case: case.name)
async def test_a_listed_difference(stock_app: Any, app: Any, case: Case) -> None:
    """A listed difference is still one, and is exactly this one."""
    stock_status, stock_body = await _ask(stock_app, case)
    status, body = await _ask(app, case)
    assert (stock_status, status) == (case.stock, case.ours)
    assert case.reason
    if case.stock == case.ours:
        assert body != stock_body


def _comparable(body: Any) -> Any:
    """Stock gives Flask's threads another name."""
    return {key: value for key, value in body.items() if key != "thread"} if isinstance(body, dict) else body


async def test_every_refusal_of_the_corpus_is_a_problem_document(client: AsyncClient, app: Any) -> None:
    """Whatever goes wrong, the shape is one."""
    for case in [*SAME, *DIFFERENT]:
        status, body = await _ask(app, case)
        if status >= 400 and case.method != "HEAD":
            expected = {"type", "title", "status", "detail", "code", "retryable", "request_id"}
            assert set(body) - {"order_id", "hint", "allowed"} == expected, case.name
            assert body["status"] == status
            assert isinstance(body["detail"], list if status == 422 else str), case.name
