"""Tests of an account's money, positions and settings on the futures market."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.sandbox.prices import SteeredPath
from tests.clock import FakeClock
from tests.sandbox.binance.futures.client import FuturesClient


async def test_money_is_in_positions_and_orders(futures: FuturesClient) -> None:
    """The wallet, what of it positions and orders have, and what is available add up."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="10")
    await futures.trade()
    await futures.place()
    account = await futures.ask("v3/account")
    (asset,) = account["assets"]
    margin, held = D(asset["positionInitialMargin"]), D(asset["openOrderInitialMargin"])
    assert held == 600  # 0.1 at 60,000 and ten times leverage
    assert D(asset["walletBalance"]) - margin - held == D(asset["availableBalance"])
    assert D(asset["crossWalletBalance"]) == D(asset["walletBalance"]) - margin
    (position,) = account["positions"]
    assert (D(position["positionAmt"]), D(position["openOrderInitialMargin"])) == (D("0.1"), held)
    (risk,) = await futures.ask("v3/positionRisk")
    assert D(risk["unRealizedProfit"]) == D("0.1") * (D(risk["markPrice"]) - D(risk["entryPrice"]))
    assert D(risk["isolatedMargin"]) == D(risk["isolatedWallet"]) + D(risk["unRealizedProfit"])
    assert 0 < D(risk["liquidationPrice"]) < 65_000


async def test_version_two_lists_what_could_be(futures: FuturesClient) -> None:
    """Every symbol once in one-way mode and three times in hedge mode, with the leverage."""
    assert len(await futures.ask("v2/positionRisk")) == 8
    assert len(await futures.ask("v2/positionRisk", symbol="BTCUSDT")) == 1
    await futures.change("positionSide/dual", dualSidePosition="true")
    rows = await futures.ask("v2/positionRisk", symbol="BTCUSDT")
    assert [row["positionSide"] for row in rows] == ["BOTH", "LONG", "SHORT"]
    assert {(row["leverage"], row["marginType"]) for row in rows} == {("1", "isolated")}
    account = await futures.ask("v2/account")
    assert (account["canTrade"], len(account["positions"])) == (True, 24)


async def test_the_mode_changes_only_while_nothing_is_open(futures: FuturesClient) -> None:
    """An unchanged mode, open orders and open positions each have a code of their own."""
    assert (await futures.change("positionSide/dual", dualSidePosition="false")).error[0] == -4059
    await futures.place()
    assert (await futures.change("positionSide/dual", dualSidePosition="true")).error[0] == -4067
    await futures.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    await futures.trade()
    assert (await futures.change("positionSide/dual", dualSidePosition="true")).error[0] == -4068
    await futures.trade(side="SELL")
    assert (await futures.change("positionSide/dual", dualSidePosition="true")).json == {"code": 200, "msg": "success"}
    assert await futures.ask("v1/positionSide/dual") == {"dualSidePosition": True}


@pytest.mark.parametrize("leverage", ["0", "126"])
async def test_leverage_has_bounds(futures: FuturesClient, leverage: str) -> None:
    """From 1 to 125."""
    reply = await futures.change("leverage", symbol="BTCUSDT", leverage=leverage)
    assert reply.error == (-4028, f"Leverage {leverage} is not valid")


async def test_margin_is_isolated_and_nothing_else(futures: FuturesClient) -> None:
    """Isolated needs no change, crossed is not supported, and another word is none."""
    kinds = ("ISOLATED", "CROSSED", "SOMETIMES")
    replies = [await futures.change("marginType", symbol="BTCUSDT", marginType=kind) for kind in kinds]
    assert [reply.error[0] for reply in replies] == [-4046, -1020, -4098]


