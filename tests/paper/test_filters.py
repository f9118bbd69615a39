"""Each filter refuses by its own name, and nothing is rounded."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper import filters
from app.paper.orders import NewOrder
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.paper.still_market import APPLE, limit, market

GOOD = limit("ann", "a", TradeType.BUY, "1", 100)


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (replace(GOOD, price=D("100.5")), RefusalCode.PRICE_FILTER),
        (replace(GOOD, price=D(0)), RefusalCode.PRICE_FILTER),
        (replace(GOOD, price=D(10_001)), RefusalCode.PRICE_FILTER),
        (replace(GOOD, amount=D("1.05")), RefusalCode.LOT_SIZE),
        (replace(GOOD, amount=D(-1)), RefusalCode.LOT_SIZE),
        (replace(GOOD, amount=D("1000.1")), RefusalCode.LOT_SIZE),
        (market("ann", "a", TradeType.BUY, "100.1"), RefusalCode.MARKET_LOT_SIZE),
        (replace(GOOD, amount=D("0.1"), price=D(49)), RefusalCode.NOTIONAL),
        (market("ann", "a", TradeType.BUY, quote_amount="4.99"), RefusalCode.NOTIONAL),
        (market("ann", "a", TradeType.BUY, quote_amount="-10"), RefusalCode.NOTIONAL),
        (replace(GOOD, amount=D(1000), price=D(10_000)), RefusalCode.NOTIONAL),
        (replace(GOOD, client_order_id="a b"), RefusalCode.INVALID_ORDER),
        (replace(GOOD, client_order_id="x" * 37), RefusalCode.INVALID_ORDER),
        (replace(GOOD, price=None), RefusalCode.INVALID_ORDER),
        (replace(GOOD, quote_amount=D(10)), RefusalCode.INVALID_ORDER),
        (replace(GOOD, amount=None), RefusalCode.INVALID_ORDER),
        (replace(GOOD, amount=None, quote_amount=D(10)), RefusalCode.INVALID_ORDER),
        (replace(market("ann", "a", TradeType.BUY, "1"), price=D(1)), RefusalCode.INVALID_ORDER),
        (replace(GOOD, order_type=OrderType.LIMIT_MAKER, time_in_force=TimeInForce.IOC), RefusalCode.INVALID_ORDER),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_by_its_name(new: NewOrder, code: RefusalCode) -> None:
    """One broken rule, one code."""
    with pytest.raises(PaperRefusal) as refusal:
        filters.check(new, APPLE, D(100))
    assert refusal.value.code is code
    assert str(refusal.value).startswith(f"{code}: ")


@pytest.mark.parametrize(
    "new", [GOOD, market("ann", "a", TradeType.SELL, "0.1"), market("ann", "a", TradeType.SELL, quote_amount="5.01")]
)
def test_an_order_within_the_rules_passes(new: NewOrder) -> None:
    """A market order's value is judged at the middle of the market; a quote amount needs no step."""
    filters.check(new, APPLE, D(100))


def test_a_closed_market_takes_nothing() -> None:
    """MARKET_CLOSED comes before the other rules."""
    with pytest.raises(PaperRefusal) as refusal:
        filters.check(replace(GOOD, price=D("0.5")), replace(APPLE, is_trading=False), D(100))
    assert refusal.value.code is RefusalCode.MARKET_CLOSED
