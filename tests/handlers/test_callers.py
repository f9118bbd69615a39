"""Keys over HTTP: what each role may do, what bounds leave out and refuse, and what ends with a key."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.connectors.registry import environments
from app.domain.api_key import key_id_in
from app.domain.caller import SCOPES_OF
from app.domain.enums import Role, Scope
from app.services.bounded import bounds
from app.services.gateway import Gateway
from openapi import load_spec
from tests.web.conftest import basic, client_of

ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": 1,
    "price": 1000,
}
#: Every operation with what it demands.
OPERATIONS = [
    (method.upper(), path, node)
    for path, methods in load_spec()["paths"].items()
    for method, node in methods.items()
    if method in ("get", "post", "put", "delete", "patch")
]


async def made(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """A key, as the answer tells it."""
    asked = {"name": "bot", "environment": "paper", **wanted}
    if "scopes" not in asked:
        asked.setdefault("role", "trader")
    answer = await client.post("/api-keys", json=asked)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def bearing(application: Any, key: dict[str, Any]) -> httpx.AsyncClient:
    """A client that calls with a key."""
    return client_of(application, Authorization=f"Bearer {key['secret']}")


def test_every_operation_states_its_scope() -> None:
    """And only those that ask nobody for credentials are public."""
    known = {scope.value for scope in Scope}
    for method, path, node in OPERATIONS:
        is_open = node.get("security") == []
        assert node.get("x-scope") in ({"public"} if is_open else known), f"{method} {path}"


async def test_every_operation_is_open_to_the_roles_that_have_its_scope(
    application: Any, gateway: Gateway, client: httpx.AsyncClient
) -> None:
    """Every operation, called by a key of every role: 403 that names the scope, or no 403."""
    wrong = []
    for role in Role:
        async with bearing(application, await made(client, role=role.value)) as caller:
            for method, path, node in OPERATIONS:
                # Nothing is named that could be done, and no stream begins.
                url = re.sub(r"{[^}]*}", "none", path.replace("{connector_name}", "paper")) + (
                    "?since=none" if path == "/trading/events" else ""
                )
                answer = await caller.request(method, url, json={} if method in ("POST", "PUT", "PATCH") else None)
                scope = node["x-scope"]
                if scope == "public" or scope in SCOPES_OF[role]:
                    if answer.status_code == 403 and answer.json()["code"] == "missing_scope":
                        wrong.append((role, method, path))
                elif answer.status_code != 403 or f"'{scope}'" not in answer.json()["detail"]:
                    wrong.append((role, method, path))
    assert wrong == []


async def test_a_secret_is_shown_once_and_opens_in_each_form(application: Any, client: httpx.AsyncClient) -> None:
    """By Bearer, and by Basic with the id as the user name; not with another name, nor with another sign."""
    key = await made(client)
    assert re.fullmatch(r"ogk_paper_[a-z2-7]{12}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", key["secret"])
    assert key_id_in(key["secret"]) == key["id"]
    assert key["secret"] not in (await client.get("/api-keys")).text
    forms = {
        f"Bearer {key['secret']}": 200,
        f"bearer {key['secret']}": 200,
        basic(key["id"], key["secret"]): 200,
        basic("admin", key["secret"]): 401,
        f"Bearer {key['secret'][:-1]}": 401,
        f"Bearer {key['secret'].translate(str.maketrans('abcdef', 'bcdefa'))}": 401,
        "Bearer": 401,
        "Bearer ogk_paper_": 401,
    }
    for authorization, status in forms.items():
        async with client_of(application, Authorization=authorization) as caller:
            assert (await caller.get("/accounts/")).status_code == status, authorization
    listed = {each["id"]: each for each in (await client.get("/api-keys")).json()["data"]}
    assert listed[key["id"]]["last_used_at"] is not None


async def test_a_key_ends(application: Any, client: httpx.AsyncClient) -> None:
    """Disabled, enabled, rotated with and without overlap, deleted: each acts at once."""
    key = await made(client)
    path = f"/api-keys/{key['id']}"

    async def status(secret: str) -> int:
        async with client_of(application, Authorization=f"Bearer {secret}") as caller:
            return (await caller.get("/accounts/")).status_code

    assert (await client.post(f"{path}/disable")).json()["disabled_at"] is not None
    assert await status(key["secret"]) == 401
    assert (await client.post(f"{path}/enable")).json()["disabled_at"] is None
    assert await status(key["secret"]) == 200
    second = (await client.post(f"{path}/rotate")).json()["secret"]
    assert (await status(key["secret"]), await status(second)) == (200, 200)
    third = (await client.post(f"{path}/rotate", params={"overlap": 0})).json()["secret"]
    assert [await status(secret) for secret in (key["secret"], second, third)] == [401, 401, 200]
    assert (await client.delete(path)).status_code == 200
    assert await status(third) == 401
    for again in (client.delete(path), client.post(f"{path}/rotate"), client.post(f"{path}/enable")):
        assert (await again).status_code == 404


async def test_a_paper_key_reaches_no_live_connector(
    application: Any, gateway: Gateway, client: httpx.AsyncClient
) -> None:
    """However it is named, in path, query or body, and where it is not named but meant."""
    gateway.environments = environments(replace(gateway.settings, connector_urls={}))
    key = await made(client, role="admin")
    place = {**ORDER, "connector_name": "binance"}
    tries: list[tuple[str, str, Any]] = [
        ("POST", "/trading/orders", place),
        ("POST", "/trading/master_account/binance/orders/x/cancel", None),
        ("GET", "/trading/orders/x?connector_name=binance", None),
        ("POST", "/trading/orders/active", {"connector_names": ["paper", "binance"]}),
        ("POST", "/trading/orders/search", {"connector_names": ["binance"]}),
        ("POST", "/trading/trades", {"connector_names": ["binance_perpetual"]}),
        ("POST", "/trading/positions", {"connector_names": ["binance_perpetual"]}),
        ("POST", "/trading/funding-payments", {"connector_names": ["binance_perpetual"]}),
        ("GET", "/trading/master_account/binance_perpetual/position-mode", None),
        ("POST", "/trading/master_account/binance_perpetual/leverage", {"trading_pair": "BTC-USDT", "leverage": 2}),
        ("GET", "/trading/events?connector_names=binance", None),
        (
            "POST",
            "/accounts/add-credential/master_account/binance",
            {"binance_api_key": "a", "binance_api_secret": "b"},
        ),
        ("POST", "/accounts/delete-credential/master_account/binance", None),
        ("GET", "/connectors/binance/trading-rules", None),
        ("GET", "/connectors/kraken/config-map", None),
        ("POST", "/portfolio/state", {"connector_names": ["binance"]}),
        ("POST", "/market-data/prices", {"connector_name": "binance", "trading_pairs": ["BTC-USDT"]}),
        ("POST", "/market-data/candles", {"connector_name": "binance", "trading_pair": "BTC-USDT", "interval": "1m"}),
        ("GET", "/market-data/tickers?connectors=binance", None),
        ("GET", "/market-data/rate/BTC-USDT?connector=binance", None),
        ("PUT", "/rate-oracle/config", {"rate_oracle_source": {"name": "binance"}}),
    ]
    async with bearing(application, key) as caller:
        for method, path, body in tries:
            answer = await caller.request(method, path, json=body)
            assert (answer.status_code, answer.json().get("code")) == (403, "wrong_environment"), (path, answer.text)
        assert (await caller.post("/trading/orders", json=ORDER)).status_code == 201
        assert "binance" not in (await caller.get("/connectors/")).json()
    live = await made(client, role="admin", environment="live")
    async with bearing(application, live) as caller:
        answer = await caller.post("/trading/orders", json=ORDER)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_environment")


async def test_metrics_leave_out_what_is_out_of_bounds(application: Any, client: httpx.AsyncClient) -> None:
    """Of other accounts and connectors; what names neither is there for everybody who reads."""
    await client.post("/accounts/add-account", params={"account_name": "other"})
    await client.post("/accounts/add-credential/other/paper", json={})
    for account in ("other", "master_account"):
        switch = {"account_name": account, "connector_name": "paper", "timeout_seconds": 60}
        assert (await client.put("/safety/dead-man", json=switch)).status_code == 200
    name = "ordergate_dead_man_seconds_left"
    left = [f'{name}{{account="{account}",connector="paper"}} 60.0' for account in ("master_account", "other")]
    seen = {
        "paper": (await made(client, role="viewer"), left),
        "other": (await made(client, role="viewer", accounts=["other"]), left[1:]),
        "live": (await made(client, role="viewer", environment="live"), []),
    }
    for key, wanted in seen.values():
        async with bearing(application, key) as caller:
            answer = await caller.get("/metrics")
            assert sorted(line for line in answer.text.splitlines() if line.startswith(f"{name}{{")) == wanted
            assert "ordergate_journal_head " in answer.text
            assert "environment=" in answer.headers["Ordergate-Bounds"]


async def test_the_audit_log_is_whole_or_the_keys_own(application: Any, client: httpx.AsyncClient) -> None:
    """A bounded key sees what it did itself; one of play money asks for nothing of a live connector by name."""
    free, narrow = await made(client, role="risk"), await made(client, role="risk", accounts=["master_account"])
    async with bearing(application, free) as caller:
        assert (await caller.get("/audit")).json()["pagination"]["total_count"] > 1
        wanted = {"object": "master_account/kraken/o1"}
        assert (await caller.get("/audit", params=wanted)).json()["code"] == "wrong_environment"
    async with bearing(application, narrow) as caller:
        for _ in range(2):
            rows = (await caller.get("/audit")).json()["data"]
        assert [row["key_id"] for row in rows] == [narrow["id"]]
        assert (await caller.get("/audit", params={"key_id": free["id"]})).json()["data"] == []


def test_whatever_names_an_account_connector_or_pair_is_known_as_that() -> None:
    """A field or parameter of another name would pass the bounds. The oracle's source is checked by its service."""
    found = set()

    def look(node: Any) -> None:
        if isinstance(node, dict):
            found.update(node.get("properties", ()))
            if "in" in node and "name" in node:
                found.add(node["name"])
            for part in node.values():
                look(part)
        elif isinstance(node, list):
            for part in node:
                look(part)

    look(load_spec())
    naming = {name for name in found if re.search("account|connector|pair", name)}
    in_answers = {
        "account",
        "account_filter",
        "allowed_pairs",
        "account_count",
        "accounts",
        "pairs",
        "exchange_account",
        "unasked_pairs",
    }
    assert naming - bounds._ACCOUNTS - bounds._CONNECTORS - bounds._PAIRS <= in_answers


