"""The official client reads the portfolio, and its own sums come out right (rows 22 to 25)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

#: Dollars only, so that no price moves between two calls.
SAVINGS = {"first_saver": "USDT:1000,USDC:250.5", "second_saver": "USDT:749.5"}


@pytest.fixture(autouse=True)
async def savers(client: HummingbotAPIClient) -> None:
    """Two accounts of known value beside the master account."""
    known = await client.accounts.list_accounts()
    for name, balances in SAVINGS.items():
        if name not in known:
            await client.accounts.add_account(name)
            await client.accounts.add_credential(name, "paper", {"starting_balances": balances})


def assert_token(row: dict[str, Any]) -> None:
    """A row has the five keys that callers read, and numbers where they add up."""
    assert {"token", "units", "price", "value", "available_units"} <= set(row)
    for name in ("units", "price", "value", "available_units"):
        assert isinstance(row[name], int | float)


async def test_state_and_the_sums_over_it(client: HummingbotAPIClient) -> None:
    """Row 22: a nested object of numbers; the client's totals and holdings add up."""
    state = await client.portfolio.get_state()
    assert set(state) == {"master_account", *SAVINGS}
    for connectors in state.values():
        for row in connectors["paper"]:
            assert_token(row)
    only = await client.portfolio.get_state(["first_saver"], ["paper"], skip_gateway=True, refresh=True)
    assert list(only) == ["first_saver"]
    assert set(await client.portfolio.get_state()) == set(state)
    assert await client.portfolio.get_total_value("first_saver") == 1250.5
    assert await client.portfolio.get_total_value("first_saver", "paper") == 1250.5
    assert await client.portfolio.get_total_value("first_saver", "binance") == 0
    holdings = await client.portfolio.get_token_holdings("usdt", "second_saver")
    assert (holdings["total_units"], holdings["total_value"], holdings["average_price"]) == (749.5, 749.5, 1)
    assert holdings["locations"][0]["connector"] == "paper"


async def test_history(client: HummingbotAPIClient) -> None:
    """Row 23: the snapshot that the server took when it started, in pages that end."""
    async with asyncio.timeout(60):
        # It is written in the background, a moment after the server is ready.
        while not (await client.portfolio.get_history())["data"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    history = await client.portfolio.get_history(limit=100, account_names=["master_account"], interval="1h")
    [newest, *_] = history["data"]
    assert datetime.fromisoformat(newest["timestamp"]).minute % 5 == 0
    for row in newest["state"]["master_account"]["paper"]:
        assert_token(row)
    assert history["pagination"]["next_cursor"] is None
    assert history["pagination"]["has_more"] is False
    assert history["pagination"]["filters"]["interval"] == "1h"
    later = await client.portfolio.get_history(start_time=4_000_000_000)
    assert later["data"] == []
    with pytest.raises(aiohttp.ClientResponseError, match="422"):
        await client.portfolio.get_history(interval="2m")


async def test_distributions(client: HummingbotAPIClient) -> None:
    """Row 24: for no, one and several accounts; every level adds up."""
    everything = await client.portfolio.get_distribution()
    assert everything["account_filter"] == "all_accounts"
    one = await client.portfolio.get_distribution(["first_saver"])
    assert (one["total_portfolio_value"], one["token_count"], one["account_filter"]) == (1250.5, 2, "first_saver")
    two = await client.portfolio.get_distribution(list(SAVINGS), ["paper"])
    assert two["total_portfolio_value"] == 2000
    [dollars, coins] = two["distribution"]
    assert (dollars["token"], dollars["total_value"], dollars["percentage"]) == ("USDT", 1749.5, 87.475)
    assert {name: part["value"] for name, part in dollars["accounts"].items()} == {
        "first_saver": 1000,
        "second_saver": 749.5,
    }
    assert dollars["accounts"]["first_saver"]["connectors"] == {"paper": {"value": 1000, "units": 1000}}
    assert (coins["token"], coins["percentage"]) == ("USDC", 12.525)

    accounts = await client.portfolio.get_accounts_distribution()
    assert accounts["account_count"] == 3
    values = {row["account"]: row["total_value"] for row in accounts["distribution"]}
    assert values["first_saver"] == 1250.5
    assert abs(sum(values.values()) - accounts["total_portfolio_value"]) < 1e-6


async def test_summary(client: HummingbotAPIClient) -> None:
    """Row 25: the summary knows its tokens, which it never did on the original server."""
    summary = await client.portfolio.get_portfolio_summary("first_saver")
    assert summary == {
        "total_value": 1250.5,
        "account_count": 1,
        "connector_count": 1,
        "token_count": 2,
        "top_tokens": [
            {"token": "USDT", "value": 1000, "percentage": 79.968},
            {"token": "USDC", "value": 250.5, "percentage": 20.032},
        ],
        "accounts": ["first_saver"],
    }
    summary = await client.portfolio.get_portfolio_summary()
    state = await client.portfolio.get_state()
    tokens = {row["token"] for connectors in state.values() for rows in connectors.values() for row in rows}
    assert (summary["account_count"], summary["token_count"]) == (3, len(tokens))
    assert summary["connector_count"] == sum(map(len, state.values()))
    assert summary["top_tokens"][0]["token"] == "BTC"
