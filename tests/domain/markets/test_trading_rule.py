"""The rules of a pair: what they refuse and in which words, and how they round what they let through."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from app.domain.decimals import EXACT, plain
from app.domain.enums import OrderType, PositionAction, TradeType
from app.domain.errors import OrdergateError, RuleViolation, UnsupportedOrder
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import OrderRequest
from tests.domain.orders import a_request

D = Decimal

RULE = TradingRule(
    trading_pair="BTC-USDT",
    min_order_size=D("0.001"),
    max_order_size=D(100),
    min_base_amount_increment=D("0.001"),
    min_price=D("0.01"),
    max_price=D(1000000),
    min_price_increment=D("0.01"),
    min_notional_size=D(5),
    max_notional_size=D(9000000),
    buy_order_collateral_token="USDT",
    sell_order_collateral_token="USDT",
)
FREE = TradingRule(trading_pair="BTC-USDT", buy_order_collateral_token="USDT", sell_order_collateral_token="USDT")


def asked(amount: str | None = "1", price: str | None = "100", **changes: Any) -> OrderRequest:
    return a_request(amount=None if amount is None else D(amount), price=None if price is None else D(price), **changes)


def market(amount: str | None = "1", **changes: Any) -> OrderRequest:
    return asked(amount, None, order_type=OrderType.MARKET, **changes)


def market_for(quote_amount: str) -> OrderRequest:
    return market(None, quote_amount=D(quote_amount))


def refusal(rule: TradingRule, request: OrderRequest) -> str:
    with pytest.raises(RuleViolation) as caught:
        rule.checked(request)
    assert (caught.value.status, caught.value.code) == (400, "rule_violation")
    return caught.value.detail


# -- the words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (asked("0.0005"), "Order amount 0.0005 is below minimum order size 0.001 for BTC-USDT"),
        (
            asked("0.000000000000000001"),
            "Order amount 0.000000000000000001 is below minimum order size 0.001 for BTC-USDT",
        ),
        (asked("100.001"), "Order amount 100.001 is above maximum order size 100 for BTC-USDT"),
        (asked("1e30"), f"Order amount 1{'0' * 30} is above maximum order size 100 for BTC-USDT"),
        (
            asked("0.049", "100"),
            "Order notional value 4.900 is below minimum notional size 5 for BTC-USDT."
            " Increase the amount or price to meet the minimum requirement.",
        ),
        (
            asked("0.0509", "99.999"),
            "Order notional value 4.99950 is below minimum notional size 5 for BTC-USDT."
            " Increase the amount or price to meet the minimum requirement.",
        ),
        (
            asked("100", "90000.01"),
            "Order notional value 9000001.00 is above maximum notional size 9000000 for BTC-USDT.",
        ),
        (asked("1", "0.009"), "Order price 0.009 is below the minimum price 0.01 for BTC-USDT"),
        (asked("1", "1e-18"), f"Order price 0.{'0' * 17}1 is below the minimum price 0.01 for BTC-USDT"),
        (asked("1", "1000000.01"), "Order price 1000000.01 is above the maximum price 1000000 for BTC-USDT"),
        (
            market(None, quote_amount=D("4.99")),
            "Order notional value 4.99 is below minimum notional size 5 for BTC-USDT."
            " Increase the amount or price to meet the minimum requirement.",
        ),
    ],
)
def test_refusal_in_words(request_: OrderRequest, text: str) -> None:
    """Each rule refuses in the words that callers already read, with the numbers written out."""
    assert refusal(RULE, request_) == text


def test_pair_that_does_not_trade() -> None:
    """A pair that the exchange has halted is refused by name."""
    text = "Trading pair 'BTC-USDT' is not open for trading on paper."
    assert refusal(replace(RULE, is_trading=False), asked()) == text


@pytest.mark.parametrize(
    ("missing", "order_type"),
    [
        ("supports_limit_orders", OrderType.LIMIT),
        ("supports_limit_orders", OrderType.LIMIT_MAKER),
        ("supports_market_orders", OrderType.MARKET),
    ],
)
def test_order_type_that_the_pair_lacks(missing: str, order_type: OrderType) -> None:
    """A pair without limit or market orders refuses these and takes the others."""
    lacking: dict[str, Any] = {missing: False}
    rule = replace(RULE, **lacking)
    for tried in OrderType:
        request = market() if tried is OrderType.MARKET else asked(order_type=tried)
        if tried is order_type:
            with pytest.raises(UnsupportedOrder, match=f"^Order type '{tried}' not supported for BTC-USDT\\.$"):
                rule.checked(request)
        elif (tried is OrderType.MARKET) != (order_type is OrderType.MARKET):
            assert rule.checked(request).order_type is tried


def test_price_of_nothing_rounds_to_nothing() -> None:
    """A buy below one tick is refused even where no minimum price is set."""
    rule = replace(FREE, min_price_increment=D("0.5"))
    assert refusal(rule, asked("1", "0.4")) == "Order price 0.4 is below the minimum price 0.5 for BTC-USDT"
    assert rule.checked(asked("1", "0.4", trade_type=TradeType.SELL)).price == D("0.5")


def test_amount_of_nothing() -> None:
    """An amount below one step is refused even where no minimum size is set; the step is the smallest size."""
    rule = replace(FREE, min_base_amount_increment=D("0.5"))
    assert refusal(rule, asked("0.4")) == "Order amount 0.4 is below minimum order size 0.5 for BTC-USDT"


# -- rounding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "sent"),
    [
        (TradeType.BUY, "100.019", "100.01"),
        (TradeType.BUY, "100.01", "100.01"),
        (TradeType.BUY, "100.010", "100.010"),
        (TradeType.SELL, "100.011", "100.02"),
        (TradeType.SELL, "100.01", "100.01"),
        (TradeType.SELL, "100.000000000000000001", "100.01"),
    ],
)
def test_price_is_never_worse_than_asked(side: TradeType, price: str, sent: str) -> None:
    """A buy is rounded down to the tick and a sell up; a price on the tick stays as it was written."""
    found = RULE.checked(asked("1", price, trade_type=side)).price
    assert found is not None
    assert plain(found) == sent


@pytest.mark.parametrize("side", TradeType)
@pytest.mark.parametrize(("amount", "sent"), [("1.2349", "1.234"), ("1.234", "1.234"), ("1.0000", "1.0000")])
def test_amount_is_never_more_than_asked(side: TradeType, amount: str, sent: str) -> None:
    """An amount is rounded down on either side."""
    found = RULE.checked(asked(amount, trade_type=side)).amount
    assert found is not None
    assert plain(found) == sent


def test_rounding_comes_before_the_limits() -> None:
    """Limits are held against what would be sent, not against what was asked."""
    assert RULE.checked(asked("100.0009")).amount == D(100)
    assert RULE.checked(asked("1", "1000000.009")).price == D(1000000)
    above = refusal(RULE, asked("1", "1000000.001", trade_type=TradeType.SELL))
    assert above == "Order price 1000000.001 is above the maximum price 1000000 for BTC-USDT"


@pytest.mark.parametrize(
    "request_",
    [asked("0.001", "5000"), asked("100", "90000"), asked("0.05"), asked("5", "1000000"), asked("100", "0.05")],
)
def test_limits_are_inclusive(request_: OrderRequest) -> None:
    """The smallest and largest of what is allowed are allowed."""
    assert RULE.checked(request_) == request_


def test_everything_else_is_left_alone() -> None:
    """Only amount and price are rounded; the request is otherwise the caller's."""
    request = asked("1.2349", "100.019", client_order_id="mine", idempotency_key="key")
    assert RULE.checked(request) == structs.replace(request, amount=D("1.234"), price=D("100.01"))


