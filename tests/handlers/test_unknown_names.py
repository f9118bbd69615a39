"""Over HTTP: what is nearly a name of the contract is refused and nothing is done; what is not is ignored, and named."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": "1",
    "order_type": "LIMIT",
    "price": "123",
}


async def orders(client: httpx.AsyncClient) -> int:
    """How many there are."""
    return int((await client.post("/trading/orders/search", json={})).json()["pagination"]["total_count"])


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("reduceOnly", True, "'reduce_only'"),
        ("post_only", True, "LIMIT_MAKER"),
        ("postOnly", False, "LIMIT_MAKER"),
        ("timeInForce", "FOK", "'time_in_force'"),
        ("stop_price", 5, "watch the price"),
        ("clientOrderId", "mine", "'client_order_id'"),
        ("idempotency_key", "mine", "header Idempotency-Key"),
        ("Amount", 1, "'amount'"),
        ("quantity", 1, "'amount'"),
        ("symbol", "BTCUSDT", "'trading_pair'"),
        ("leverage", 5, "POST /trading/{account_name}/{connector_name}/leverage"),
        ("positionSide", "LONG", "position_action"),
        ("dry_run", True, "connector paper"),
    ],
)
async def test_an_order_with_a_near_miss_is_not_placed(
    client: httpx.AsyncClient, name: str, value: Any, advice: str
) -> None:
    """The fault names the field as it was sent, and the right one."""
    answer = await client.post("/trading/orders", json={**ORDER, name: value})
    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["type"], fault["loc"]) == (422, "extra_forbidden", ["body", name])
    assert name in fault["msg"]
    assert advice in fault["msg"]
    assert fault["input"] == value
    assert await orders(client) == 0


async def test_a_near_miss_of_a_header_or_in_the_query_is_not_placed_either(client: httpx.AsyncClient) -> None:
    """Each is told where it belongs."""
    for headers in ({"X-Idempotency-Key": "k"}, {"Idempotency_Key": "k"}, {"X-Client-Order-Id": "k"}):
        answer = await client.post("/trading/orders", json=ORDER, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["header", next(iter(headers)).lower()]
    answer = await client.post("/trading/orders?reduce_only=true", json=ORDER)
    assert answer.status_code == 422
    assert "'reduce_only' belongs in the body" in answer.json()["detail"][0]["msg"]
    assert await orders(client) == 0


async def test_other_fields_are_ignored_and_named(client: httpx.AsyncClient) -> None:
    """Of the body and of the query; also where the request is refused for another reason."""
    answer = await client.post("/trading/orders?trace=1", json={**ORDER, "note": "x", "tag,ed": 1})
    assert answer.status_code == 201
    assert answer.headers["Ignored-Fields"] == "trace, note, tag%2Ced"
    answer = await client.post("/trading/orders", json={**ORDER, "note": "x", "price": None})
    assert answer.status_code == 400
    assert answer.headers["Ignored-Fields"] == "note"
    answer = await client.post("/trading/orders", json=ORDER)
    assert "Ignored-Fields" not in answer.headers


async def test_a_price_without_effect_is_named(client: httpx.AsyncClient) -> None:
    """Hummingbot's MCP server sends the price that it has computed an amount with, so it is no reason to refuse."""
    answer = await client.post("/trading/orders", json={**ORDER, "order_type": "MARKET", "note": 1})
    assert (answer.status_code, answer.json()["price"]) == (201, None), answer.text
    assert answer.headers["Ignored-Fields"] == "price, note"
    answer = await client.post("/trading/orders", json={**ORDER, "order_type": "MARKET", "price": None})
    assert "Ignored-Fields" not in answer.headers


async def test_closing_has_no_effect_on_spot(client: httpx.AsyncClient) -> None:
    """Where there are no positions."""
    answer = await client.post("/trading/orders", json={**ORDER, "position_action": "CLOSE"})
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (201, "position_action")


