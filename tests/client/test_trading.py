"""The official client places, lists, searches and cancels, on the paper exchange and on Binance, and gets what it expects."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient, SyncHummingbotAPIClient

from tests.chaos.processes import PASSWORD

NINE_KEYS = {
    "order_id", "account_name", "connector_name", "trading_pair", "trade_type", "amount", "order_type", "price", "status",
}  # fmt: skip
SEVENTEEN_KEYS = {
    "order_id", "account_name", "connector_name", "trading_pair", "trade_type", "order_type", "amount", "price", "status",
    "filled_amount", "average_fill_price", "fee_paid", "fee_currency", "created_at", "updated_at", "exchange_order_id",
    "error_message",
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("binance_keys")


async def place(client: HummingbotAPIClient, connector: str, **terms: Any) -> dict[str, Any]:
    """A resting order, unless the terms say otherwise."""
    asked: dict[str, Any] = {
        "account_name": "master_account",
        "connector_name": connector,
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "amount": 0.5,
        "order_type": "LIMIT",
        "price": 123.0,
        **terms,
    }
    placed: dict[str, Any] = await client.trading.place_order(**asked)
    return placed


async def test_a_market_order_is_filled_and_its_trade_is_listed(client: HummingbotAPIClient, connector: str) -> None:
    """Row 11 and 18: nine keys, amount as text, price null; the fill is among the trades with fee and average price."""
    placed = await place(client, connector, amount=0.01, order_type="MARKET", price=None)
    assert set(placed) >= NINE_KEYS
    assert (placed["amount"], placed["price"], placed["status"]) == ("0.01", None, "submitted")
    trades = await client.trading.get_trades(account_names=["master_account"], trading_pairs=["BTC-USDT"])
    (trade,) = [row for row in trades["data"] if row["order_id"] == placed["order_id"]]
    assert trade["amount"] == 0.01
    assert trade["fee_paid"] > 0
    assert trade["fee_currency"] == "BTC"
    (order,) = [
        row
        for row in (await client.trading.search_orders(status="FILLED"))["data"]
        if row["order_id"] == placed["order_id"]
    ]
    assert order["average_fill_price"] == trade["price"]
    recent = await client.trading.get_recent_trades(trading_pair="BTC-USDT", hours=1)
    rows = recent["data"] if isinstance(recent, dict) else recent
    assert placed["order_id"] in {row["order_id"] for row in rows}


@pytest.mark.parametrize("order_type", ["LIMIT", "LIMIT_MAKER"])
async def test_a_limit_order_rests_and_is_cancelled(
    client: HummingbotAPIClient, connector: str, order_type: str
) -> None:
    """Rows 12, 15 and 17."""
    placed = await place(client, connector, order_type=order_type)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,32}", placed["order_id"])
    assert (placed["amount"], placed["price"]) == ("0.5", "123.0")
    active = await client.trading.get_active_orders(connector_names=[connector])
    (row,) = [row for row in active["data"] if row["order_id"] == placed["order_id"]]
    assert set(row) >= SEVENTEEN_KEYS
    assert (row["status"], row["amount"], row["price"], row["filled_amount"]) == ("OPEN", 0.5, 123, 0)
    answer = await client.trading.cancel_order("master_account", connector, placed["order_id"])
    assert answer["message"] == f"Order cancellation initiated for {placed['order_id']}"
    found = await client.trading.search_orders(trading_pairs=["BTC-USDT"], status="CANCELLED")
    assert placed["order_id"] in {row["order_id"] for row in found["data"]}


async def test_what_an_account_holds_is_shown_in_numbers(client: HummingbotAPIClient, connector: str) -> None:
    """Rows 3, 9, 10 and 22 on each connector: its keys are listed, its rules and types known, its balances priced."""
    assert connector in await client.accounts.list_account_credentials("master_account")
    rules = await client.connectors.get_trading_rules(connector, ["BTC-USDT", "NO-PAIR"])
    assert rules["BTC-USDT"]["min_notional_size"] == 5
    assert rules["NO-PAIR"] == {"error": "Trading pair NO-PAIR not found"}
    types: Any = await client.connectors.get_supported_order_types(connector)
    assert set(types["supported_order_types"]) == {"LIMIT", "MARKET", "LIMIT_MAKER"}
    state = await client.portfolio.get_state(["master_account"], [connector], refresh=True)
    (dollars,) = [row for row in state["master_account"][connector] if row["token"] == "USDT"]
    assert dollars["price"] == 1
    assert dollars["units"] == dollars["value"] >= dollars["available_units"] > 0


REFUSED = [
    ({"price": None}, 400, "Price is required for LIMIT and LIMIT_MAKER orders"),
    ({"account_name": "nobody"}, 404, "Account 'nobody' not found"),
    ({"trading_pair": "NO-PAIR"}, 400, "Trading pair 'NO-PAIR' not supported on"),
    ({"amount": 0.000001}, 400, "is below minimum order size 0.00001"),
    ({"amount": 0.0001, "price": 1.0}, 400, "is below minimum notional size 5"),
    ({"connector_name": "nowhere"}, 404, "Connector 'nowhere' not found"),
    ({"amount": 5000, "price": 50000.0}, 400, "USDT"),
]


@pytest.mark.parametrize(("terms", "status", "text"), REFUSED)
async def test_a_refusal_says_why(
    client: HummingbotAPIClient, connector: str, terms: dict[str, Any], status: int, text: str
) -> None:
    """Row 13: the client raises with the status and the text of the contract."""
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await place(client, connector, **terms)
    assert refused.value.status == status
    assert text in refused.value.message


@pytest.mark.parametrize("terms", [{"trade_type": "buy"}, {"amount": 0}, {"amount": -1}, {"order_type": "STOP"}])
async def test_a_broken_schema_is_422(client: HummingbotAPIClient, connector: str, terms: dict[str, Any]) -> None:
    """Row 14."""
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await place(client, connector, **terms)
    assert refused.value.status == 422


async def test_the_readme_loop_of_the_client_ends(client: HummingbotAPIClient, connector: str) -> None:
    """Row 16: paging by has_more and next_cursor shows each order once and stops."""
    placed = {(await place(client, connector, price=100.0 + number))["order_id"] for number in range(7)}
    seen: list[str] = []
    cursor = None
    while True:
        page = await client.trading.search_orders(connector_names=[connector], limit=3, cursor=cursor)
        seen += [row["order_id"] for row in page["data"]]
        if not page["pagination"]["has_more"]:
            break
        cursor = page["pagination"]["next_cursor"]
    assert len(seen) == len(set(seen)) == page["pagination"]["total_count"]
    assert placed <= set(seen)


async def test_a_thousand_orders_are_paged_without_a_repeat_or_a_miss(client: HummingbotAPIClient) -> None:
    """The loop of the client's README over a journal that holds more than it shows."""
    slots = asyncio.Semaphore(16)

    async def one(number: int) -> str:
        async with slots:
            placed = await place(client, "paper", trading_pair="DOGE-USDT", amount=100 + number, price=0.06)
        return str(placed["order_id"])

    placed = set(await asyncio.gather(*(one(number) for number in range(1000))))
    seen: list[str] = []
    cursor, has_more = None, True
    while has_more:
        page = await client.trading.search_orders(trading_pairs=["DOGE-USDT"], cursor=cursor)
        seen += [row["order_id"] for row in page["data"]]
        has_more, cursor = page["pagination"]["has_more"], page["pagination"]["next_cursor"]
    assert page["pagination"]["total_count"] == len(seen) == 1000
    assert set(seen) == placed