def test_without_rules_nothing_is_changed() -> None:
    """Zero and None mean that there is no such rule, for any size that can be written."""
    for amount, price in [("1e-36", "1e-36"), ("9" * 36 + "." + "9" * 36, "9" * 36), ("1.23456789", "0.1")]:
        assert FREE.checked(asked(amount, price)) == asked(amount, price)


def test_huge_numbers_are_multiplied_exactly() -> None:
    """The notional value of two numbers of full length is not rounded before it is compared."""
    amount, price = "9" * 36 + "." + "9" * 36, "1" + "0" * 35 + ".1"
    exact = EXACT.multiply(D(amount), D(price))
    tight = replace(FREE, min_notional_size=exact)
    assert tight.checked(asked(amount, price)) == asked(amount, price)
    with pytest.raises(RuleViolation):
        replace(FREE, min_notional_size=EXACT.add(exact, D("1e-70"))).checked(asked(amount, price))


# -- market orders ------------------------------------------------------------------------------------------------------


def test_market_order_sends_no_price() -> None:
    """The price of a market order is dropped, whatever the caller sent."""
    sent = RULE.checked(asked("1", "123.456", order_type=OrderType.MARKET))
    assert (sent.amount, sent.price) == (D(1), None)


def test_market_limits_fall_back_to_the_common_ones() -> None:
    """Where an exchange names no limits for market orders, the common ones hold."""
    assert "below minimum order size 0.001" in refusal(RULE, market("0.0009"))
    assert "above maximum order size 100 " in refusal(RULE, market("101"))


