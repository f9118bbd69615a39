"""binance-connector (the package ``binance`` of Binance's older connector) trades on the sandbox's spot market."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from sandbox import API_KEY, FAR_BELOW, SECRET, SYMBOL, report, sandbox

Messages = queue.Queue[dict[str, Any]]

_RESTING = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.1",
    "price": FAR_BELOW,
}


def main() -> None:
    with sandbox() as address:
        client = Spot(API_KEY, SECRET, base_url=f"http://{address}")
        _read_the_market(client)
        _trade(client)
        _stream(address)
        _trade_over_the_websocket_api(address)


def _read_the_market(client: Any) -> None:
    assert SYMBOL in [each["symbol"] for each in client.exchange_info()["symbols"]]
    assert len(client.depth(SYMBOL, limit=5)["bids"]) == 5
    assert [len(client.klines(SYMBOL, interval, limit=2)) for interval in ("1s", "1m", "1w", "1M")] == [2] * 4
    assert client.rolling_window_ticker(SYMBOL, windowSize="4h")["symbol"] == SYMBOL
    assert client.trading_day_ticker(SYMBOL)["symbol"] == SYMBOL
    assert Decimal(client.ticker_price(SYMBOL)["price"]) > Decimal(FAR_BELOW)
    report("market data")


def _trade(client: Any) -> None:
    client.new_order_test(**_RESTING)
    bought = client.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.1")
    assert (bought["status"], bought["executedQty"]) == ("FILLED", "0.10000000")
    trades = client.my_trades(SYMBOL, orderId=bought["orderId"])
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.1")
    resting = client.new_order(**_RESTING, newClientOrderId="one")
    assert [each["clientOrderId"] for each in client.get_open_orders(SYMBOL)] == ["one"]
    assert client.cancel_order(SYMBOL, orderId=resting["orderId"])["status"] == "CANCELED"
    balances = {each["asset"]: Decimal(each["free"]) for each in client.account()["balances"]}
    assert balances["BTC"] == 10 + Decimal("0.1") * Decimal("0.999")
    assert _refusal(lambda: client.get_order(SYMBOL, orderId=4_711)) == -2013
    report("an order filled, an order canceled, balances, errors")


def _refusal(call: Callable[[], object]) -> int | None:
    """The code with which a call is refused; None if it is not."""
    try:
        call()
    except ClientError as error:
        code: int = error.error_code
        return code
    return None


def _stream(address: str) -> None:
    messages: Messages = queue.Queue()
    client = SpotWebsocketStreamClient(
        stream_url=f"ws://{address}", on_message=lambda _, text: messages.put(json.loads(text)), is_combined=True
    )
    client.subscribe(["btcusdt@trade", "btcusdt@depth", "btcusdt@kline_1s", "!miniTicker@arr"])
    wanted = {"btcusdt@trade", "btcusdt@depth", "btcusdt@kline_1s", "!miniTicker@arr"}
    while wanted:
        wanted.discard(messages.get(timeout=15).get("stream", ""))
    client.stop()
    report("market streams")


def _trade_over_the_websocket_api(address: str) -> None:
    messages: Messages = queue.Queue()
    client = SpotWebsocketAPIClient(
        stream_url=f"ws://{address}/ws-api/v3",
        api_key=API_KEY,
        api_secret=SECRET,
        on_message=lambda _, text: messages.put(json.loads(text)),
    )
    client.new_order(id="place", **_RESTING, newOrderRespType="RESULT")
    placed = messages.get(timeout=15)
    assert (placed["id"], placed["status"], placed["result"]["status"]) == ("place", 200, "NEW")
    client.cancel_order(id="cancel", symbol=SYMBOL, orderId=placed["result"]["orderId"])
    assert messages.get(timeout=15)["result"]["status"] == "CANCELED"
    client.account(id="account")
    assert messages.get(timeout=15)["result"]["accountType"] == "SPOT"
    client.stop()
    report("orders over the websocket API")


if __name__ == "__main__":
    main()
