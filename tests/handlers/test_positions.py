"""Positions over HTTP: the shapes, texts and codes that callers of hummingbot-api read, and failures that are no empty pages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.connectors.unserved import UNSERVED
from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.services.reconciling.funding import FundingRecorder
from tests.clock import FakeClock
from tests.handlers.contract import checked
from tests.services.odd_perpetual import register
from tests.services.perpetuals import PERPETUAL, give, market

POSITIONS = "/trading/positions"
FUNDING = "/trading/funding-payments"
MODE = "/trading/{account_name}/{connector_name}/position-mode"
LEVERAGE = "/trading/{account_name}/{connector_name}/leverage"

EIGHT_HOURS = 8 * 3_600


@pytest.fixture(autouse=True)
async def accounts(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    """The master account on the paper perpetuals. What is patched stays so until the gateway has stopped."""
    register(monkeypatch)
    give(gateway, MASTER_ACCOUNT, PERPETUAL)


def path(template: str, connector_name: str = PERPETUAL, account_name: str = MASTER_ACCOUNT) -> str:
    return template.format(account_name=account_name, connector_name=connector_name)


async def post(client: httpx.AsyncClient, template: str, status: int = 200, **body: Any) -> Any:
    """The checked answer to a body."""
    response = await client.post(path(template), json=body)
    assert response.status_code == status, response.text
    return checked(response, template)


async def test_a_position_in_full(client: httpx.AsyncClient, gateway: Gateway) -> None:
    """The contract's eight keys, and what its docstring promises and never had: mark, liquidation price and margin."""
    await post(client, LEVERAGE, trading_pair="BTC-USDT", leverage=20)
    placed = await market(gateway, "0.1")
    page = await post(client, POSITIONS)
    (row,) = page["data"]
    assert row["entry_price"] == placed.order.average_fill_price
    assert {
        name: row[name]
        for name in ("account_name", "connector_name", "trading_pair", "side", "position_side", "amount", "leverage")
    } == {
        "account_name": MASTER_ACCOUNT,
        "connector_name": PERPETUAL,
        "trading_pair": "BTC-USDT",
        "side": "BOTH",
        "position_side": "LONG",
        "amount": placed.order.filled_amount,
        "leverage": 20,
    }
    assert row["liquidation_price"] < row["mark_price"]
    assert row["unrealized_pnl"] == (row["mark_price"] - row["entry_price"]) * row["amount"]
    assert row["margin"] > 0
    assert page["pagination"] == {"limit": 100, "has_more": False, "next_cursor": None, "total_count": 1}
    assert page["errors"] == []


async def test_pages(client: httpx.AsyncClient, gateway: Gateway) -> None:
    """The cursor leads from one to the next; a made-up one is refused."""
    for trading_pair in ("BTC-USDT", "ETH-USDT"):
        await market(gateway, "0.1", trading_pair=trading_pair)
    first = await post(client, POSITIONS, limit=1, account_names=None, cursor=None)
    assert first["pagination"]["has_more"] is True
    second = await post(client, POSITIONS, limit=1, cursor=first["pagination"]["next_cursor"])
    assert [row["trading_pair"] for row in (*first["data"], *second["data"])] == ["BTC-USDT", "ETH-USDT"]
    assert (second["pagination"]["has_more"], second["pagination"]["total_count"]) == (False, 2)
    refused = await post(client, POSITIONS, 400, cursor="0:")
    assert refused["code"] == "invalid_cursor"
    assert refused["detail"] == f"Invalid cursor '0:': pass back the next_cursor of a previous {POSITIONS} page"


async def test_an_exchange_that_fails_is_in_the_page(client: httpx.AsyncClient, gateway: Gateway) -> None:
    """With its reason; alone, it makes the answer a 502."""
    give(gateway, "third", "odd_perpetual", mode="down")
    page = await post(client, POSITIONS)
    assert page["errors"] == [
        {
            "account_name": "third",
            "connector_name": "odd_perpetual",
            "detail": "The exchange is down for maintenance",
            "code": "exchange_down",
            "retryable": True,
        }
    ]
    failed = await post(client, POSITIONS, 502, account_names=["third"])
    assert failed["code"] == "exchange_read_error"
    assert "maintenance" in failed["detail"]


async def test_position_mode(client: httpx.AsyncClient) -> None:
    """Read, changed in the words of old callers, and read again."""
    read = await client.get(path(MODE))
    assert checked(read, MODE) == {"position_mode": "ONEWAY", "connector": PERPETUAL, "account": MASTER_ACCOUNT}
    answer = await post(client, MODE, position_mode="hedge")
    assert answer == {"status": "success", "message": f"Position mode set to HEDGE on {PERPETUAL}"}
    assert (await client.get(path(MODE))).json()["position_mode"] == "HEDGE"
    for spelling in ("ONE-WAY", "one_way", "ONEWAY"):
        answer = await post(client, MODE, position_mode=spelling, trading_pair="BTC-USDT")
        assert answer["message"] == f"Position mode set to ONEWAY on {PERPETUAL}"
    refused = await post(client, MODE, 400, position_mode="BOTH")
    assert refused["detail"] == "Invalid position mode 'BOTH'. Must be 'HEDGE' or 'ONEWAY'"


