"""The rules of one trading pair, checked locally and exactly before anything is sent.

Quantisation never makes an order worse than asked: an amount is floored to its step, be it in base or in quote units, a BUY price
is floored and a SELL price is raised to the tick. The texts of the refusals are those that callers of hummingbot-api already read.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from app.domain.decimals import EXACT, ZERO, ceil_to, floor_to, plain
from app.domain.enums import OrderType, PositionAction, TradeType
from app.domain.errors import RuleViolation, UnsupportedOrder
from app.domain.order import OrderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRule:
    """What one pair on one connector demands. Zero means "no such rule" for minimums and steps, None for maximums.

    The ``market_`` fields hold where an exchange has other limits for MARKET orders; they fall back to the common ones.
    ``min_notional_applies_to_market`` and ``max_notional_applies_to_market`` say whether the exchange holds MARKET orders to
    ``min_notional_size`` and to ``max_notional_size``; ``notional_applies_to_reduce_only`` whether it holds orders that can only
    make a position smaller to the former. Perpetuals exempt these, since the last dust of a position could not be closed otherwise
    (Binance futures, error -4164). ``max_price_significant_digits`` is for exchanges whose step of prices grows with the price
    (Hyperliquid); None where there is no such rule.
    """

    trading_pair: str
    min_order_size: Decimal = ZERO
    max_order_size: Decimal | None = None
    min_base_amount_increment: Decimal = ZERO
    market_min_order_size: Decimal | None = None
    market_max_order_size: Decimal | None = None
    market_min_base_amount_increment: Decimal | None = None
    min_price: Decimal = ZERO
    max_price: Decimal | None = None
    min_price_increment: Decimal = ZERO
    max_price_significant_digits: int | None = None
    min_quote_amount_increment: Decimal = ZERO
    min_notional_size: Decimal = ZERO
    max_notional_size: Decimal | None = None
    min_notional_applies_to_market: bool = True
    max_notional_applies_to_market: bool = True
    notional_applies_to_reduce_only: bool = True
    supports_limit_orders: bool = True
    supports_market_orders: bool = True
    is_trading: bool = True
    buy_order_collateral_token: str
    sell_order_collateral_token: str

    def checked(self, request: OrderRequest) -> OrderRequest:
        """``request`` as it may be sent, quantised. Raises ``RuleViolation`` or ``UnsupportedOrder`` with the rule it breaks.

        The value of a MARKET order by base amount depends on the market, so the exchange judges it.
        """
        self._check_tradable(request)
        price = None if request.order_type is OrderType.MARKET else self._price(request)
        amount = None if request.amount is None else self._amount(request, request.amount)
        quote_amount = None if request.quote_amount is None else self._quote_amount(request.quote_amount)
        notional = _notional(amount, price, quote_amount)
        if notional is not None:
            self._check_notional(request, notional)
        return replace(request, amount=amount, price=price, quote_amount=quote_amount)

    def _check_tradable(self, request: OrderRequest) -> None:
        if not self.is_trading:
            raise RuleViolation(
                f"Trading pair '{self.trading_pair}' is not open for trading on {request.connector_name}."
            )
        is_market = request.order_type is OrderType.MARKET
        if not (self.supports_market_orders if is_market else self.supports_limit_orders):
            raise UnsupportedOrder(f"Order type '{request.order_type}' not supported for {self.trading_pair}.")

    def _price(self, request: OrderRequest) -> Decimal:
        assert request.price is not None, "the service demands a price before it asks the rule"
        to_tick = floor_to if request.trade_type is TradeType.BUY else ceil_to
        price = to_tick(request.price, self.tick_at(request.price))
        if price <= ZERO or price < self.min_price:
            lowest = max(self.min_price, self.min_price_increment)
            raise RuleViolation(
                f"Order price {_sent(request.price, price, request.price < lowest)} is below the minimum price"
                f" {plain(lowest)} for {self.trading_pair}"
            )
        if self.max_price is not None and price > self.max_price:
            raise RuleViolation(
                f"Order price {_sent(request.price, price, request.price > self.max_price)} is above the maximum price"
                f" {plain(self.max_price)} for {self.trading_pair}"
            )
        return price

    def tick_at(self, price: Decimal) -> Decimal:
        """The step of prices as high as ``price``. Whole numbers are allowed at any height."""
        digits = self.max_price_significant_digits
        if digits is None or price <= ZERO:
            return self.min_price_increment
        step = Decimal(1).scaleb(min(price.adjusted() - digits + 1, 0))
        return max(step, self.min_price_increment)

    def _amount(self, request: OrderRequest, asked: Decimal) -> Decimal:
        step, minimum, maximum = self._size_limits(request.order_type)
        amount = floor_to(asked, step)
        if amount <= ZERO or amount < minimum:
            lowest = max(minimum, step)
            raise RuleViolation(
                f"Order amount {_sent(asked, amount, asked < lowest)} is below minimum order size {plain(lowest)}"
                f" for {self.trading_pair}"
            )
        if maximum is not None and amount > maximum:
            raise RuleViolation(
                f"Order amount {plain(asked)} is above maximum order size {plain(maximum)} for {self.trading_pair}"
            )
        return amount

    def _quote_amount(self, asked: Decimal) -> Decimal:
        quote_amount = floor_to(asked, self.min_quote_amount_increment)
        if quote_amount <= ZERO:
            raise RuleViolation(
                f"Order quote amount {plain(asked)} is below the smallest quote amount"
                f" {plain(self.min_quote_amount_increment)} for {self.trading_pair}"
            )
        return quote_amount

    def _size_limits(self, order_type: OrderType) -> tuple[Decimal, Decimal, Decimal | None]:
        step, minimum, maximum = self.min_base_amount_increment, self.min_order_size, self.max_order_size
        if order_type is not OrderType.MARKET:
            return step, minimum, maximum
        market_maximum = self.market_max_order_size
        return (
            self.market_min_base_amount_increment or step,
            self.market_min_order_size or minimum,
            maximum if market_maximum is None else market_maximum,
        )

    def _may_be_small(self, request: OrderRequest) -> bool:
        only_reduces = request.reduce_only or request.position_action is PositionAction.CLOSE
        return only_reduces and not self.notional_applies_to_reduce_only

    def _check_notional(self, request: OrderRequest, notional: Decimal) -> None:
        is_market = request.order_type is OrderType.MARKET
        holds_minimum = (self.min_notional_applies_to_market or not is_market) and not self._may_be_small(request)
        if holds_minimum and notional < self.min_notional_size:
            raise RuleViolation(
                f"Order notional value {plain(notional)} is below minimum notional size {plain(self.min_notional_size)}"
                f" for {self.trading_pair}. Increase the amount or price to meet the minimum requirement."
            )
        holds_maximum = self.max_notional_applies_to_market or not is_market
        if holds_maximum and self.max_notional_size is not None and notional > self.max_notional_size:
            raise RuleViolation(
                f"Order notional value {plain(notional)} is above maximum notional size {plain(self.max_notional_size)}"
                f" for {self.trading_pair}."
            )


def _sent(asked: Decimal, rounded: Decimal, is_beyond: bool) -> str:
    """A number as the caller sent it; with what it was rounded to where only that ``is_beyond`` the limit."""
    return plain(asked) if is_beyond else f"{plain(asked)}, rounded to {plain(rounded)},"


def _notional(amount: Decimal | None, price: Decimal | None, quote_amount: Decimal | None) -> Decimal | None:
    """What the order is worth in quote; None where that depends on the market."""
    if quote_amount is not None:
        return quote_amount
    return None if amount is None or price is None else EXACT.multiply(amount, price)
