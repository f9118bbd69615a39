"""Accounts over HTTP: paths, codes and texts that callers of hummingbot-api rely on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.domain.enums import OrderState
from app.domain.order import AccountKey
from app.domain.reconciliation import Difference, Reconciliation
from app.services.gateway import Gateway
from tests.connectors.stub import StubExchange, reply
from tests.handlers.contract import checked
from tests.services.binance_stub import ACCOUNT, API_KEY, API_SECRET, CREDENTIALS, REFUSED

ADD_ACCOUNT = "/accounts/add-account"
DELETE_ACCOUNT = "/accounts/delete-account"
ADD_CREDENTIAL = "/accounts/add-credential/{account_name}/{connector_name}"
DELETE_CREDENTIAL = "/accounts/delete-credential/{account_name}/{connector_name}"
LIST_CREDENTIALS = "/accounts/{account_name}/credentials"
TEST_CREDENTIAL = "/accounts/{account_name}/credentials/{connector_name}/test"
RECONCILIATION = "/accounts/{account_name}/credentials/{connector_name}/reconciliation"

#: Where Binance checks an order without placing it.
TEST_ORDER = ("POST", "/api/v3/order/test")

ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 1,
    "price": 100,
}


def says(response: httpx.Response, path: str) -> tuple[int, str]:
    """The status and what the answer says."""
    document = checked(response, path)
    return response.status_code, document.get("message") or document["detail"]


async def test_accounts_come_and_go(client: httpx.AsyncClient) -> None:
    """Adding, adding again, deleting, deleting again."""
    query = {"account_name": "second"}

    assert says(await client.post(ADD_ACCOUNT, params=query), ADD_ACCOUNT) == (201, "Account added successfully.")
    for path in ("/accounts", "/accounts/"):
        assert checked(await client.get(path), "/accounts") == ["master_account", "second"]
    assert says(await client.post(ADD_ACCOUNT, params=query), ADD_ACCOUNT) == (400, "Account already exists.")
    assert says(await client.post(DELETE_ACCOUNT, params=query), DELETE_ACCOUNT) == (
        200,
        "Account deleted successfully.",
    )
    assert says(await client.post(DELETE_ACCOUNT, params=query), DELETE_ACCOUNT) == (
        404,
        "Folder 'second' not found in 'credentials'",
    )
    assert says(await client.post(DELETE_ACCOUNT, params={"account_name": "master_account"}), DELETE_ACCOUNT) == (
        400,
        "Cannot delete master account.",
    )


@pytest.mark.parametrize("path", [ADD_ACCOUNT, DELETE_ACCOUNT])
async def test_account_names(client: httpx.AsyncClient, path: str) -> None:
    """A bad name is 400 with the rule; a missing one is a list of faults; a body is not looked at."""
    for name in ("", "a b", "../a"):
        assert says(await client.post(path, params={"account_name": name}), path) == (
            400,
            f"Invalid account name: '{name}'. Only letters, numbers, underscores and hyphens are allowed.",
        )
    response = await client.post(path)
    assert response.status_code == 422
    assert [fault["loc"] for fault in checked(response, path)["detail"]] == [["query", "account_name"]]
    response = await client.post(
        path, params={"account_name": "a b"}, content=b"", headers={"content-type": "application/octet-stream"}
    )
    assert response.status_code == 400


async def test_credentials_come_and_go(client: httpx.AsyncClient) -> None:
    """Adding credentials lists the connector; deleting them twice is no error."""
    response = await client.post("/accounts/add-credential/master_account/binance", json=CREDENTIALS)
    assert says(response, ADD_CREDENTIAL) == (201, "Connector credentials added successfully.")
    listed = await client.get("/accounts/master_account/credentials")
    assert checked(listed, LIST_CREDENTIALS) == ["binance", "paper"]
    for _ in range(2):
        response = await client.post("/accounts/delete-credential/master_account/binance")
        assert says(response, DELETE_CREDENTIAL) == (200, "Credential deleted successfully.")
    listed = await client.get("/accounts/master_account/credentials")
    assert checked(listed, LIST_CREDENTIALS) == ["paper"]
    assert says(await client.get("/accounts/nobody/credentials"), LIST_CREDENTIALS) == (
        404,
        "Directory 'credentials/nobody/connectors' not found",
    )


async def test_refused_credentials(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """400 with the exchange's reason and without the keys; nothing is listed."""
    stub.script(*ACCOUNT, REFUSED)
    response = await client.post("/accounts/add-credential/master_account/binance", json=CREDENTIALS)
    status, detail = says(response, ADD_CREDENTIAL)
    assert status == 400
    assert "Invalid API-key, IP, or permissions for action: ***." in detail
    assert API_KEY not in response.text
    assert (await client.get("/accounts/master_account/credentials")).json() == ["paper"]


