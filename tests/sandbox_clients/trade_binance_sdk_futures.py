"""binance-sdk-derivatives-trading-usds-futures trades on the sandbox's futures market: REST, websocket API and streams."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)
from sandbox import API_KEY, FAR_BELOW, SECRET, SYMBOL, report, sandbox

_KEYS = {"api_key": API_KEY, "api_secret": SECRET}
_MARKET: dict[str, Any] = {"symbol": SYMBOL, "type": "MARKET", "quantity": 0.1}
_RESTING: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "quantity": 0.1,
    "price": float(FAR_BELOW),
}


async def main() -> None:
    with sandbox() as address:
        client = DerivativesTradingUsdsFutures(
            config_rest_api=ConfigurationRestAPI(**_KEYS, base_path=f"http://{address}", timeout=10_000),
            config_ws_api=ConfigurationWebSocketAPI(**_KEYS, stream_url=f"ws://{address}/ws-fapi/v1"),
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{address}"),
        )
        _read_the_market(client.rest_api)
        _trade(client.rest_api)
        await _trade_over_the_websocket_api(client)
        await _stream(client)


def _read_the_market(rest: Any) -> None:
    assert SYMBOL in [each.symbol for each in rest.exchange_information().data().symbols]
    assert len(rest.order_book(SYMBOL, limit=5).data().bids) == 5
    asked = {"interval": "1m", "limit": 2}
    assert len(rest.kline_candlestick_data(SYMBOL, **asked).data()) == 2
    assert len(rest.continuous_contract_kline_candlestick_data(SYMBOL, "PERPETUAL", **asked).data()) == 2
    assert len(rest.mark_price_kline_candlestick_data(SYMBOL, **asked).data()) == 2
    assert len(rest.index_price_kline_candlestick_data(SYMBOL, **asked).data()) == 2
    assert len(rest.premium_index_kline_data(SYMBOL, **asked).data()) == 2
    assert Decimal(rest.open_interest(SYMBOL).data().open_interest) == 0
    report("market data")


def _trade(rest: Any) -> None:
    rest.change_initial_leverage(SYMBOL, 10)
    assert rest.test_order(**_RESTING).data().status == "NEW"
    bought = rest.new_order(**_MARKET, side="BUY", new_order_resp_type="RESULT").data()
    assert (bought.status, bought.executed_qty) == ("FILLED", "0.10000000")
    rest.modify_isolated_position_margin(SYMBOL, amount=10.0, type="1")
    (position,) = rest.position_information_v3().data()
    assert Decimal(position.position_amt) == Decimal("0.1")
    rest.new_order(**_RESTING, new_client_order_id="one")
    rest.modify_order(SYMBOL, "BUY", 0.2, float(FAR_BELOW) + 1, orig_client_order_id="one")
    (order,) = rest.current_all_open_orders().data()
    assert (order.client_order_id, order.orig_qty) == ("one", "0.20000000")
    canceled = rest.cancel_multiple_orders(SYMBOL, orig_client_order_id_list=["one"]).data()
    assert canceled[0].status == "CANCELED"
    assert rest.auto_cancel_all_open_orders(SYMBOL, 60_000).data().countdown_time == "60000"
    rest.cancel_all_open_orders(SYMBOL)
    assert rest.query_user_rate_limit().data()[0].rate_limit_type == "ORDERS"
    assert rest.users_force_orders().data() == []
    (asset,) = rest.account_information_v3().data().assets
    assert Decimal(asset.position_initial_margin) > 10
    report("a position opened, an order changed and canceled, margin, balances")


async def _trade_over_the_websocket_api(client: Any) -> None:
    connection = await client.websocket_api.create_connection()
    placed = (await connection.new_order(**_RESTING, new_client_order_id="two")).data().result
    assert placed.status == "NEW"
    assert (await connection.query_order(SYMBOL, orig_client_order_id="two")).data().result.status == "NEW"
    assert (await connection.cancel_order(SYMBOL, orig_client_order_id="two")).data().result.status == "CANCELED"
    (balance,) = (await connection.futures_account_balance_v2()).data().result
    assert balance.asset == "USDT"
    await connection.close_connection()
    report("orders over the websocket API")


async def _stream(client: Any) -> None:
    key = client.rest_api.start_user_data_stream().data().listen_key
    connection = await client.websocket_streams.create_connection()
    events: asyncio.Queue[Any] = asyncio.Queue()
    user = await connection.user_data(key)
    user.on("message", events.put_nowait)
    for name, terms in (
        ("aggregate_trade_streams", {"symbol": "btcusdt"}),
        ("diff_book_depth_streams", {"symbol": "btcusdt"}),
        ("all_book_tickers_stream", {}),
        ("all_market_mini_tickers_stream", {}),
        ("mark_price_stream", {"symbol": "btcusdt"}),
    ):
        arrived = asyncio.Event()
        stream = await getattr(connection, name)(**terms)
        stream.on("message", lambda _, arrived=arrived: arrived.set())
        await asyncio.wait_for(arrived.wait(), 15)
    client.rest_api.new_order(**_MARKET, side="SELL", reduce_only="true")
    seen: set[str] = set()
    while not seen >= {"OrderTradeUpdate", "AccountUpdate"}:
        seen.add(type((await asyncio.wait_for(events.get(), 15)).actual_instance).__name__)
    assert client.rest_api.position_information_v3().data() == []
    await connection.close_connection()
    report("user and market streams")


if __name__ == "__main__":
    asyncio.run(main())
