"""An hour's trading with the generated Python client, as its users would write it. It is type-checked, and run: URL PASSWORD."""

from __future__ import annotations

import base64
import sys
from uuid import uuid4

from ordergate_client import AuthenticatedClient
from ordergate_client.api.accounts import accounts_list_accounts
from ordergate_client.api.market_data import market_data_get_prices
from ordergate_client.api.trading import (
    trading_cancel_order,
    trading_get_order,
    trading_place_order,
    trading_search_orders,
    trading_search_trades,
)
from ordergate_client.models import (
    Liquidity,
    OrderFilter,
    OrderPage,
    OrderState,
    OrderType,
    OrderWithEvents,
    PlacedStatus,
    PricesRequest,
    PricesResponse,
    Problem,
    TimeInForce,
    TradeFilter,
    TradePage,
    TradeRequest,
    TradeResponse,
    TradeType,
    ValidationProblem,
)

ACCOUNT, CONNECTOR, PAIR = "master_account", "paper", "BTC-USDT"


def main(url: str, password: str) -> None:
    token = base64.b64encode(f"admin:{password}".encode()).decode()
    client = AuthenticatedClient(base_url=url, token=token, prefix="Basic", raise_on_unexpected_status=True)

    accounts = accounts_list_accounts.sync(client=client)
    assert isinstance(accounts, list)
    assert ACCOUNT in accounts

    prices = market_data_get_prices.sync(
        client=client, body=PricesRequest(connector_name=CONNECTOR, trading_pairs=[PAIR])
    )
    assert isinstance(prices, PricesResponse)
    price = prices.prices[PAIR]

    market = TradeRequest(ACCOUNT, CONNECTOR, PAIR, TradeType.BUY, amount="0.001", order_type=OrderType.MARKET)
    key = str(uuid4())
    bought = trading_place_order.sync(client=client, body=market, idempotency_key=key)
    assert isinstance(bought, TradeResponse)
    assert (bought.status, bought.state) == (PlacedStatus.SUBMITTED, OrderState.FILLED)
    assert (bought.amount, bought.filled_amount) == ("0.001", "0.001")
    again = trading_place_order.sync_detailed(client=client, body=market, idempotency_key=key)
    assert isinstance(again.parsed, TradeResponse)
    assert (again.parsed.order_id, again.headers["Idempotent-Replayed"]) == (bought.order_id, "true")

    limit = TradeRequest(
        ACCOUNT, CONNECTOR, PAIR, TradeType.BUY, amount=0.001, price=round(price / 2), time_in_force=TimeInForce.GTC
    )
    resting = trading_place_order.sync(client=client, body=limit)
    assert isinstance(resting, TradeResponse)
    cancelled = trading_cancel_order.sync(ACCOUNT, CONNECTOR, resting.order_id, client=client)
    assert cancelled is not None
    assert not isinstance(cancelled, (Problem, ValidationProblem))
    assert cancelled.state is OrderState.CANCELED

    order = trading_get_order.sync(resting.order_id, client=client, wait=1)
    assert isinstance(order, OrderWithEvents)
    assert (order.state, order.time_in_force) == (OrderState.CANCELED, TimeInForce.GTC)
    page = trading_search_orders.sync(client=client, body=OrderFilter(trading_pairs=[PAIR], limit=10))
    assert isinstance(page, OrderPage)
    assert {resting.order_id, bought.order_id} <= {each.order_id for each in page.data}
    trades = trading_search_trades.sync(client=client, body=TradeFilter(limit=10))
    assert isinstance(trades, TradePage)
    assert Liquidity.TAKER in {each.liquidity for each in trades.data if each.order_id == bought.order_id}

    refused = trading_place_order.sync(
        client=client, body=TradeRequest("nobody", CONNECTOR, PAIR, TradeType.SELL, amount="1")
    )
    assert isinstance(refused, Problem)
    assert (refused.status, refused.code, refused.retryable) == (404, "unknown_account", False)
    faulty = trading_place_order.sync(
        client=client, body=TradeRequest(ACCOUNT, CONNECTOR, PAIR, TradeType.SELL, amount=-1)
    )
    assert isinstance(faulty, ValidationProblem)
    assert faulty.detail[0].loc == ["body", "amount"]
    print("traded")


if __name__ == "__main__":
    main(*sys.argv[1:])