async def test_leverage(client: httpx.AsyncClient) -> None:
    """From 1 to 125, a whole number."""
    answer = await post(client, LEVERAGE, trading_pair="BTC-USDT", leverage=7)
    assert answer == {"status": "success", "message": f"Leverage for BTC-USDT set to 7 on {PERPETUAL}"}
    for leverage in (0, 126, 1.5, "7", None):
        await post(client, LEVERAGE, 422, trading_pair="BTC-USDT", leverage=leverage)
    refused = await post(client, LEVERAGE, 400, trading_pair="NO-PAIR", leverage=7)
    assert refused["code"] == "unsupported_pair"


async def test_what_the_exchange_refuses_is_a_400_with_its_reason(client: httpx.AsyncClient, gateway: Gateway) -> None:
    """Never a success that did not happen."""
    await post(client, LEVERAGE, trading_pair="BTC-USDT", leverage=20)
    await market(gateway, "3")
    mode = await post(client, MODE, 400, position_mode="HEDGE")
    assert (mode["code"], mode["detail"]) == (
        "change_refused",
        "the position mode can't change while there are positions",
    )
    leverage = await post(client, LEVERAGE, 400, trading_pair="BTC-USDT", leverage=1)
    assert (leverage["code"], leverage["retryable"]) == ("change_refused", False)
    assert "margin of" in leverage["detail"]


@pytest.mark.parametrize(
    ("account_name", "connector_name", "status", "detail"),
    [
        (MASTER_ACCOUNT, "paper", 400, "Connector 'paper' is not a perpetual connector"),
        ("nobody", PERPETUAL, 404, "Account 'nobody' not found"),
        (MASTER_ACCOUNT, "nothing", 404, "Connector 'nothing' not found"),
        (
            MASTER_ACCOUNT,
            "oneway_perpetual",
            404,
            "Connector 'oneway_perpetual' not found for account 'master_account'",
        ),
        (
            MASTER_ACCOUNT,
            "bitmart_perpetual",
            501,
            f"Connector 'bitmart_perpetual' is known, but this gateway can't trade on it: {UNSERVED['bitmart_perpetual']}",
        ),
    ],
)
async def test_whom_nobody_can_ask(
    client: httpx.AsyncClient, account_name: str, connector_name: str, status: int, detail: str
) -> None:
    """Alike on all three."""
    answers = (
        (MODE, await client.get(path(MODE, connector_name, account_name))),
        (MODE, await client.post(path(MODE, connector_name, account_name), json={"position_mode": "HEDGE"})),
        (
            LEVERAGE,
            await client.post(
                path(LEVERAGE, connector_name, account_name), json={"trading_pair": "A-B", "leverage": 2}
            ),
        ),
    )
    for template, response in answers:
        assert response.status_code == status
        assert checked(response, template)["detail"] == detail


async def test_funding_payments(client: httpx.AsyncClient, gateway: Gateway, clock: FakeClock) -> None:
    """Newest first, with all twelve keys; times and the one pair are honoured, in milliseconds and in seconds."""
    recorder = FundingRecorder(gateway.journal.funding_payments, gateway.sessions, gateway.settings, clock)
    await market(gateway, "0.1")
    await market(gateway, "1", trading_pair="ETH-USDT")
    clock.advance(3 * EIGHT_HOURS)
    assert await recorder.record(AccountKey(MASTER_ACCOUNT, PERPETUAL)) == 6

    page = await post(client, FUNDING, trading_pair="BTC-USDT")
    newest, middle, _ = page["data"]
    seconds = int(clock.now().timestamp()) // EIGHT_HOURS * EIGHT_HOURS
    assert {key: newest[key] for key in ("funding_payment_id", "fee_currency", "position_side", "trading_pair")} == {
        "funding_payment_id": f"{PERPETUAL}_BTC-USDT_{seconds}",
        "fee_currency": "USDT",
        "position_side": "BOTH",
        "trading_pair": "BTC-USDT",
    }
    assert newest["funding_payment"] * newest["funding_rate"] < 0
    assert newest["timestamp"] > middle["timestamp"]
    assert page["pagination"]["total_count"] == 3

    assert (await post(client, FUNDING, start_time=seconds * 1000))["pagination"]["total_count"] == 2
    assert (await post(client, FUNDING, end_time=seconds - 1))["pagination"]["total_count"] == 4
    assert (await post(client, FUNDING, account_names=["nobody"]))["data"] == []
    first = await post(client, FUNDING, limit=4)
    rest = await post(client, FUNDING, limit=4, cursor=first["pagination"]["next_cursor"])
    ids = [row["id"] for row in (*first["data"], *rest["data"])]
    assert len(set(ids)) == 6
    assert (rest["pagination"]["has_more"], rest["pagination"]["total_count"]) == (False, 6)
    assert (await post(client, FUNDING, 400, cursor="x"))["code"] == "invalid_cursor"