async def test_settings_are_shown(futures: FuturesClient) -> None:
    """Brackets, leverage by symbol, fees and rights, in the forms that clients ask for."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="7")
    bracket = (await futures.ask("v1/leverageBracket", symbol="BTCUSDT"))["brackets"][0]
    assert (bracket["initialLeverage"], bracket["maintMarginRatio"]) == (125, 0.004)
    assert len(await futures.ask("v1/leverageBracket")) == 8
    assert (await futures.ask("v1/symbolConfig", symbol="BTCUSDT"))[0]["leverage"] == 7
    assert (await futures.ask("v1/accountConfig"))["dualSidePosition"] is False
    assert (await futures.ask("v1/multiAssetsMargin")) == {"multiAssetsMargin": False}
    assert (await futures.ask("v1/commissionRate", symbol="BTCUSDT"))["takerCommissionRate"] == "0.00050000"


async def test_a_liquidation_is_an_order_of_the_exchanges(
    futures: FuturesClient, clock: FakeClock, path: SteeredPath
) -> None:
    """It has Binance's client id of such orders, by which it is found, and the position is closed."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="100")
    await futures.trade()
    path.prices["BTC-USDT"] = D(60_000)
    clock.advance(1)
    assert await futures.ask("v3/positionRisk") == []
    order = (await futures.ask("v1/allOrders", symbol="BTCUSDT"))[-1]
    assert order["clientOrderId"].startswith("autoclose-")
    assert (order["side"], order["status"]) == ("SELL", "FILLED")
    found = await futures.ask("v1/order", symbol="BTCUSDT", origClientOrderId=order["clientOrderId"])
    assert found == order


async def test_margin_is_added_and_taken_back(futures: FuturesClient, path: SteeredPath) -> None:
    """Down to the initial margin, and not so far that the position would be liquidated."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="10")
    await futures.trade()
    key = (await futures.listen_key()).json["listenKey"]

    async def wallet() -> D:
        (risk,) = await futures.ask("v3/positionRisk")
        return D(risk["isolatedWallet"])

    before, (balance,) = await wallet(), await futures.ask("v3/balance")
    async with futures.socket(f"/private/ws?listenKey={key}") as stream:
        reply = await futures.change("positionMargin", symbol="BTCUSDT", amount="100.5", type="1")
        assert reply.json == {
            "amount": 100.5,
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": 1,
        }
        update = (await stream.next())["a"]
        assert (update["m"], D(update["P"][0]["iw"]), D(update["B"][0]["bc"])) == (
            "MARGIN_TRANSFER",
            before + D("100.5"),
            0,
        )
    assert await wallet() == before + D("100.5")
    (less,) = await futures.ask("v3/balance")
    assert D(balance["availableBalance"]) - D(less["availableBalance"]) == D("100.5")
    assert (await futures.change("positionMargin", symbol="BTCUSDT", amount="100.6", type="2")).error[0] == -4051
    assert (await futures.change("positionMargin", symbol="BTCUSDT", amount="100.5", type="2")).status == 200
    assert await wallet() == before
    await futures.change("positionMargin", symbol="BTCUSDT", amount="100", type="1")
    path.prices["BTC-USDT"] = D(58_000)
    assert (await futures.change("positionMargin", symbol="BTCUSDT", amount="100", type="2")).error[0] == -4051


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": "1000000"}, -4050),
        ({"symbol": "ETHUSDT"}, -4054),
        ({"positionSide": "LONG"}, -4054),
        ({"amount": "0"}, -4055),
        ({"amount": "0.000000001"}, -1111),
        ({"type": "3"}, -4055),
        ({"symbol": "NOSUCH"}, -1121),
    ],
)
async def test_changes_of_margin_are_refused(futures: FuturesClient, change: dict[str, str], code: int) -> None:
    """Each with its code, and nothing changes."""
    await futures.trade()
    before = await futures.ask("v3/account")
    asked = {"symbol": "BTCUSDT", "amount": "1", "type": "1"} | change
    assert (await futures.change("positionMargin", **asked)).error[0] == code
    after = await futures.ask("v3/account")
    assert after["assets"][0]["availableBalance"] == before["assets"][0]["availableBalance"]


async def test_orders_are_counted(futures: FuturesClient) -> None:
    """An order that rests counts in every window."""
    await futures.place()
    counts = await futures.ask("v1/rateLimit/order")
    assert [(each["rateLimitType"], each["count"]) for each in counts] == [("ORDERS", 1)] * 2


async def test_liquidations_are_listed(futures: FuturesClient, path: SteeredPath, clock: FakeClock) -> None:
    """The exchange's own orders, and no others."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="100")
    await futures.trade()
    assert await futures.ask("v1/forceOrders") == []
    path.prices["BTC-USDT"] = D(60_000)
    clock.advance(1)
    (liquidation,) = await futures.ask("v1/forceOrders", symbol="BTCUSDT", autoCloseType="LIQUIDATION")
    assert liquidation["clientOrderId"].startswith("autoclose-")
    assert (liquidation["side"], D(liquidation["executedQty"])) == ("SELL", D("0.1"))
    assert await futures.ask("v1/forceOrders", autoCloseType="ADL") == []
