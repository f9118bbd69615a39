"""The exchange's check of an order against its pair's rules; a refusal names the filter.

Nothing is rounded: an order that does not fit is refused, which reveals a gateway that does not quantise.
"""

from __future__ import annotations

import re
from decimal import Decimal

from app.domain.decimals import ZERO, plain
from app.domain.enums import OrderType, TimeInForce
from app.paper.orders import NewOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode

#: Binance's alphabet and length for client order ids.
_CLIENT_ORDER_ID = re.compile(r"[.A-Za-z:/0-9_-]{1,36}", re.ASCII)


def check(new: NewOrder, pair: Pair, reference_price: Decimal, *, may_be_small: bool = False) -> None:
    """Raise ``PaperRefusal`` unless ``new`` obeys the rules. ``reference_price`` values a market order's amount.

    ``may_be_small`` waives the minimum notional.
    """
    _check_form(new)
    if not pair.is_trading:
        raise PaperRefusal(RefusalCode.MARKET_CLOSED, f"{pair.trading_pair} is closed for trading")
    if new.price is not None:
        _check_price(new.price, pair)
    if new.amount is not None:
        _check_amount(new, new.amount, pair)
    _check_notional(new, pair, reference_price, ZERO if may_be_small else pair.min_notional)


def _check_form(new: NewOrder) -> None:
    if not _CLIENT_ORDER_ID.fullmatch(new.client_order_id):
        raise _invalid("the client order id is not 1 to 36 letters, digits and . : / _ -")
    is_market = new.order_type is OrderType.MARKET
    if (new.amount is None) == (new.quote_amount is None):
        raise _invalid("exactly one of amount and quote amount is needed")
    if new.quote_amount is not None and not is_market:
        raise _invalid("only a market order takes a quote amount")
    if (new.price is None) != is_market:
        raise _invalid("a market order has no price" if is_market else "a limit order needs a price")
    if new.order_type is not OrderType.LIMIT and new.time_in_force is not TimeInForce.GTC:
        raise _invalid("only a limit order has a time in force")


def _check_price(price: Decimal, pair: Pair) -> None:
    if not pair.min_price <= price <= pair.max_price or price % pair.tick != ZERO:
        raise PaperRefusal(
            RefusalCode.PRICE_FILTER,
            f"price {plain(price)} is not a multiple of {plain(pair.tick)} between {plain(pair.min_price)}"
            f" and {plain(pair.max_price)}",
        )


def _check_amount(new: NewOrder, amount: Decimal, pair: Pair) -> None:
    is_market = new.order_type is OrderType.MARKET
    maximum = pair.max_market_amount if is_market else pair.max_amount
    if not pair.min_amount <= amount <= maximum or amount % pair.step != ZERO:
        raise PaperRefusal(
            RefusalCode.MARKET_LOT_SIZE if is_market else RefusalCode.LOT_SIZE,
            f"amount {plain(amount)} is not a multiple of {plain(pair.step)} between {plain(pair.min_amount)}"
            f" and {plain(maximum)}",
        )


def _check_notional(new: NewOrder, pair: Pair, reference_price: Decimal, minimum: Decimal) -> None:
    notional = new.quote_amount if new.amount is None else new.amount * (new.price or reference_price)
    assert notional is not None
    if not minimum <= notional <= pair.max_notional:
        raise PaperRefusal(
            RefusalCode.NOTIONAL,
            f"value {plain(notional)} is not between {plain(minimum)} and {plain(pair.max_notional)} {pair.quote}",
        )


def _invalid(text: str) -> PaperRefusal:
    return PaperRefusal(RefusalCode.INVALID_ORDER, text)
