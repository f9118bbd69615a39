"""W15, W16, W21, W25, W31: positions, funding, portfolio and accounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.reconciling.funding import FundingRecorder
from tests.services.odd_perpetual import register
from tests.services.perpetuals import PERPETUAL, give, market
from tests.weaknesses.conftest import LIMIT, Desk

MODE, LEVERAGE = (
    f"/trading/{MASTER_ACCOUNT}/{PERPETUAL}/position-mode",
    f"/trading/{MASTER_ACCOUNT}/{PERPETUAL}/leverage",
)


async def test_w15_the_position_mode_is_that_of_the_exchange(desk: Desk) -> None:
    """It is set there, read from there, and a change that the exchange refuses is no success."""
    give(desk.gateway, MASTER_ACCOUNT, PERPETUAL)
    await desk.post(MODE, position_mode="HEDGE")
    desk.gateway.sessions.forget(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    assert (await desk.get(MODE))["position_mode"] == "HEDGE"
    await desk.post(MODE, position_mode="ONEWAY")
    await market(desk.gateway, "0.1")
    refused = await desk.post(MODE, 400, position_mode="HEDGE")
    assert refused["code"] == "change_refused"
    assert (await desk.get(MODE))["position_mode"] == "ONEWAY"


async def test_w16_leverage_that_was_not_set_is_no_success(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """The exchange's refusal is a 400 with its reason, its absence a 503; what it took is in the position."""
    register(monkeypatch)
    give(desk.gateway, MASTER_ACCOUNT, PERPETUAL)
    give(desk.gateway, MASTER_ACCOUNT, "odd_perpetual", mode="down")
    await desk.post(LEVERAGE, trading_pair="BTC-USDT", leverage=20)
    await market(desk.gateway, "3")
    refused = await desk.post(LEVERAGE, 400, trading_pair="BTC-USDT", leverage=1)
    assert "margin" in refused["detail"]
    (position,) = (await desk.post("/trading/positions", connector_names=[PERPETUAL]))["data"]
    assert position["leverage"] == 20
    odd = LEVERAGE.replace(PERPETUAL, "odd_perpetual")
    assert (await desk.post(odd, 503, trading_pair="BTC-USDT", leverage=2))["code"] == "exchange_down"


async def test_w21_funding_payments_are_there(desk: Desk) -> None:
    """What was paid for holding a position over three terms is recorded, and shown by time."""
    give(desk.gateway, MASTER_ACCOUNT, PERPETUAL)
    keeper = FundingRecorder(
        desk.gateway.journal.funding_payments, desk.gateway.sessions, desk.gateway.settings, desk.clock
    )
    await market(desk.gateway, "0.1")
    desk.clock.advance(24 * 3_600)
    await keeper.record(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    page = await desk.post("/trading/funding-payments", trading_pair="BTC-USDT")
    assert page["pagination"]["total_count"] == len(page["data"]) == 3
    latest = int(desk.clock.now().timestamp() * 1000) - 10 * 3_600_000
    assert 0 < (await desk.post("/trading/funding-payments", start_time=latest))["pagination"]["total_count"] < 3


async def test_w25_one_caller_s_filter_is_not_the_next_one_s(desk: Desk) -> None:
    """After a narrow question the wide one still has everything, and two accounts add up."""
    desk.gateway.accounts.add_account("second")
    await desk.gateway.accounts.add_credential("second", "paper", {"starting_balances": "USDT:1000"})
    everything = await desk.post("/portfolio/state")
    assert await desk.post("/portfolio/state", connector_names=["nothing"]) == {MASTER_ACCOUNT: {}, "second": {}}
    assert await desk.post("/portfolio/state") == everything
    both = await desk.post("/portfolio/distribution", account_names=[MASTER_ACCOUNT, "second"])
    worth = sum(
        Decimal(token["value"]) for account in everything.values() for rows in account.values() for token in rows
    )
    assert both["total_portfolio_value"] == worth > 1000
    assert {account for row in both["distribution"] for account in row["accounts"]} == {MASTER_ACCOUNT, "second"}


async def test_w31_live_orders_are_not_left_behind_unseen(desk: Desk) -> None:
    """Deleting credentials or an account with active orders is refused with them; force deletes all the same."""
    await desk.client.post("/accounts/add-account", params={"account_name": "second"})
    await desk.post("/accounts/add-credential/second/paper", 201)
    await desk.post("/trading/orders", 201, **{**LIMIT, "account_name": "second"})
    for path in ("/accounts/delete-credential/second/paper", "/accounts/delete-account?account_name=second"):
        refused = await desk.client.post(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "active_orders")
    assert (await desk.client.post("/accounts/delete-account?account_name=second&force=true")).status_code == 200