async def test_cancelling_an_unknown_order_is_404(client: HummingbotAPIClient, connector: str) -> None:
    """Row 17."""
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await client.trading.cancel_order("master_account", connector, "nothing")
    assert refused.value.status == 404
    assert refused.value.message == "Order 'nothing' not found in active orders"


async def test_a_rejected_order_is_found_by_its_pair(client: HummingbotAPIClient, connector: str) -> None:
    """What the exchange refused is stored with all its fields."""
    with pytest.raises(aiohttp.ClientResponseError):
        await place(client, connector, trading_pair="ETH-USDT", amount=100, price=3000.0)
    found = await client.trading.search_orders(connector_names=[connector], trading_pairs=["ETH-USDT"], status="FAILED")
    (row,) = found["data"]
    assert (row["trade_type"], row["order_type"], row["amount"], row["price"]) == ("BUY", "LIMIT", 100, 3000)
    assert row["error_message"]


async def test_a_wrong_password_is_401_with_a_message(server_url: str) -> None:
    """Row 34."""
    async with HummingbotAPIClient(server_url, "admin", "wrong") as stranger:
        with pytest.raises(aiohttp.ClientResponseError) as refused:
            await stranger.trading.get_active_orders()
    assert refused.value.status == 401
    assert refused.value.message == "Incorrect username or password"


def test_the_synchronous_client_works_as_well(server_url: str) -> None:
    """The same calls without asyncio: one of every router that both versions have."""
    with SyncHummingbotAPIClient(server_url, "admin", PASSWORD) as client:
        assert "master_account" in client.accounts.list_accounts()
        assert client.accounts.add_account("savings")["message"] == "Account added successfully."
        assert client.accounts.add_credential("savings", "paper", {"starting_balances": "USDT:500"})["message"]
        assert client.accounts.list_account_credentials("savings") == ["paper"]
        assert "binance" in client.connectors.list_connectors()
        assert "paper_perpetual" in client.connectors.list_connectors()
        assert set(client.connectors.get_config_map("binance")) == {"binance_api_key", "binance_api_secret"}
        placed = client.trading.place_order("savings", "paper", "BTC-USDT", "BUY", 0.1, "LIMIT", 99.0)
        (row,) = client.trading.get_active_orders(account_names=["savings"])["data"]
        assert row["order_id"] == placed["order_id"]
        assert client.trading.cancel_order("savings", "paper", placed["order_id"])["message"]
        (row,) = client.trading.search_orders(account_names=["savings"], status="CANCELLED")["data"]
        assert client.trading.get_trades(account_names=["savings"])["pagination"]["total_count"] == 0
        assert client.trading.set_leverage("master_account", "paper_perpetual", "BTC-USDT", 3)["status"] == "success"
        assert client.portfolio.get_state(["savings"])["savings"]["paper"][0]["units"] == 500
        assert client.portfolio.get_distribution(["savings"])["total_portfolio_value"] == 500
        assert client.market_data.get_prices("paper", "BTC-USDT")["prices"]["BTC-USDT"] > 0
        assert len(client.market_data.get_candles("paper", "BTC-USDT", max_records=3)) == 3
        assert client.accounts.delete_credential("savings", "paper")["message"]
        assert client.accounts.delete_account("savings")["message"] == "Account deleted successfully."
