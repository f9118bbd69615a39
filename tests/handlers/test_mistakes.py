"""Every mistake is answered with what is wrong, where, and what to do: one gateway for a table of them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio

from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.handlers.conftest import PASSWORD, CurrentGateway
from tests.handlers.mistakes import KEY, ORDER, OUT, Mistake, mistakes
from tests.web.conftest import basic, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = list(mistakes())
MEMBERS = {
    "type",
    "title",
    "status",
    "detail",
    "code",
    "retryable",
    "request_id",
    "order_id",
    "hint",
    "allowed",
    "exchange_code",
}

#: What is Python's and not the caller's: names of its types and values, of exceptions, and the form of its texts.
PYTHON = re.compile(
    r"NoneType|\bNone\b|\bTrue\b|\bFalse\b|\bdict\b|\bint\b|\bstr\b|\bfloat\b|\btuple\b|\bDecimal\b|\w+Error\b|\w+Exception\b"
    r"|Traceback|<class|object at 0x|\bpydantic\b|\bmarshmallow\b|\bmsgspec\b|\bconnexion\b|dictionary",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(
    application: Any, current: CurrentGateway, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, Mapping[str, str]]]:
    """A client of the application, and the ids of an order that is filled and of one that is canceled."""
    async with opened_gateway(tmp_path_factory.mktemp("mistakes"), sqlite_template, FakeClock()) as gateway:
        gateway.journal.accounts.add_account("other")
        current.gateway = gateway
        async with client_of(application, Authorization=basic("admin", PASSWORD)) as client:
            perpetual = "/accounts/add-credential/master_account/paper_perpetual"
            assert (await client.post(perpetual, json={})).status_code == 201
            ids = {}
            for name, terms in (("filled", {"order_type": "MARKET", "price": None}), ("canceled", {})):
                placed = await client.post("/trading/orders", json={**ORDER, **terms})
                assert placed.status_code == 201, placed.text
                ids[name] = placed.json()["order_id"]
            path = f"/trading/master_account/paper/orders/{ids['canceled']}/cancel"
            assert (await client.post(path)).json()["state"] == "canceled"
            yield client, ids


async def answer_to(mistake: Mistake, client: httpx.AsyncClient, ids: Mapping[str, str]) -> httpx.Response:
    """The answer, with the ids of the orders in place of their names."""
    path = mistake.path
    for name, order_id in ids.items():
        path = path.replace(f"{{{name}}}", order_id)
    headers = {name: value for name, value in mistake.headers.items() if value}
    content = mistake.body if isinstance(mistake.body, bytes) else None
    body = None if content is not None else mistake.body
    request = client.build_request(mistake.method, path, content=content, json=body, headers=headers)
    if mistake.headers.get("Authorization") == "":
        del request.headers["Authorization"]
    return await client.send(request)


@pytest.mark.parametrize("mistake", TABLE, ids=map(str, TABLE))
async def test_a_mistake_is_answered_with_what_to_do(
    desk: tuple[httpx.AsyncClient, Mapping[str, str]], mistake: Mistake
) -> None:
    """Status and code, the place and the value of a fault, the sentence, and no word of Python's."""
    client, ids = desk
    answer = await answer_to(mistake, client, ids)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (mistake.status, mistake.code), answer.text
    if mistake.status != 307:
        assert document["title"]
        assert set(document) <= MEMBERS
    for said in mistake.says:
        assert said in f"{json.dumps(document['detail'])} {document.get('hint', '')}", answer.text
    assert PYTHON.search(re.sub(r'"(input|request_id)": *("[^"]*"|[^,}]*)', "", answer.text)) is None, answer.text
    if mistake.loc is not None:
        faults = [fault for fault in document["detail"] if fault["loc"] == mistake.loc]
        assert faults, answer.text
        if mistake.given is not OUT:
            assert faults[0]["input"] == mistake.given, answer.text
    if mistake.status == 405:
        assert answer.headers["Allow"] == ", ".join(document["allowed"])
    if mistake.status == 307:
        assert urljoin(str(answer.url), answer.headers["Location"]).partition("?")[0].endswith(mistake.says[0])


@pytest.mark.parametrize(
    ("path", "body", "name"), [("/trading/orders", ORDER, "account_name"), ("/api-keys", KEY, "name")]
)
async def test_an_empty_name_has_one_fault(
    desk: tuple[httpx.AsyncClient, Mapping[str, str]], path: str, body: Mapping[str, Any], name: str
) -> None:
    """That it is too short; not also that it breaks the rule of a name."""
    answer = await desk[0].post(path, json={**body, name: ""})
    assert [(fault["type"], fault["loc"]) for fault in answer.json()["detail"]] == [
        ("string_too_short", ["body", name])
    ]


async def test_nothing_was_done(desk: tuple[httpx.AsyncClient, Mapping[str, str]]) -> None:
    """After all of them there are the two orders of the beginning, and the accounts and credentials of the beginning."""
    client, _ = desk
    found = await client.post("/trading/orders/search", json={})
    assert found.json()["pagination"]["total_count"] == 2
    assert (await client.get("/accounts/")).json() == ["master_account", "other"]
    assert (await client.get("/accounts/master_account/credentials")).json() == ["paper", "paper_perpetual"]


async def test_the_table_is_long() -> None:
    """Over all operations, orders above all."""
    assert len(TABLE) >= 150
    assert len({str(mistake.path).partition("?")[0] for mistake in TABLE}) >= 40
    assert sum(mistake.path.startswith("/trading/orders") for mistake in TABLE) >= 100