def test_market_limits_of_their_own() -> None:
    """Limits for market orders hold for these only."""
    rule = replace(
        RULE,
        market_min_order_size=D("0.5"),
        market_max_order_size=D(10),
        market_min_base_amount_increment=D("0.25"),
    )
    assert rule.checked(market("0.99")).amount == D("0.75")
    assert refusal(rule, market("0.3")) == "Order amount 0.3 is below minimum order size 0.5 for BTC-USDT"
    assert refusal(rule, market("10.3")) == "Order amount 10.3 is above maximum order size 10 for BTC-USDT"
    assert rule.checked(asked("99.001")).amount == D("99.001")


def test_zero_market_step_is_no_step_of_its_own() -> None:
    """An exchange that names a market step of zero means the common one."""
    rule = replace(RULE, market_min_base_amount_increment=D(0), market_min_order_size=D(0))
    assert rule.checked(market("1.2349")).amount == D("1.234")


def test_notional_of_a_market_order() -> None:
    """A market order's value is its quote amount; of an order by base amount the exchange judges it."""
    assert RULE.checked(market("0.001")).amount == D("0.001")
    assert "Order notional value 4.00 is below" in refusal(RULE, market_for("4.00"))
    assert RULE.checked(market_for("5")).price is None


def test_smallest_value_that_spares_market_orders() -> None:
    """Where the exchange does not hold market orders to the smallest value, neither do we; the largest still holds."""
    rule = replace(RULE, min_notional_applies_to_market=False, max_notional_size=D(50))
    assert rule.checked(market_for("0.1")).quote_amount == D("0.1")
    assert "below minimum notional" in refusal(rule, asked("0.001"))
    assert "above maximum notional" in refusal(rule, market_for("51"))


def test_largest_value_that_spares_market_orders() -> None:
    """Where the exchange does not hold market orders to the largest value, neither do we; the smallest still holds."""
    rule = replace(RULE, max_notional_applies_to_market=False, max_notional_size=D(50))
    assert rule.checked(market_for("51")).quote_amount == D("51")
    assert "above maximum notional" in refusal(rule, asked("0.51"))
    assert "below minimum notional" in refusal(rule, market_for("4"))


def test_quote_amount() -> None:
    """An order for an amount of quote has no base amount to round, and is held to the notional rule by what it spends."""
    request = market(None, quote_amount=D("25.50"))
    assert RULE.checked(request) == request