async def test_lists_leave_out_what_is_out_of_bounds_and_say_so(application: Any, client: httpx.AsyncClient) -> None:
    """A key for one account and pair sees that and no more; each answer names its bounds."""
    assert (await client.post("/accounts/add-account", params={"account_name": "other"})).status_code == 201
    credentials = {"starting_balances": "USDT:100000"}
    assert (await client.post("/accounts/add-credential/other/paper", json=credentials)).status_code == 201
    orders = {}
    for account in ("master_account", "other"):
        for pair in ("BTC-USDT", "ETH-USDT"):
            price = 1000 if pair == "BTC-USDT" else 100
            placed = await client.post(
                "/trading/orders", json={**ORDER, "account_name": account, "trading_pair": pair, "price": price}
            )
            assert placed.status_code == 201, placed.text
            orders[account, pair] = placed.json()["order_id"]
    own = orders["other", "BTC-USDT"]
    async with bearing(application, await made(client, accounts=["other"], pairs=["BTC-USDT"])) as caller:
        for path in ("/trading/orders/active", "/trading/orders/search"):
            answer = await caller.post(path, json={})
            assert [row["order_id"] for row in answer.json()["data"]] == [own]
            assert answer.headers["Ordergate-Bounds"] == "accounts=other; pairs=BTC-USDT; environment=paper"
        assert (await caller.get("/accounts/")).json() == ["other"]
        assert list((await caller.post("/portfolio/state", json={})).json()) == ["other"]
        assert (await caller.get(f"/trading/orders/{own}")).status_code == 200
        for order_id in set(orders.values()) - {own}:
            assert (await caller.get(f"/trading/orders/{order_id}")).status_code == 404
        refused = await caller.post("/trading/orders/search", json={"account_names": ["master_account"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "out_of_bounds")
        foreign = orders["other", "ETH-USDT"]
        assert (await caller.post(f"/trading/other/paper/orders/{foreign}/cancel")).status_code == 404
        assert (
            await caller.post("/trading/orders", json={**ORDER, "account_name": "other", "trading_pair": "ETH-USDT"})
        ).status_code == 403
        assert (await caller.post(f"/trading/other/paper/orders/{own}/cancel")).status_code == 200
    assert "Ordergate-Bounds" not in (await client.get("/accounts/")).headers


async def test_nobody_gives_away_more_than_they_have(application: Any, client: httpx.AsyncClient) -> None:
    """A key that may make keys makes none with more scopes, another kind of money, or wider bounds, and sees no such key."""
    wide = await made(client, role="admin")
    maker = await made(client, scopes=["read", "keys:write"], accounts=["master_account"])
    async with bearing(application, maker) as caller:
        asked = {"name": "n", "environment": "paper", "accounts": ["master_account"], "scopes": ["read"]}
        assert (await caller.post("/api-keys", json=asked)).status_code == 201
        for changes in (
            {"scopes": ["read", "orders:place"]},
            {"environment": "live"},
            {"accounts": None},
            {"accounts": ["other"]},
        ):
            assert (await caller.post("/api-keys", json={**asked, **changes})).status_code in (400, 403), changes
        assert wide["id"] not in [each["id"] for each in (await caller.get("/api-keys")).json()["data"]]
        assert (await caller.delete(f"/api-keys/{wide['id']}")).status_code == 404


async def test_a_key_makes_none_that_lasts_longer_or_works_from_elsewhere(
    application: Any, client: httpx.AsyncClient
) -> None:
    """Nor does it open one that does; a key that it makes without a word about its end ends with it."""
    here = {"allowed_ips": ["127.0.0.0/8", "2001:db8::/32"], "expires_at": "2026-01-20T00:00:00+00:00"}
    maker, wide = await made(client, role="admin", **here), await made(client)
    await client.post(f"/api-keys/{wide['id']}/disable")
    async with bearing(application, maker) as caller:
        for wrong, said in (
            ({"allowed_ips": None}, "allowed_ips"),
            ({"allowed_ips": ["10.0.0.1"]}, "allowed_ips"),
            ({"allowed_ips": ["127.0.0.0/7"]}, "allowed_ips"),
            ({"allowed_ips": ["127.0.0.1", "2001:db9::1"]}, "allowed_ips"),
            ({"expires_at": "2026-01-20T00:00:01+00:00"}, "expires_at"),
        ):
            asked = {"name": "n", "environment": "paper", "role": "admin", "allowed_ips": ["127.0.0.1"], **wrong}
            answer = await caller.post("/api-keys", json=asked)
            assert (answer.status_code, said in answer.json()["detail"]) == (400, True), answer.text
        for verb in ("rotate", "enable"):
            assert "allowed_ips" in (await caller.post(f"/api-keys/{wide['id']}/{verb}")).json()["detail"]
        child = await made(caller, role="admin", allowed_ips=["127.0.0.1", "2001:db8:1::/48"])
        assert child["expires_at"].startswith("2026-01-20T00:00:00")
        assert (await caller.post(f"/api-keys/{child['id']}/rotate")).status_code == 200
    assert (await client.post(f"/api-keys/{wide['id']}/enable")).status_code == 200


async def test_a_bounded_key_deletes_no_account_that_it_reaches_in_part(
    application: Any, client: httpx.AsyncClient
) -> None:
    """Credentials out of its bounds would go with it: looked at as they are at that moment."""
    await client.post("/accounts/add-account", params={"account_name": "other"})
    for connector in ("paper", "paper_perpetual"):
        assert (await client.post(f"/accounts/add-credential/other/{connector}", json={})).status_code == 201
    delete = {"url": "/accounts/delete-account", "params": {"account_name": "other"}}
    async with bearing(application, await made(client, role="admin", connectors=["paper"])) as caller:
        assert (await caller.post(**delete)).json()["code"] == "out_of_bounds"
        assert (await client.post("/accounts/delete-credential/other/paper_perpetual")).status_code == 200
        assert (await caller.post(**delete)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "trader", "scopes": ["read"]},
        {"role": None},
        {"role": "king"},
        {"scopes": []},
        {"environment": "testnet"},
        {"allowed_ips": ["not an address"]},
        {"accounts": []},
        {"expires_at": "2001-01-01T00:00:00+00:00"},
        {"expires_at": "tomorrow"},
        {"name": ""},
        {"name": "a\nb"},
        {"accounts": ["master_account", "nobody"]},
        {"connectors": ["papr"]},
        {"pairs": ["btcusdt"]},
        {"connectors": ["paper"], "pairs": ["BTC-USDT", "BTC-UDST"]},
    ],
    ids=str,
)
async def test_bad_input_makes_no_key(client: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    """Each is told what is wrong, and nothing is made."""
    asked = {"name": "bot", "environment": "paper", "role": "trader", **wrong}
    if "scopes" in wrong and "role" not in wrong:
        del asked["role"]
    answer = await client.post("/api-keys", json=asked)
    assert answer.status_code in (400, 404, 422), answer.text
    assert (await client.get("/api-keys")).json()["data"] == []


@pytest.mark.parametrize(
    ("wrong", "status", "code", "said"),
    [
        ({"accounts": ["master_acount"]}, 404, "unknown_account", "Did you mean master_account?"),
        ({"connectors": ["paper", "papr"]}, 404, "unknown_connector", "Did you mean paper?"),
        ({"pairs": ["btcusdt"]}, 400, "unsupported_pair", "Did you mean BTC-USDT"),
        ({"connectors": ["paper"], "pairs": ["BTC-UDST"]}, 400, "unsupported_pair", "paper"),
    ],
    ids=str,
)
async def test_bounds_that_do_not_exist_are_told(
    client: httpx.AsyncClient, wrong: dict[str, Any], status: int, code: str, said: str
) -> None:
    """With what was probably meant: such a key would be refused everything, or lists would be empty."""
    answer = await client.post("/api-keys", json={"name": "bot", "environment": "paper", "role": "trader", **wrong})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert said in problem["detail"] + problem.get("hint", "")


async def test_a_scope_wider_than_the_key_is_refused_as_that(application: Any, client: httpx.AsyncClient) -> None:
    """By each part that the scope leaves open; within the key's bounds it may halt."""
    key = await made(client, accounts=["master_account"], connectors=["paper"])
    async with bearing(application, key) as caller:
        for body in ({"scope": {}}, {}):
            refused = await caller.post("/safety/halt", json={**body, "reason": "x"})
            assert (refused.status_code, refused.json()["code"]) == (403, "out_of_bounds")
            assert refused.json()["detail"] == (
                "The scope is wider than the key: it covers every account, and the key is for master_account only"
            )
        refused = await caller.post("/safety/halt", json={"scope": {"account_name": "master_account"}, "reason": "x"})
        assert "it covers every connector" in refused.json()["detail"]
        scope = {"account_name": "master_account", "connector_name": "paper"}
        assert (await caller.post("/safety/halt", json={"scope": scope, "reason": "x"})).status_code == 200


async def test_a_key_for_other_addresses_opens_nothing(application: Any, client: httpx.AsyncClient) -> None:
    """The address is the one that connects; what a header says of it counts behind a trusted proxy only."""
    elsewhere = await made(client, allowed_ips=["192.0.2.0/24"])
    here = await made(client, allowed_ips=["192.0.2.0/24", "127.0.0.1"])
    async with bearing(application, elsewhere) as caller:
        assert (await caller.get("/accounts/")).status_code == 401
        assert (await caller.get("/accounts/", headers={"X-Forwarded-For": "192.0.2.7"})).status_code == 401
    async with bearing(application, here) as caller:
        assert (await caller.get("/accounts/")).status_code == 200


async def test_answers_to_orders_name_their_environment(client: httpx.AsyncClient) -> None:
    """Placing, reading, searching and cancelling all say what kind of money it was."""
    placed = (await client.post("/trading/orders", json=ORDER)).json()
    read = (await client.get(f"/trading/orders/{placed['order_id']}")).json()
    (found,) = (await client.post("/trading/orders/search", json={})).json()["data"]
    ended = (await client.post(f"/trading/master_account/paper/orders/{placed['order_id']}/cancel")).json()
    assert [each["environment"] for each in (placed, read, found, ended)] == ["paper"] * 4


async def test_what_is_done_and_refused_is_in_the_audit_log(
    application: Any, gateway: Gateway, client: httpx.AsyncClient
) -> None:
    """Each change with its actor, object and sequence number, each refusal with its code; reads are not, nor is any secret."""
    key = await made(client, role="viewer", name="watcher")
    await client.post("/accounts/add-account", params={"account_name": "other"})
    canary = "c4n4ry-s3cr3t-of-nobody"
    await client.post(
        "/accounts/add-credential/other/binance", json={"binance_api_key": canary, "binance_api_secret": canary}
    )
    order_id = (await client.post("/trading/orders", json=ORDER)).json()["order_id"]
    await client.post(f"/trading/master_account/paper/orders/{order_id}/cancel")
    async with bearing(application, key) as caller:
        await caller.post("/trading/orders", json=ORDER)
        await caller.get("/accounts/")
        assert (await caller.get("/audit")).status_code == 403
    page = (await client.get("/audit")).json()
    told = [(row["actor"], row["operation"], row["outcome"]) for row in reversed(page["data"])]
    assert ("admin", "api_keys.create_key", "done") in told
    assert ("admin", "accounts.add_account", "done") in told
    assert ("admin", "trading.place_order", "done") in told
    assert ("admin", "trading.cancel_order", "done") in told
    assert ("watcher", "trading.place_order", "missing_scope") in told
    assert ("watcher", "audit.search_audit", "missing_scope") in told
    assert not [row for row in told if row[1] == "accounts.list_accounts"]
    (placed,) = (await client.get("/audit", params={"operation": "trading.place_order", "outcome": "done"})).json()[
        "data"
    ]
    assert placed["object"] == f"master_account/paper/{order_id}"
    events = gateway.journal.find_orders(order_id)
    assert len(events) == 1
    assert placed["seq"] == 1
    verdict = gateway.audit_log.verify()
    # Whoever looks at the log is in it, too.
    assert (verdict.problems, verdict.rows) == ([], page["pagination"]["total_count"] + 2)
    whole = (await client.get("/audit", params={"limit": 1000})).text
    assert canary not in whole
    assert key["secret"] not in whole
    database = b"".join(file.read_bytes() for file in gateway.settings.data_dir.glob("ordergate.db*"))
    assert key["secret"].encode() not in database
    assert canary.encode() not in database
