"""What a row claims, as calls of its connector: each verb with the order or question that shows what leaves for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from app.connectors.ccxt.connector import CcxtConnector
from app.domain.enums import OrderState, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.order import Order, OrderRef
from app.domain.wire_ids import wire_id
from tests.connectors.ccxt.capture import ORDER_ID

BEGUN = datetime(2025, 10, 9, 8, 53, 10, tzinfo=UTC)


def pair_of(connector: CcxtConnector) -> str:
    """The pair of the market that there is."""
    return f"BTC-{connector.row.settle or 'USDC'}"


def price_of(connector: CcxtConnector) -> Decimal:
    """A price by the rule of the market that there is."""
    return Decimal(50_000) if connector.row.price_digits else Decimal("50000.5")


Call = Callable[[], Awaitable[Any]]


def order_of(connector: CcxtConnector, order_type: OrderType = OrderType.LIMIT, **terms: Any) -> Order:
    """An order to buy 2 at 50000.5, with ``terms`` that differ."""
    is_market = order_type is OrderType.MARKET
    values: dict[str, Any] = {
        "account_name": "a",
        "connector_name": connector.row.name,
        "order_id": ORDER_ID,
        "trading_pair": pair_of(connector),
        "trade_type": TradeType.BUY,
        "order_type": order_type,
        "amount": Decimal(2),
        "price": None if is_market else price_of(connector),
        "terms": "",
        "state": OrderState.PENDING,
        "created_at": BEGUN,
        "updated_at": BEGUN,
        "exchange_client_order_id": wire_id(connector.row.wire_id, ORDER_ID),
        **terms,
    }
    return Order(**values)


def ref_of(connector: CcxtConnector, number: str | None = None) -> OrderRef:
    """That order, which the exchange has under ``number``."""
    return OrderRef(
        order_id=ORDER_ID,
        trading_pair=pair_of(connector),
        exchange_client_order_id=wire_id(connector.row.wire_id, ORDER_ID),
        exchange_order_id=number,
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        price=price_of(connector),
        created_at=BEGUN,
    )


def verbs_of(connector: CcxtConnector) -> Mapping[str, Call]:
    """The calls that leave something, by verb."""
    return {**orders_of(connector), **questions_of(connector), **markets_of(connector)}


def orders_of(connector: CcxtConnector) -> Mapping[str, Call]:
    """Orders of each kind that the row claims, and cancels."""
    row, c = connector.row, connector

    def place(order_type: OrderType, **terms: Any) -> Call:
        return lambda: c.submit_order(order_of(c, order_type, **terms))

    found: dict[str, Call] = {"limit": place(OrderType.LIMIT)}
    for time_in_force in row.times_in_force:
        if time_in_force is not TimeInForce.GTC:
            found[str(time_in_force).lower()] = place(OrderType.LIMIT, time_in_force=time_in_force)
    if OrderType.LIMIT_MAKER in row.order_types:
        found["maker"] = place(OrderType.LIMIT_MAKER)
    if OrderType.MARKET in row.order_types:
        sell = {"trade_type": TradeType.SELL}
        found["market_sell"] = place(OrderType.MARKET, **sell)
        by_quote = {"amount": None, "quote_amount": Decimal(100)} if row.market_buy_in == "quote" else {}
        found["market_buy"] = place(OrderType.MARKET, **by_quote)
    if row.is_perpetual:
        closing = {"trade_type": TradeType.SELL, "position_action": PositionAction.CLOSE}
        found["close"] = place(OrderType.LIMIT, **closing)
    found["cancel"] = lambda: c.cancel_order(ref_of(c, "777"))
    return found


def questions_of(connector: CcxtConnector) -> Mapping[str, Call]:
    """What an account asks."""
    row, c, pair = connector.row, connector, pair_of(connector)
    found: dict[str, Call] = {}
    if row.ask_client_id:
        found["ask"] = lambda: c.fetch_order(ref_of(c))
    found["ask_number"] = lambda: c._ask_by("id", "777", c._symbol(pair), ref_of(c, "777"), None)  # type: ignore[arg-type]
    found["open"] = lambda: c.fetch_open_orders(pair)
    if not row.open_orders_by_pair:
        found["open_all"] = lambda: c.fetch_open_orders()
    found["fills"] = lambda: c.calls.ask(
        "asked",
        verb="fetch_my_trades",
        arguments=(c._symbol(pair), 1_759_999_870_000 if row.fills_since else None, row.fill_pages.limit),
        params=row.fill_pages.asks,
    )
    if row.asks_together:
        moment = (c._symbol(pair), 1_759_999_990_000)
        for name, verb, pages in (
            ("done_lately", row.done_verbs[0], row.done_pages),
            ("fills_lately", "fetch_my_trades", row.fill_pages),
        ):
            found[name] = partial(
                c.calls.ask, "page", verb=verb, arguments=(*moment, pages.limit), params={"until": 1_760_000_000_000}
            )
    if row.countdown is not None:
        found["countdown"] = lambda: c.set_countdown("*", c.context.clock.now() + timedelta(seconds=29.5))
        found["countdown_ends"] = lambda: c.set_countdown("*", None)
    found["balances"] = c.fetch_balances
    if row.account:
        found["account"] = c.fetch_exchange_account
    if row.is_perpetual:
        found["positions"] = c.fetch_positions
        if row.tells_funding:
            found["funding_payments"] = lambda: c.fetch_funding_payments(BEGUN)
        found["leverage"] = lambda: c.set_leverage(pair, 3)
    return found


def markets_of(connector: CcxtConnector) -> Mapping[str, Call]:
    """What anybody may ask."""
    c, pair = connector, pair_of(connector)
    found: dict[str, Call] = {
        "ticker": lambda: type(c).fetch_ticker(c, pair),
        "book": lambda: c.fetch_order_book(pair, 10),
        "trades": lambda: c.fetch_recent_trades(pair, 10),
        "candles": lambda: c.fetch_candles(pair, "1m", limit=10),
    }
    if c.row.is_perpetual:
        found["funding"] = lambda: c.fetch_funding_info(pair)
    return found