@pytest.mark.parametrize(
    ("place", "body", "status", "detail"),
    [
        ("nobody/binance", CREDENTIALS, 404, "Account 'nobody' not found"),
        ("a%20b/binance", CREDENTIALS, 400, "Invalid account name: 'a b'."),
        ("master_account/binanse", CREDENTIALS, 404, "Connector 'binanse' not found"),
        (
            "master_account/dexalot",
            {},
            501,
            "Connector 'dexalot' is known, but this gateway can't trade on it: the library",
        ),
        ("master_account/binance", {}, 400, "missing fields binance_api_key, binance_api_secret"),
        ("master_account/binance", {**CREDENTIALS, "binance_api_key": ""}, 400, "empty field binance_api_key"),
        ("master_account/binance", {**CREDENTIALS, "memo": "x"}, 400, "unknown field memo"),
        ("master_account/paper", {"starting_balances": "x"}, 400, "starting_balances: 'x' is not of the form"),
    ],
)
async def test_credentials_that_can_not_be_tried(
    client: httpx.AsyncClient, place: str, body: dict[str, Any], status: int, detail: str
) -> None:
    """Each wrong place and field has its own answer."""
    answered, said = says(await client.post(f"/accounts/add-credential/{place}", json=body), ADD_CREDENTIAL)
    assert (answered, detail in said) == (status, True), said


