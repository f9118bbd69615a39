"""The official client manages accounts and credentials and asks about connectors, and gets what it expects (rows 1 to 10)."""

from __future__ import annotations

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient, SyncHummingbotAPIClient

from tests.chaos.processes import PASSWORD

TWELVE_KEYS = {
    "min_order_size", "max_order_size", "min_price_increment", "min_base_amount_increment", "min_quote_amount_increment",
    "min_notional_size", "min_order_value", "max_price_significant_digits", "supports_limit_orders",
    "supports_market_orders", "buy_order_collateral_token", "sell_order_collateral_token",
}  # fmt: skip


def refusal(status: int, message: str) -> object:
    """Expects the client's error with this status and this text in it."""
    return pytest.raises(aiohttp.ClientResponseError, match=rf"{status}, message=.*{message}")


async def test_accounts_come_and_go(client: HummingbotAPIClient) -> None:
    """Rows 1, 2 and 6."""
    assert "master_account" in await client.accounts.list_accounts()
    assert await client.accounts.add_account("comes_and_goes") == {"message": "Account added successfully."}
    assert "comes_and_goes" in await client.accounts.list_accounts()
    with refusal(400, r"Account already exists\."):
        await client.accounts.add_account("comes_and_goes")
    with refusal(400, "Invalid account name: 'a b'"):
        await client.accounts.add_account("a b")
    assert await client.accounts.delete_account("comes_and_goes") == {"message": "Account deleted successfully."}
    with refusal(404, "Folder 'comes_and_goes' not found in 'credentials'"):
        await client.accounts.delete_account("comes_and_goes")
    with refusal(400, r"Cannot delete master account\."):
        await client.accounts.delete_account("master_account")


async def test_credentials_come_and_go(client: HummingbotAPIClient) -> None:
    """Rows 3, 4 and 5: the paper exchange takes starting balances as its credentials."""
    await client.accounts.add_account("holds_paper")
    assert await client.accounts.list_account_credentials("holds_paper") == []
    added = await client.accounts.add_credential("holds_paper", "paper", {"starting_balances": "USDT:1234.5"})
    assert added == {"message": "Connector credentials added successfully."}
    assert await client.accounts.list_account_credentials("holds_paper") == ["paper"]
    assert await client.portfolio.get_total_value("holds_paper") == 1234.5
    for _ in range(2):
        deleted = await client.accounts.delete_credential("holds_paper", "paper")
        assert deleted == {"message": "Credential deleted successfully."}
    assert await client.accounts.list_account_credentials("holds_paper") == []
    with refusal(404, "Directory 'credentials/nobody/connectors' not found"):
        await client.accounts.list_account_credentials("nobody")
    with refusal(400, "missing field binance_api_secret"):
        await client.accounts.add_credential("holds_paper", "binance", {"binance_api_key": "k"})
    with refusal(501, "Connector 'dexalot' is known, but this gateway can't trade on it: the library"):
        await client.accounts.add_credential("holds_paper", "dexalot", {})


async def test_live_orders_keep_an_account(client: HummingbotAPIClient) -> None:
    """What has live orders is not deleted by a client that does not know of force; after a cancel it is."""
    await client.accounts.add_account("trades")
    await client.accounts.add_credential("trades", "paper", {})
    placed = await client.trading.place_order(
        account_name="trades",
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type="BUY",
        amount=1,
        order_type="LIMIT",
        price=100,
    )
    with refusal(409, r"has 1 active order \(1 on paper\)"):
        await client.accounts.delete_credential("trades", "paper")
    with refusal(409, r"has 1 active order \(1 on paper\)"):
        await client.accounts.delete_account("trades")
    await client.trading.cancel_order("trades", "paper", placed["order_id"])
    await client.accounts.delete_account("trades")


async def test_wallets_are_404(client: HummingbotAPIClient) -> None:
    """The client's wallet calls meet a plain 404, which its callers catch."""
    with refusal(404, "Not Found"):
        await client.accounts.list_gateway_wallets()
    with refusal(404, "Not Found"):
        await client.accounts.add_gateway_wallet("solana", "key")
    with refusal(404, "Not Found"):
        await client.accounts.remove_gateway_wallet("solana", "abc")


async def test_connectors_and_their_fields(client: HummingbotAPIClient) -> None:
    """Rows 7 and 8: names that can trade; an object whose keys are the fields."""
    connectors = await client.connectors.list_connectors()
    assert {"paper", "binance"} <= set(connectors)
    assert list(await client.connectors.get_config_map("binance")) == ["binance_api_key", "binance_api_secret"]
    assert list(await client.connectors.get_config_map("bybit_perpetual_testnet")) == [
        "bybit_perpetual_testnet_api_key",
        "bybit_perpetual_testnet_secret_key",
    ]
    with refusal(404, "Connector 'krakken' not found"):
        await client.connectors.get_config_map("krakken")


async def test_trading_rules_and_order_types(client: HummingbotAPIClient) -> None:
    """Rows 9 and 10: rules by pair with twelve keys; a missing pair is an entry with an error."""
    rules = await client.connectors.get_trading_rules("paper")
    assert set(rules["BTC-USDT"]) == TWELVE_KEYS
    some = await client.connectors.get_trading_rules("paper", ["BTC-USDT", "NO-PAIR"])
    assert some == {"BTC-USDT": rules["BTC-USDT"], "NO-PAIR": {"error": "Trading pair NO-PAIR not found"}}
    order_types = await client.connectors.get_supported_order_types("paper")
    assert order_types == {"connector": "paper", "supported_order_types": ["LIMIT", "MARKET", "LIMIT_MAKER"]}


def test_the_synchronous_client_does_the_same(server_url: str) -> None:
    """The client without asyncio adds and deletes an account."""
    with SyncHummingbotAPIClient(server_url, "admin", PASSWORD) as client:
        client.accounts.add_account("synchronous")
        assert "synchronous" in client.accounts.list_accounts()
        client.accounts.delete_account("synchronous")
