"""Connectors over HTTP: what there is, what it demands, and what is known but can't trade."""

from __future__ import annotations

import httpx
import pytest

from app.connectors.known import KNOWN_FIELDS
from app.connectors.registry import served_names
from app.connectors.unserved import UNSERVED
from tests.connectors.stub import StubExchange, error
from tests.handlers.contract import checked

CONFIG_MAP = "/connectors/{connector_name}/config-map"


async def test_the_list_has_what_can_trade(client: httpx.AsyncClient) -> None:
    """Names of exchanges that are only known are not in it."""
    for path in ("/connectors", "/connectors/"):
        assert checked(await client.get(path), "/connectors") == served_names()
    assert "dexalot" not in (await client.get("/connectors/")).json()


async def test_every_known_name_has_a_config_map(client: httpx.AsyncClient) -> None:
    """Its keys are the credential fields; each says its type and whether it is required."""
    for name, known in KNOWN_FIELDS.items():
        fields = checked(await client.get(f"/connectors/{name}/config-map"), CONFIG_MAP)
        assert list(fields) == list(known)
        assert {type(field["required"]) for field in fields.values()} == {bool}


async def test_config_map_of_choices_and_of_paper(client: httpx.AsyncClient) -> None:
    """Choices are listed; the paper exchange has one optional field with an explanation."""
    fields = checked(await client.get("/connectors/hyperliquid/config-map"), CONFIG_MAP)
    assert fields["hyperliquid_mode"] == {
        "type": "Literal",
        "required": True,
        "allowed_values": ["arb_wallet", "api_wallet"],
    }
    fields = checked(await client.get("/connectors/paper/config-map"), CONFIG_MAP)
    assert list(fields) == ["starting_balances"]
    assert (fields["starting_balances"]["type"], fields["starting_balances"]["required"]) == ("str", False)
    assert "USDT:1000" in fields["starting_balances"]["help"]


async def test_the_health_of_an_exchange(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """The paper exchange has no clock and counts nothing; another one's clock is compared, and said where it can't be asked."""
    path = "/connectors/{connector_name}/health"
    paper = checked(await client.get("/connectors/paper/health"), path)
    assert (paper["environment"], paper["problem"], paper["clock_ahead_ms"]) == ("paper", None, None)
    assert (paper["clock_problem"], paper["request_headroom"], paper["unreadable_rows"]) == (None, None, {})
    stub.script("GET", "/api/v3/time", error(503, -1000, "not now"))
    away = checked(await client.get("/connectors/binance/health"), path)
    assert (away["clock_ahead_ms"], "not now" in away["clock_problem"]) == (None, True)


@pytest.mark.parametrize("path", ["config-map", "trading-rules", "order-types", "health"])
async def test_unknown_names_are_404(client: httpx.AsyncClient, path: str) -> None:
    """A name that nobody knows is not found, whatever is asked about it."""
    response = await client.get(f"/connectors/krakken/{path}")
    assert response.status_code == 404
    assert checked(response, f"/connectors/{{connector_name}}/{path}")["detail"] == "Connector 'krakken' not found"


@pytest.mark.parametrize("path", ["trading-rules", "order-types", "health"])
async def test_known_names_that_can_not_trade_are_501(client: httpx.AsyncClient, path: str) -> None:
    """An exchange that is known and not supported says so."""
    response = await client.get(f"/connectors/dexalot/{path}")
    assert response.status_code == 501
    document = checked(response, f"/connectors/{{connector_name}}/{path}")
    assert document["code"] == "unsupported_connector"
    assert (
        document["detail"] == f"Connector 'dexalot' is known, but this gateway can't trade on it: {UNSERVED['dexalot']}"
    )
