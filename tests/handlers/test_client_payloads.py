"""What programs on hummingbot-api's client send, in the words in which they do: none of it is refused as a mistake.

Condor's menus, hummingbot's MCP server, and programs that speak HTTP themselves. The official client's own calls are in
``tests/client/test_payloads.py``.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 0.001,
    "order_type": "MARKET",
    "position_action": "OPEN",
}
PAPER = {"connector_name": "paper", "trading_pair": "BTC-USDT"}


@pytest.mark.parametrize(
    ("path", "body", "ignored"),
    [
        # Condor: trade menu and quick trade, then its lists.
        ("/trading/orders", ORDER, None),
        ("/trading/orders", {**ORDER, "order_type": "LIMIT", "price": 60000.0}, None),
        ("/trading/orders", {**ORDER, "order_type": "LIMIT_MAKER", "price": 50000.0}, None),
        ("/trading/orders", {**ORDER, "trade_type": "SELL", "position_action": "CLOSE"}, "position_action"),
        ("/trading/orders/active", {"limit": 50}, None),
        ("/trading/orders/search", {"limit": 100, "status": "FILLED"}, None),
        ("/trading/orders/search", {"limit": 100, "status": "CANCELLED"}, None),
        ("/trading/positions", {"limit": 100}, None),
        ("/portfolio/state", {"refresh": True}, None),
        ("/portfolio/state", {"account_names": ["master_account"], "connector_names": ["paper"], "skip_gateway": True}, None),
        ("/portfolio/history", {"limit": 100, "interval": "1h", "start_time": 1795300000, "end_time": 1795340000}, None),
        ("/market-data/prices", {"connector_name": "paper", "trading_pairs": ["BTC-USDT"]}, None),
        ("/market-data/candles", {**PAPER, "interval": "1h", "max_records": 100}, None),
        ("/market-data/order-book", {**PAPER, "depth": 10}, None),
        ("/market-data/order-book/price-for-volume", {**PAPER, "is_buy": True, "volume": 0.1}, None),
        ("/market-data/rates", {"trading_pairs": ["BTC-USDT"], "connector": "paper"}, None),
        # The MCP server: "$100" becomes an amount and the price that it was computed with; CANCELED with one L.
        ("/trading/orders", {**ORDER, "price": 69000.5}, "price"),
        ("/trading/orders/search", {"limit": 500, "status": "CANCELED", "start_time": 1795300000}, None),
        ("/trading/orders/search", {"limit": 500, "account_names": None, "cursor": None, "status": None}, None),
        # Programs that speak HTTP themselves.
        ("/trading/orders", {**ORDER, "controller_id": "main", "strategy": "pmm", "metadata": {"a": 1}},
         "controller_id, metadata, strategy"),
        ("/trading/orders/active", {}, None),
        ("/trading/orders/search", {"limit": 50, "trading_pairs": ["BTC-USDT"]}, None),
    ],
)  # fmt: skip
async def test_callers_are_taken(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], ignored: str | None
) -> None:
    """2xx, and what had no effect is named."""
    answer = await client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    assert answer.headers.get("Ignored-Fields") == ignored


async def test_headers_of_ordinary_clients_are_taken(client: httpx.AsyncClient) -> None:
    """Of aiohttp, browsers, proxies and tracing, and of programs that name themselves."""
    headers = {
        "User-Agent": "Python/3.12 aiohttp/3.11",
        "X-Forwarded-For": "10.0.0.1",
        "X-Client-Version": "1.5.9",
        "X-Client-Id": "condor",
        "X-Api-Version": "1",
        "X-Trace-Id": "t",
        "X-Datadog-Trace-Id": "1",
        "Sec-WebSocket-Extensions": "x",
        "Idempotency-Key": "mine",
    }
    answer = await client.post("/trading/orders", json=ORDER, headers=headers)
    assert (answer.status_code, answer.headers.get("Ignored-Fields")) == (201, None)


async def test_a_cancel_with_an_empty_body_is_taken(client: httpx.AsyncClient) -> None:
    """As some write it."""
    placed = await client.post("/trading/orders", json={**ORDER, "order_type": "LIMIT", "price": 50000.0})
    path = f"/trading/master_account/paper/orders/{placed.json()['order_id']}/cancel"
    answer = await client.post(path, json={})
    assert (answer.status_code, answer.headers["Ignored-Fields"]) == (200, "body")
