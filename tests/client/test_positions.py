"""The official client opens, reads, sets up and closes positions on perpetuals, paper and Binance (rows 19 to 21)."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

ACCOUNT = "master_account"

pytestmark = pytest.mark.usefixtures("binance_keys")

EIGHT_KEYS = {
    "account_name", "connector_name", "trading_pair", "side", "amount", "entry_price", "unrealized_pnl", "leverage",
}  # fmt: skip


def refusal(status: int, message: str) -> Any:
    """Expects the client's error with this status and this text in it."""
    return pytest.raises(aiohttp.ClientResponseError, match=rf"{status}, message=.*{message}")


async def place(
    client: HummingbotAPIClient, perpetual: str, side: str, amount: float, action: str, **terms: Any
) -> dict[str, Any]:
    """A market order, unless the terms say otherwise."""
    asked = {"trading_pair": "BTC-USDT", "order_type": "MARKET", **terms}
    placed: dict[str, Any] = await client.trading.place_order(
        account_name=ACCOUNT,
        connector_name=perpetual,
        trade_type=side,
        amount=amount,
        position_action=action,
        **asked,
    )
    return placed


async def positions(client: HummingbotAPIClient, perpetual: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The open positions by pair and side."""
    page = await client.trading.get_positions(account_names=[ACCOUNT], connector_names=[perpetual])
    assert page["errors"] == []
    return {(row["trading_pair"], row["side"]): row for row in page["data"]}


async def test_a_position_is_opened_shown_and_closed(client: HummingbotAPIClient, perpetual: str) -> None:
    """Row 19: it has the keys that callers read as numbers, and closing it leaves none."""
    await client.trading.set_leverage(ACCOUNT, perpetual, "BTC-USDT", 20)
    placed = await place(client, perpetual, "SELL", 0.1, "OPEN")
    assert (placed["amount"], placed["price"], placed["status"]) == ("0.1", None, "submitted")
    row = (await positions(client, perpetual))["BTC-USDT", "BOTH"]
    assert set(row) >= EIGHT_KEYS
    assert (row["amount"], row["leverage"]) == (-0.1, 20)
    for name in ("entry_price", "unrealized_pnl", "mark_price", "liquidation_price", "margin"):
        assert isinstance(row[name], int | float)
    opened = await client.trading.get_open_positions()
    rows = opened["data"] if isinstance(opened, dict) else opened
    assert row["trading_pair"] in {each["trading_pair"] for each in rows}
    await place(client, perpetual, "BUY", 0.1, "CLOSE")
    assert await positions(client, perpetual) == {}
    with refusal(400, "(would close 0.1 of a position of 0|ReduceOnly)"):
        await place(client, perpetual, "BUY", 0.1, "CLOSE")


async def test_hedge_mode_holds_both_sides(client: HummingbotAPIClient, perpetual: str) -> None:
    """Row 21: set, read, refused while positions are open, and set back."""
    answer = await client.trading.set_position_mode(ACCOUNT, perpetual, "HEDGE")
    assert answer == {"status": "success", "message": f"Position mode set to HEDGE on {perpetual}"}
    read = await client.trading.get_position_mode(ACCOUNT, perpetual)
    assert read == {"position_mode": "HEDGE", "connector": perpetual, "account": ACCOUNT}
    await place(client, perpetual, "BUY", 1, "OPEN", trading_pair="ETH-USDT")
    await place(client, perpetual, "SELL", 2, "OPEN", trading_pair="ETH-USDT")
    open_now = await positions(client, perpetual)
    assert {side: row["amount"] for (_, side), row in open_now.items()} == {"LONG": 1, "SHORT": -2}
    with refusal(400, "(the position mode can't change while there are positions|if there exists position)"):
        await client.trading.set_position_mode(ACCOUNT, perpetual, "ONEWAY")
    await place(client, perpetual, "SELL", 1, "CLOSE", trading_pair="ETH-USDT")
    await place(client, perpetual, "BUY", 2, "CLOSE", trading_pair="ETH-USDT")
    await client.trading.set_position_mode(ACCOUNT, perpetual, "ONE-WAY")
    assert (await client.trading.get_position_mode(ACCOUNT, perpetual))["position_mode"] == "ONEWAY"


async def test_leverage_and_mode_of_a_spot_connector(client: HummingbotAPIClient, perpetual: str) -> None:
    """Row 21: 400 with the words that callers know; a bad mode and an unknown account too."""
    for call in (
        client.trading.set_leverage(ACCOUNT, "paper", "BTC-USDT", 5),
        client.trading.get_position_mode(ACCOUNT, "paper"),
        client.trading.set_position_mode(ACCOUNT, "paper", "HEDGE"),
    ):
        with refusal(400, "Connector 'paper' is not a perpetual connector"):
            await call
    with refusal(400, "Invalid position mode 'BOTH'. Must be 'HEDGE' or 'ONEWAY'"):
        await client.trading.set_position_mode(ACCOUNT, perpetual, "BOTH")
    with refusal(404, "Account 'nobody' not found"):
        await client.trading.get_position_mode("nobody", perpetual)
    answer = await client.trading.set_leverage(ACCOUNT, perpetual, "SOL-USDT", 7)
    assert answer == {"status": "success", "message": f"Leverage for SOL-USDT set to 7 on {perpetual}"}


async def test_funding_payments_are_a_page(client: HummingbotAPIClient, perpetual: str) -> None:
    """Row 20: with a true total; filters are taken."""
    page = await client.trading.get_funding_payments(account_names=[ACCOUNT], connector_names=[perpetual])
    assert page["pagination"]["limit"] == 50
    assert page["pagination"]["total_count"] >= len(page["data"])
    nobody = await client.trading.get_funding_payments(account_names=["nobody"], trading_pair="BTC-USDT")
    assert (nobody["data"], nobody["pagination"]["has_more"]) == ([], False)


async def test_funding_is_shown(client: HummingbotAPIClient, perpetual: str) -> None:
    """Row 27: the rate, when it is next paid, and the prices that it depends on."""
    info: Any = await client.market_data.get_funding_info(perpetual, "BTC-USDT")
    assert set(info) == {"trading_pair", "funding_rate", "next_funding_time", "mark_price", "index_price"}
    assert info["trading_pair"] == "BTC-USDT"
    assert info["mark_price"] > 0
    assert info["next_funding_time"] > 0
