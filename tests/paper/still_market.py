"""A market with exactly the levels that a test sets, and the orders of engine tests."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D

from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.market import Level
from app.paper.orders import NewOrder
from app.paper.pairs import Pair, pair

#: A pair in round numbers: tick 1, step 0.1, at least 5 of quote.
APPLE = pair("APPLE-EURO", base_price="100", tick="1", step="0.1", max_amount="1000", level_amount="1")


class StillMarket:
    """``bids`` and ``asks`` as (price, amount), best first; replace them to move the market."""

    def __init__(self, bids: tuple[tuple[int, str], ...] = (), asks: tuple[tuple[int, str], ...] = ()) -> None:
        self.bids = bids
        self.asks = asks

    def mid(self, pair: Pair, tick: int) -> D:
        return D(100)

    def levels(self, pair: Pair, tick: int, side: TradeType) -> Iterator[Level]:
        for price, amount in self.bids if side is TradeType.BUY else self.asks:
            yield Level(D(price), D(amount))


def limit(
    account: str,
    name: str,
    side: TradeType,
    amount: str,
    price: int,
    *,
    order_type: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> NewOrder:
    return NewOrder(
        account=account,
        client_order_id=name,
        trading_pair=APPLE.trading_pair,
        trade_type=side,
        order_type=order_type,
        amount=D(amount),
        price=D(price),
        time_in_force=time_in_force,
    )


def market(
    account: str, name: str, side: TradeType, amount: str | None = None, *, quote_amount: str | None = None
) -> NewOrder:
    return NewOrder(
        account=account,
        client_order_id=name,
        trading_pair=APPLE.trading_pair,
        trade_type=side,
        order_type=OrderType.MARKET,
        amount=None if amount is None else D(amount),
        quote_amount=None if quote_amount is None else D(quote_amount),
    )