@pytest.mark.parametrize(("amount", "sent"), [("25.509", "25.50"), ("25.50", "25.50"), ("5.00999", "5.00")])
def test_quote_amount_is_never_more_than_asked(amount: str, sent: str) -> None:
    """What is to be spent is rounded down to the step of quote amounts, and then held to the limits."""
    rule = replace(RULE, min_quote_amount_increment=D("0.01"))
    found = rule.checked(market(None, quote_amount=D(amount))).quote_amount
    assert found is not None
    assert plain(found) == sent
    assert "Order notional value 4.99 is below" in refusal(rule, market(None, quote_amount=D("4.999")))


def test_quote_amount_of_nothing() -> None:
    """Less than one step would be an order for nothing, which is refused."""
    rule = replace(FREE, min_quote_amount_increment=D("0.01"))
    text = refusal(rule, market(None, quote_amount=D("0.009")))
    assert text == "Order quote amount 0.009 is below the smallest quote amount 0.01 for BTC-USDT"


@pytest.mark.parametrize("terms", [{"reduce_only": True}, {"position_action": PositionAction.CLOSE}])
def test_dust_may_be_closed_where_the_exchange_exempts_it(terms: dict[str, Any]) -> None:
    """Perpetuals hold only orders that open to the minimum value; elsewhere closing is no excuse, and a maximum holds for all."""
    perpetual = replace(RULE, notional_applies_to_reduce_only=False)
    dust = asked("0.01", **terms)
    assert perpetual.checked(dust) == dust
    assert "below minimum notional size 5" in refusal(RULE, dust)
    assert "below minimum notional size 5" in refusal(perpetual, asked("0.01"))
    assert "below minimum order size" in refusal(perpetual, asked("0.0001", **terms))
    assert "above maximum notional size" in refusal(perpetual, asked("100", "100000", **terms))


# -- any rule -----------------------------------------------------------------------------------------------------------

steps = st.sampled_from([D(0), D("1e-18"), D("1e-8"), D("0.01"), D("0.5"), D(1), D(25)])
sizes = st.decimals("0.000000000000000001", "1000000", allow_nan=False, allow_infinity=False, places=18)


@given(sizes, sizes, steps, steps, st.sampled_from(TradeType))
def test_rounding_never_harms_the_caller(
    amount: Decimal, price: Decimal, step: Decimal, tick: Decimal, side: TradeType
) -> None:
    """What is sent is a multiple of step and tick, never more than was asked and never at a worse price."""
    rule = replace(FREE, min_base_amount_increment=step, min_price_increment=tick)
    request = a_request(amount=amount, price=price, trade_type=side)
    try:
        sent = rule.checked(request)
    except OrdergateError:
        assert amount < step or (side is TradeType.BUY and price < tick)
        return
    assert sent.amount is not None
    assert sent.price is not None
    assert 0 < sent.amount <= amount
    assert 0 < sent.price <= price if side is TradeType.BUY else sent.price >= price
    for number, unit in ((sent.amount, step), (sent.price, tick)):
        assert unit == 0 or EXACT.remainder(number, unit) == 0
    assert rule.checked(sent) == sent, "what may be sent is not rounded again"


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("50000.5", "1"),
        ("123456", "1"),
        ("1234.56", "0.1"),
        ("12.3456", "0.001"),
        ("0.123456789", "0.00001"),
        ("0.0001", "0.00001"),
    ],
)
def test_prices_by_significant_digits(price: str, tick: str) -> None:
    """Five of them at most, whole numbers at any height, and never finer than the step of the pair."""
    rule = replace(FREE, max_price_significant_digits=5, min_price_increment=Decimal("0.00001"))
    assert rule.tick_at(Decimal(price)) == Decimal(tick)
    assert FREE.tick_at(Decimal(price)) == FREE.min_price_increment
