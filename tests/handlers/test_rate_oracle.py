"""The rate oracle over HTTP, as client 1.5.1 calls it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.handlers.contract import checked

DEFAULT = {
    "rate_oracle_source": {"name": "paper"},
    "global_token": {"global_token_name": "USDT", "global_token_symbol": "$"},
}


async def asked(client: httpx.AsyncClient, method: str, path: str, template: str | None = None, **json: Any) -> Any:
    """The checked answer, which must be 200."""
    response = await client.request(method, f"/rate-oracle{path}", json=json or None)
    assert response.status_code == 200, response.text
    return checked(response, f"/rate-oracle{template or path}")


async def test_sources_and_config(client: httpx.AsyncClient) -> None:
    """The sources are names, and the config repeats them."""
    sources = await asked(client, "GET", "/sources")
    assert "paper" in sources
    assert await asked(client, "GET", "/config") == {**DEFAULT, "available_sources": sources}


async def test_changing_the_config(client: httpx.AsyncClient) -> None:
    """What is given changes, what is not stays, and the message says what was done."""
    changed = await asked(client, "PUT", "/config", global_token={"global_token_name": "EUR"})
    assert (changed["success"], changed["message"]) == (True, "Global token updated to EUR ($)")
    both = {"rate_oracle_source": {"name": "paper"}, "global_token": {"global_token_symbol": "€"}}
    changed = await asked(client, "PUT", "/config", **both)
    assert changed["message"] == "Rate oracle source updated to paper; Global token updated to EUR (€)"
    assert changed["config"] == await asked(client, "GET", "/config")
    assert changed["config"]["global_token"] == {"global_token_name": "EUR", "global_token_symbol": "€"}


async def test_a_change_that_would_undo_another(client: httpx.AsyncClient) -> None:
    """Whoever sends the tag of what was read is told if somebody else has changed it since; nothing is changed then."""
    read = await client.get("/rate-oracle/config")
    tag = {"If-Match": read.headers["etag"]}
    first = await client.put("/rate-oracle/config", json={"global_token": {"global_token_name": "EUR"}}, headers=tag)
    assert first.status_code == 200
    change = {"global_token": {"global_token_symbol": "x"}}
    second = await client.put("/rate-oracle/config", json=change, headers=tag)
    assert second.status_code == 409
    problem = checked(second, "/rate-oracle/config")
    assert (problem["code"], problem["retryable"]) == ("change_conflict", False)
    assert "GET /rate-oracle/config" in problem["hint"]
    now = await client.get("/rate-oracle/config")
    assert now.headers["etag"] == first.headers["etag"] != read.headers["etag"]
    assert now.json()["global_token"] == {"global_token_name": "EUR", "global_token_symbol": "$"}
    for tags in (f'"other", {now.headers["etag"]}', "*"):
        again = await client.put("/rate-oracle/config", json=change, headers={"If-Match": tags})
        assert again.status_code == 200


@pytest.mark.parametrize("body", [{}, {"rate_oracle_source": None, "global_token": None}, {"global_token": {}}])
async def test_changing_nothing(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """Nothing, null and an empty token change nothing."""
    response = await client.put("/rate-oracle/config", json=body)
    assert checked(response, "/rate-oracle/config")["message"] == "No changes made"


async def test_a_source_that_there_is_not(client: httpx.AsyncClient) -> None:
    """It is refused in the words that callers know."""
    response = await client.put("/rate-oracle/config", json={"rate_oracle_source": {"name": "nope"}})
    assert response.status_code == 400
    detail = checked(response, "/rate-oracle/config")["detail"]
    assert detail.startswith("Invalid rate oracle source: nope. Available sources: [")


async def test_rates(client: httpx.AsyncClient) -> None:
    """One, several and all agree, under both names of the single one."""
    rates = await asked(client, "POST", "/rates", trading_pairs=["BTC-USDT", "ADA-BTC", "NO-PAIR"])
    assert (rates["source"], rates["quote_token"]) == ("paper", "USDT")
    assert rates["rates"]["NO-PAIR"] is None
    for path in ("/rate", "/rate-async"):
        one = await asked(client, "GET", f"{path}/ADA-BTC", f"{path}/{{trading_pair}}")
        rate = rates["rates"]["ADA-BTC"]
        assert one == {"trading_pair": "ADA-BTC", "rate": rate, "source": "paper", "quote_token": "USDT"}
    prices = await asked(client, "GET", "/prices")
    assert prices["prices_count"] == len(prices["prices"])
    assert prices["prices"]["BTC-USDT"] == rates["rates"]["BTC-USDT"]


async def test_a_name_that_is_no_pair(client: httpx.AsyncClient) -> None:
    """The caller is told the form."""
    response = await client.get("/rate-oracle/rate/BTCUSDT")
    assert response.status_code == 400
    assert "Expected format: BASE-QUOTE" in checked(response, "/rate-oracle/rate/{trading_pair}")["detail"]
