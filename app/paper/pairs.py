"""The traded pairs: each with its rules and the shape of its synthetic market.

Constants without behaviour: ``filters`` checks the rules, ``market`` generates the market. Prices and amounts are in quote and
base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One trading pair. A price is a multiple of ``tick``, an amount of ``step``.

    ``base_price`` is what the synthetic price stays around, ``level_amount`` the mean amount of the best synthetic levels.
    """

    trading_pair: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_price: Decimal
    max_price: Decimal
    min_amount: Decimal
    max_amount: Decimal
    max_market_amount: Decimal
    min_notional: Decimal
    max_notional: Decimal
    base_price: Decimal
    level_amount: Decimal
    is_trading: bool = True


def pair(
    name: str, *, base_price: str, tick: str, step: str, max_amount: str, level_amount: str, min_notional: str = "5"
) -> Pair:
    """A pair with rules like a large spot exchange's: the minimum amount is one step, the maximum of a market order is a tenth of a
    limit order's, and the maximum price is a hundred times the base price.
    """
    base, _, quote = name.partition("-")
    return Pair(
        trading_pair=name,
        base=base,
        quote=quote,
        tick=Decimal(tick),
        step=Decimal(step),
        min_price=Decimal(tick),
        max_price=Decimal(base_price) * 100,
        min_amount=Decimal(step),
        max_amount=Decimal(max_amount),
        max_market_amount=Decimal(max_amount) / 10,
        min_notional=Decimal(min_notional),
        # As on Binance's large pairs, for every quote asset.
        max_notional=Decimal(9_000_000),
        base_price=Decimal(base_price),
        level_amount=Decimal(level_amount),
    )


#: About twenty thousand dollars rest on a level, so that an order of a few levels shows slippage.
PAIRS: Mapping[str, Pair] = MappingProxyType(
    {
        each.trading_pair: each
        for each in (
            pair("BTC-USDT", base_price="65000", tick="0.01", step="0.00001", max_amount="9000", level_amount="0.3"),
            pair("ETH-USDT", base_price="3200", tick="0.01", step="0.0001", max_amount="9000", level_amount="6"),
            pair("SOL-USDT", base_price="150", tick="0.01", step="0.001", max_amount="90000", level_amount="130"),
            pair("BNB-USDT", base_price="600", tick="0.01", step="0.001", max_amount="90000", level_amount="33"),
            pair("XRP-USDT", base_price="0.6", tick="0.0001", step="0.1", max_amount="9000000", level_amount="33000"),
            pair("ADA-USDT", base_price="0.5", tick="0.0001", step="0.1", max_amount="9000000", level_amount="40000"),
            pair(
                "DOGE-USDT", base_price="0.15", tick="0.00001", step="1", max_amount="90000000", level_amount="130000"
            ),
            pair("LTC-USDT", base_price="80", tick="0.01", step="0.001", max_amount="90000", level_amount="250"),
            pair("BTC-USDC", base_price="65000", tick="0.01", step="0.00001", max_amount="9000", level_amount="0.3"),
            pair("ETH-USDC", base_price="3200", tick="0.01", step="0.0001", max_amount="9000", level_amount="6"),
            pair(
                "ETH-BTC",
                base_price="0.05",
                tick="0.00001",
                step="0.0001",
                max_amount="100000",
                level_amount="6",
                min_notional="0.0001",
            ),
            pair(
                "BNB-BTC",
                base_price="0.009",
                tick="0.000001",
                step="0.001",
                max_amount="100000",
                level_amount="33",
                min_notional="0.0001",
            ),
        )
    }
)

#: A new account's balances: enough of each asset to buy and to sell on every pair.
DEFAULT_BALANCES: Mapping[str, Decimal] = MappingProxyType(
    {
        "USDT": Decimal(100_000),
        "USDC": Decimal(100_000),
        "BTC": Decimal(10),
        "ETH": Decimal(100),
        "SOL": Decimal(1_000),
        "BNB": Decimal(100),
        "XRP": Decimal(100_000),
        "ADA": Decimal(100_000),
        "DOGE": Decimal(500_000),
        "LTC": Decimal(1_000),
    }
)