@pytest.mark.parametrize(
    "value", [b"8e270", b"1e99999", b"[1e-400]", b'"\\u0000"', b"[" * 80 + b"]" * 80, b'{"a": 1, "a": 2}', b"1" * 200]
)
async def test_an_ignored_field_decides_nothing(client: httpx.AsyncClient, value: bytes) -> None:
    """Whatever is in it; the same in a known field is refused."""
    body = (
        b'{"account_name":"master_account","connector_name":"paper","trading_pair":"BTC-USDT","trade_type":"BUY","amount":1,'
        b'"order_type":"LIMIT","price":123,"%s":%s}'
    )
    json = {"Content-Type": "application/json"}
    answer = await client.post("/trading/orders", content=body % (b"note", value), headers=json)
    assert (answer.status_code, answer.headers.get("Ignored-Fields")) == (201, "note")
    answer = await client.post("/trading/orders", content=body % (b"client_order_id", value), headers=json)
    assert answer.status_code in (400, 422)
    answer = await client.post("/trading/orders", content=body % (b"postOnly", value), headers=json)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "advice"),
    [
        ("/trading/orders/search", {"account_name": "nobody"}, "'account_names'"),
        ("/trading/orders/search", {"status_in": [], "symbols": ["BTC-USDT"]}, "'trading_pairs'"),
        ("/trading/orders/search", {"order_id": "x"}, "GET /trading/orders/{order_id}"),
        ("/trading/orders/search", {"trade_type": "BUY"}, "can't be filtered by 'trade_type'"),
        ("/trading/orders/search", {"startTime": 1}, "'start_time'"),
        ("/trading/orders/active", {"status": "OPEN"}, "can't be filtered by 'status'"),
        ("/trading/orders/active", {"page_size": 5}, "'limit'"),
        ("/trading/trades", {"side": "BUY"}, "'trade_types'"),
        ("/trading/positions", {"trading_pair": "BTC-USDT"}, "can't be filtered by 'trading_pair'"),
        ("/trading/funding-payments", {"account_name": "x"}, "'account_names'"),
        ("/portfolio/state", {"accounts": ["x"]}, "'account_names'"),
        ("/portfolio/history", {"from": 1}, "'start_time'"),
        ("/trading/a/paper_perpetual/leverage", {"trading_pair": "BTC-USDT", "leverage": 2, "symbol": "x"}, "'trading_pair'"),
        ("/trading/master_account/paper_perpetual/position-mode", {"position_mode": "HEDGE", "mode": "x"}, "'position_mode'"),
        ("/market-data/prices", {"connector_name": "paper", "trading_pairs": [], "symbols": []}, "'trading_pairs'"),
        ("/market-data/candles", {"connector_name": "paper", "trading_pair": "BTC-USDT", "limit": 5}, "'max_records'"),
        ("/market-data/order-book", {"connector_name": "paper", "trading_pair": "BTC-USDT", "levels": 5}, "'depth'"),
        ("/rate-oracle/rates", {"trading_pair": "BTC-USDT", "trading_pairs": []}, "'trading_pairs'"),
        ("/accounts/add-account?account=x", None, "'account_name'"),
        ("/accounts/delete-account?account_name=x&forced=1", None, "'force'"),
    ],
)  # fmt: skip
async def test_every_other_operation_refuses_them_too(
    client: httpx.AsyncClient, path: str, body: Any, advice: str
) -> None:
    """A filter that is misspelled would have shown everything."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    assert any(advice in fault["msg"] for fault in answer.json()["detail"])


async def test_the_audit_log_has_no_other_filters(client: httpx.AsyncClient) -> None:
    """One that is ignored would show what everybody did."""
    answer = await client.get("/audit", params={"colour": "x"})
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", "colour"]
    assert fault["msg"].startswith("There is no 'colour' in the query string, which may have actor, cursor,")


async def test_questions_by_get_refuse_them_too(client: httpx.AsyncClient) -> None:
    """Nearly a name of the query string."""
    for path, advice in (
        ("/trading/orders/x?account=a", "'account_name'"),
        ("/market-data/tickers?connector_names=paper", "'connectors'"),
        ("/connectors/paper/trading-rules?symbols=x", "'trading_pairs'"),
        ("/trading/events?account_name=x", "'account_names'"),
    ):
        answer = await client.get(path)
        assert answer.status_code == 422, path
        assert advice in answer.json()["detail"][0]["msg"]
    answer = await client.get("/connectors/?verbose=1")
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (200, "verbose")


async def test_a_body_that_nobody_reads_is_named(client: httpx.AsyncClient) -> None:
    """A cancel takes none."""
    answer = await client.post("/trading/master_account/paper/orders/x/cancel", json={"force": True})
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (404, "body")


async def test_a_search_for_what_there_is_not_says_so(client: httpx.AsyncClient) -> None:
    """An empty page looks like an answer; where something was found, or all that was asked for exists, nothing is said."""
    asked = {
        "account_names": ["master_account", "nobody"],
        "connector_names": ["papr"],
        "trading_pairs": ["btcusdt", "BTC-USDT"],
    }
    for path in ("/trading/orders/search", "/trading/orders/active", "/trading/trades"):
        answer = await client.post(path, json=asked)
        assert (answer.status_code, answer.json()["data"]) == (200, [])
        assert answer.headers["Unknown-Names"] == "account_names=nobody, connector_names=papr, trading_pairs=btcusdt"
        answer = await client.post(path, json={"account_names": ["master_account"], "trading_pairs": ["ETH-USDT"]})
        assert "Unknown-Names" not in answer.headers
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    answer = await client.post("/trading/orders/search", json={"account_names": ["master_account", "nobody"]})
    assert len(answer.json()["data"]) == 1
    assert "Unknown-Names" not in answer.headers


async def test_other_searches_say_so_too(client: httpx.AsyncClient) -> None:
    """Positions and funding payments, and a status that no order has; callers of hummingbot-api get their empty page."""
    for path, asked, said in (
        ("/trading/positions", {"account_names": ["nobody"]}, "account_names=nobody"),
        ("/trading/funding-payments", {"connector_names": ["papr"], "trading_pair": "btcusdt"},
         "connector_names=papr, trading_pairs=btcusdt"),
        ("/trading/orders/search", {"status": "fild"}, "status=FILD"),
        ("/trading/orders/search", {"status": "canceled"}, None),
        ("/trading/funding-payments", {"trading_pair": "BTC-USDT"}, None),
        ("/trading/positions", {"account_names": ["master_account"]}, None),
    ):  # fmt: skip
        answer = await client.post(path, json=asked)
        assert (answer.status_code, answer.json()["data"]) == (200, [])
        assert answer.headers.get("Unknown-Names") == said


async def test_headers_that_an_operation_does_not_read_are_named(client: httpx.AsyncClient) -> None:
    """They would have protected something elsewhere."""
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
    answer = await client.put(
        "/safety/limits", json={"scope": {}, "limits": {"max_open_orders": 9}}, headers={"Preview-Token": "t"}
    )
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (200, "Preview-Token")
    answer = await client.post("/trading/orders", json=ORDER, headers=headers)
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (201, "If-Match")


async def test_other_names_in_the_query_are_named(client: httpx.AsyncClient) -> None:
    """On operations that have parameters, and on those that have none."""
    for path in ("/connectors/?colour=x", "/safety?colour=x", "/approvals?colour=x"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["Ignored-Fields"]) == (200, "colour")
