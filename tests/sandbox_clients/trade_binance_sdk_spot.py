"""binance-sdk-spot trades on the sandbox's spot market: REST, websocket API, user stream, market streams."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot
from sandbox import API_KEY, FAR_BELOW, SECRET, SYMBOL, report, sandbox

_KEYS = {"api_key": API_KEY, "api_secret": SECRET}
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
        client = Spot(
            config_rest_api=ConfigurationRestAPI(**_KEYS, base_path=f"http://{address}", timeout=10_000),
            config_ws_api=ConfigurationWebSocketAPI(**_KEYS, stream_url=f"ws://{address}/ws-api/v3"),
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{address}"),
        )
        _read_the_market(client.rest_api)
        _trade(client.rest_api)
        await _trade_over_the_websocket_api(client)
        await _stream(client)


def _read_the_market(rest: Any) -> None:
    assert SYMBOL in [each.symbol for each in rest.exchange_info().data().symbols]
    assert len(rest.depth(SYMBOL, limit=5).data().bids) == 5
    for interval in ("1s", "1m", "1w", "1M"):
        assert len(rest.klines(SYMBOL, interval, limit=2).data()) == 2
    assert rest.ticker(symbol=SYMBOL, window_size="4h").data().actual_instance.symbol == SYMBOL
    assert rest.ticker_trading_day(symbol=SYMBOL).data().actual_instance.symbol == SYMBOL
    assert rest.ticker24hr(symbol=SYMBOL).data().actual_instance.symbol == SYMBOL
    report("market data")


def _trade(rest: Any) -> None:
    tested = rest.order_test(**_RESTING, compute_commission_rates=True).data()
    assert tested.standard_commission_for_order.taker == "0.00100000"
    bought = rest.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.1).data()
    assert (bought.status, bought.executed_qty) == ("FILLED", "0.10000000")
    assert [trade.order_id for trade in rest.my_trades(SYMBOL).data()][-1] == bought.order_id
    rest.new_order(**_RESTING, new_client_order_id="one")
    replaced = rest.order_cancel_replace(
        **_RESTING,
        cancel_replace_mode="STOP_ON_FAILURE",
        cancel_orig_client_order_id="one",
        new_client_order_id="two",
    ).data()
    assert replaced.new_order_result == "SUCCESS"
    assert rest.get_order(SYMBOL, orig_client_order_id="two").data().status == "NEW"
    assert rest.delete_order(SYMBOL, orig_client_order_id="two").data().status == "CANCELED"
    balances = {each.asset: Decimal(each.free) for each in rest.get_account().data().balances}
    assert balances["BTC"] == 10 + Decimal("0.1") * Decimal("0.999")
    report("an order filled, one replaced and canceled, balances")


async def _trade_over_the_websocket_api(client: Any) -> None:
    connection = await client.websocket_api.create_connection()
    events: asyncio.Queue[Any] = asyncio.Queue()
    subscribed = await connection.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", events.put_nowait)
    placed = (await connection.order_place(**_RESTING, new_client_order_id="three")).data().result
    assert placed.status == "NEW"
    assert (await connection.order_status(SYMBOL, orig_client_order_id="three")).data().result.status == "NEW"
    canceled = (await connection.order_cancel(SYMBOL, orig_client_order_id="three")).data().result
    assert canceled.status == "CANCELED"
    assert (await connection.ticker(symbol=SYMBOL)).data().actual_instance.result.symbol == SYMBOL
    seen: list[str] = []
    while "CANCELED" not in seen:
        event = (await asyncio.wait_for(events.get(), 15)).actual_instance
        if type(event).__name__ == "ExecutionReport":
            seen.append(event.X)
    assert seen == ["NEW", "CANCELED"]
    await connection.close_connection()
    report("orders and the user stream over the websocket API")


async def _stream(client: Any) -> None:
    connection = await client.websocket_streams.create_connection()
    arrived: dict[str, asyncio.Event] = {}
    # One after the other: Binance closes a connection that sends more than five messages a second.
    for name, terms in (
        ("trade", {"symbol": "btcusdt"}),
        ("diff_book_depth", {"symbol": "btcusdt"}),
        ("kline", {"symbol": "btcusdt", "interval": "1s"}),
        ("all_mini_ticker", {}),
        ("rolling_window_ticker", {"symbol": "btcusdt", "window_size": "1h"}),
    ):
        stream = await getattr(connection, name)(**terms)
        arrived[name] = asyncio.Event()
        stream.on("message", lambda _, event=arrived[name]: event.set())
        await asyncio.wait_for(arrived[name].wait(), 15)
    await connection.close_connection()
    report("market streams")


if __name__ == "__main__":
    asyncio.run(main())
