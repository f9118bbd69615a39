"""Trading fees. The fee is taken from what an order receives, as on Binance: base for a BUY, quote for a SELL."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.domain.enums import Liquidity


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """The rates of makers and takers. A tenth of a percent is the basic rate of large spot exchanges."""

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")

    def rate(self, liquidity: Liquidity) -> Decimal:
        return self.maker if liquidity is Liquidity.MAKER else self.taker
