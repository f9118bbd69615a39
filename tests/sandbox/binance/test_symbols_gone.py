"""Orders on a symbol that is not listed any more: what the exchange's stream tells of them may be the last word on them."""

from __future__ import annotations

from datetime import timedelta

from app.domain.enums import OrderState
from app.sandbox.server import Sandbox
from tests.sandbox.binance.test_amendments import Rig, rig  # noqa: F401


async def test_the_end_of_an_order_whose_symbol_is_gone(rig: Rig, live_futures: Sandbox) -> None:  # noqa: F811
    """The symbol leaves the list, the gateway reads the list anew, and the exchange cancels what rests."""
    market = live_futures.spot if rig.account.connector_name == "binance" else live_futures.futures
    assert market is not None
    async with rig.following():
        await rig.place()
        await rig.until(lambda: "accepted" in rig.kinds())
        market._venue.symbols.delist("BTCUSDT", 600)
        connector = await rig.gateway.sessions.connector(rig.account)
        assert "BTC-USDT" not in await connector.load_trading_rules(timedelta(0))
        [order] = market._venue.exchange.snapshot().orders
        market._venue.exchange.cancel(order.account, exchange_order_id=order.exchange_order_id)
        await rig.until(lambda: rig.order().state is OrderState.CANCELED)
    assert rig.kinds() == ["intended", "accepted", "canceled"]
