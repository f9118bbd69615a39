"""The last prices of several pairs, each with its price or the reason why it has none: one odd pair takes no other down. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.errors import MarketDataNotFound, OrdergateError, UnsupportedPair
from app.domain.markets.trading_rule import TradingRule
from app.domain.reports import Ticker


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The prices by pair, and by pair why others have none."""

    prices: Mapping[str, Decimal]
    errors: Mapping[str, str]


def price_list(
    connector_name: str,
    trading_pairs: Iterable[str],
    rules: Mapping[str, TradingRule],
    tickers: Mapping[str, Ticker | OrdergateError],
) -> PriceList:
    """The list for ``trading_pairs``, of which ``tickers`` has those that are trading.

    The last trade of a pair that is not trading is no price of now, however many pairs are asked for. Raises the reason where there
    is no price at all.
    """
    prices: dict[str, Decimal] = {}
    errors: dict[str, OrdergateError] = {}
    for pair in dict.fromkeys(trading_pairs):
        ticker = tickers.get(pair)
        if pair not in rules:
            errors[pair] = UnsupportedPair(pair, connector_name, list(rules))
        elif not rules[pair].is_trading:
            errors[pair] = MarketDataNotFound(f"Trading pair '{pair}' is not trading now on {connector_name}")
        elif isinstance(ticker, OrdergateError):
            errors[pair] = ticker
        elif ticker is None or ticker.price == ZERO:
            errors[pair] = MarketDataNotFound(f"Trading pair '{pair}' has no trade yet on {connector_name}")
        else:
            prices[pair] = ticker.price
    if errors and not prices:
        raise next(iter(errors.values()))
    return PriceList(prices=prices, errors={pair: error.detail for pair, error in errors.items()})