@pytest.mark.parametrize("body", [b'["CANARY"]', b'"CANARY"', b'{"a":"CANARY","a":1}', b'{"a":"CANARY"', b"CANARY"])
async def test_bodies_that_are_no_credentials_are_not_quoted(client: httpx.AsyncClient, body: bytes) -> None:
    """Whatever is wrong with a body of secrets, the answer repeats none of it."""
    response = await client.post(
        "/accounts/add-credential/master_account/binance", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code in (400, 422)
    checked(response, ADD_CREDENTIAL)
    assert "CANARY" not in response.text


async def test_active_orders_keep_credentials_and_accounts(client: httpx.AsyncClient) -> None:
    """409 says how many orders are active; force deletes in spite of them."""
    await client.post(ADD_ACCOUNT, params={"account_name": "second"})
    await client.post("/accounts/add-credential/second/paper", json={})
    placed = await client.post("/trading/orders", json={**ORDER, "account_name": "second"})
    assert placed.status_code == 201

    response = await client.post("/accounts/delete-credential/second/paper")
    assert response.status_code == 409
    assert checked(response, DELETE_CREDENTIAL)["code"] == "active_orders"
    status, detail = says(await client.post(DELETE_ACCOUNT, params={"account_name": "second"}), DELETE_ACCOUNT)
    assert (status, detail) == (
        409,
        "Account 'second' has 1 active order (1 on paper): cancel them first, or end those that can't be settled with"
        " POST /trading/orders/{order_id}/resolve, or repeat with ?force=true to leave them at the exchange without anyone"
        " following them",
    )

    response = await client.post("/accounts/delete-credential/second/paper", params={"force": "true"})
    assert response.status_code == 200
    response = await client.post(DELETE_ACCOUNT, params={"account_name": "second", "force": "true"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts/gateway/wallets"),
        ("POST", "/accounts/gateway/add-wallet"),
        ("DELETE", "/accounts/gateway/solana/abc"),
        ("POST", "/accounts/gateway/wallet/set-default"),
        ("GET", "/accounts/gateway/credentials"),
    ],
)
async def test_wallets_are_not_here(client: httpx.AsyncClient, method: str, path: str) -> None:
    """The wallet routes of hummingbot-api are 404, which its callers catch."""
    response = await client.request(method, path)
    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


async def test_no_answer_ever_holds_a_credential(client: httpx.AsyncClient) -> None:
    """Nothing that can be read about an account shows what was stored."""
    await client.post("/accounts/add-credential/master_account/binance", json=CREDENTIALS)
    answers = [
        await client.get("/accounts/"),
        await client.get("/accounts/master_account/credentials"),
        await client.get("/connectors/binance/config-map"),
        await client.get("/health/ready"),
        await client.post("/portfolio/state", json={}),
        await client.post("/trading/orders", json={**ORDER, "connector_name": "binance", "trading_pair": "BTC-USDT"}),
    ]
    for answer in answers:
        for canary in (API_KEY, API_SECRET):
            assert canary not in answer.text
            assert canary not in str(answer.headers)


async def test_stored_credentials_are_tried(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """In the exchange's words, which are cleaned of the key; nothing is changed by it."""
    await client.post("/accounts/add-credential/master_account/binance", json=CREDENTIALS)
    path = "/accounts/master_account/credentials/binance/test"
    for script, verdict in (
        ({TEST_ORDER: reply({})}, "ok"),
        ({TEST_ORDER: REFUSED}, "no_orders"),
        ({ACCOUNT: REFUSED}, "refused"),
    ):
        for asked, answer in script.items():
            stub.script(*asked, answer)
        document = checked(await client.post(path), TEST_CREDENTIAL)
        assert document["verdict"] == verdict
        assert API_KEY not in document["detail"]
        assert ("Invalid API-key" in document["detail"]) == (verdict != "ok")
    paper = checked(await client.post("/accounts/master_account/credentials/paper/test"), TEST_CREDENTIAL)
    assert paper["verdict"] == "orders_untried"
    missing = await client.post("/accounts/master_account/credentials/kraken/test")
    assert (missing.status_code, checked(missing, TEST_CREDENTIAL)["code"]) == (404, "connector_not_configured")


async def test_the_last_reconciliation_is_told(client: httpx.AsyncClient, gateway: Gateway) -> None:
    """None before the first; then what differed, and why the next one failed. Only for what has credentials."""
    path, account = "/accounts/master_account/credentials/paper/reconciliation", AccountKey("master_account", "paper")
    before = checked(await client.get(path), RECONCILIATION)
    assert (before["last"], before["failed_at"], before["problem"]) == (None, None, None)
    difference = Difference(
        order_id="x",
        trading_pair="BTC-USDT",
        state=OrderState.OPEN,
        filled_amount=Decimal("0.100000000000000001"),
        exchange_state="filled",
        exchange_filled_amount=Decimal(1),
    )
    found = Reconciliation(
        at=gateway.clock.now(),
        is_whole=True,
        orders=1,
        difference_count=1,
        differences=(difference,),
        foreign_orders=2,
        unasked_pairs=("ETH-USDT",),
    )
    gateway.reconciliations.note(account, found)
    with pytest.raises(TimeoutError), gateway.reconciliations.noting_failure(account):
        raise TimeoutError
    response = await client.get(path)
    assert '"filled_amount":0.100000000000000001' in response.text
    told = checked(response, RECONCILIATION)
    assert (told["last"]["differences"][0]["state"], told["last"]["foreign_orders"]) == ("open", 2)
    assert told["last"]["unasked_pairs"] == ["ETH-USDT"]
    assert (told["problem"], told["failed_at"] is None) == ("it took too long", False)
    for wrong, code in (
        ("no_such/credentials/paper", "unknown_account"),
        ("master_account/credentials/binance", "connector_not_configured"),
    ):
        missing = await client.get(f"/accounts/{wrong}/reconciliation")
        assert (missing.status_code, checked(missing, RECONCILIATION)["code"]) == (404, code)
