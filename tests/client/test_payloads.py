"""Every call of the official client, with everything that it can send: no field of it is refused as a mistake, or ignored."""

from __future__ import annotations

import contextlib
import inspect
import json
from typing import Any

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

#: A value for each parameter of the client's calls, by its name.
VALUES: dict[str, Any] = {
    "account_name": "master_account",
    "account_names": ["master_account"],
    "accounts": ["master_account"],
    "amount": 0.01,
    "client_order_id": "nothing",
    "config": {},
    "connector": "paper",
    "connector_name": "paper",
    "connector_names": ["paper"],
    "connectors": ["paper"],
    "credentials": {},
    "cursor": None,
    "days": 1,
    "depth": 5,
    "end_time": 1795340000,
    "global_token_name": "USDT",
    "global_token_symbol": "$",
    "hours": 1,
    "interval": "1h",
    "is_buy": True,
    "leverage": 2,
    "limit": 5,
    "max_age": 30,
    "max_records": 5,
    "order_type": "MARKET",
    "position_action": "OPEN",
    "position_mode": "ONEWAY",
    "price": 60000.0,
    "quote_volume": 100.0,
    "rate_oracle_source": "paper",
    "refresh": True,
    "skip_gateway": True,
    "source": "paper",
    "start_time": 1795300000,
    "status": "FILLED",
    "timeout": 5.0,
    "token": "BTC",
    "trade_type": "BUY",
    "trade_types": ["BUY"],
    "trading_pair": "BTC-USDT",
    "trading_pairs": ["BTC-USDT"],
    "volume": 0.1,
}  # fmt: skip
ROUTERS = ("accounts", "connectors", "portfolio", "trading", "market_data", "rate_oracle")


def calls(client: HummingbotAPIClient) -> list[tuple[str, Any]]:
    """Every call about something that this gateway has. Wallets of the Gateway are not; the account must stay."""
    found = []
    for router in ROUTERS:
        for name, call in inspect.getmembers(getattr(client, router, None), inspect.iscoroutinefunction):
            if (
                not name.startswith("_")
                and "gateway" not in name
                and name not in ("delete_account", "delete_credential")
            ):
                found.append((f"{router}.{name}", call))
    return found


async def test_nothing_that_the_client_sends_is_a_mistake(
    client: HummingbotAPIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A price beside a MARKET order is all that has no effect."""
    answers: list[tuple[str, aiohttp.ClientResponse]] = []
    request = aiohttp.ClientSession._request

    async def recording(self: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
        answer = await request(self, method, url, **options)
        await answer.read()
        answers.append((f"{method} {answer.url.path}", answer))
        return answer

    monkeypatch.setattr(aiohttp.ClientSession, "_request", recording)
    made = calls(client)
    for _, call in made:
        parameters = inspect.signature(call).parameters.values()
        given = {
            each.name: VALUES[each.name] for each in parameters if each.name in VALUES or each.default is each.empty
        }
        with contextlib.suppress(aiohttp.ClientResponseError):
            await call(**given)
    assert len(made) >= 45
    assert len({path for path, _ in answers}) >= 38
    for path, answer in answers:
        said = json.loads(await answer.text())
        assert answer.status in (200, 201, 400, 404, 501), (path, said)
        ignored = answer.headers.get("Ignored-Fields")
        assert ignored == ("price" if path == "POST /trading/orders" else None), (path, ignored)
