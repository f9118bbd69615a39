"""What one token is worth in another, from a pool of prices: directly, the other way round, or over tokens in between.

Pure. The way with the fewest steps is taken, among equals the one over the tokens that coins are mostly quoted in, so that the same
pool always gives the same rate. A rate that needed a division is rounded at 28 digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal

from app.domain.decimals import EXACT, ZERO, normal

_ROUNDED = Context(prec=28)
_ONE = Decimal(1)
#: Tokens that other tokens are quoted in, the most traded first: their markets are deep, so the rates over them are good.
_BRIDGES = ("USDT", "USDC", "USD", "BTC", "ETH", "EUR")


def split_pair(trading_pair: str) -> tuple[str, str]:
    """Base and quote of ``trading_pair``. Raises ``ValueError`` if it is not of the form BASE-QUOTE."""
    base, dash, quote = trading_pair.partition("-")
    if not (base and dash and quote) or "-" in quote:
        raise ValueError(f"Invalid trading pair format '{trading_pair}'. Expected format: BASE-QUOTE (e.g., BTC-USDT)")
    return base, quote


def is_pair(text: str) -> bool:
    """Whether ``text`` is written as pairs are: two tokens in capitals and a hyphen."""
    base, _, quote = text.partition("-")
    return bool(base and quote) and "-" not in quote and text == text.upper()


#: A rate as numerator and denominator, so that it is divided once, at the end.
_Ratio = tuple[Decimal, Decimal]


class RatePool:
    """Last prices by trading pair, as ways from token to token. A price of zero is none."""

    def __init__(self, prices: Mapping[str, Decimal]) -> None:
        self._ways: dict[str, dict[str, _Ratio]] = {}
        for trading_pair, price in prices.items():
            base, _, quote = trading_pair.partition("-")
            if price > ZERO:
                # A pair that is listed the other way round too keeps its own price.
                self._ways.setdefault(base, {})[quote] = (price, _ONE)
                self._ways.setdefault(quote, {}).setdefault(base, (_ONE, price))

    def rate(self, trading_pair: str) -> Decimal | None:
        """How many quote units one base unit is worth; None if no way leads there. Raises ``ValueError`` as ``split_pair`` does."""
        base, quote = split_pair(trading_pair)
        ratios = {base: (_ONE, _ONE)}
        frontier = [base]
        while frontier and quote not in ratios:
            reached: list[str] = []
            for token in frontier:
                for neighbour, ratio in self._ways.get(token, {}).items():
                    if neighbour not in ratios:
                        ratios[neighbour] = _times(ratios[token], ratio)
                        reached.append(neighbour)
            frontier = sorted(reached, key=_rank)
        return _divided(ratios[quote]) if quote in ratios else None


def _times(one: _Ratio, other: _Ratio) -> _Ratio:
    return EXACT.multiply(one[0], other[0]), EXACT.multiply(one[1], other[1])


def _divided(ratio: _Ratio) -> Decimal:
    numerator, denominator = ratio
    return normal(numerator if denominator == _ONE else _ROUNDED.divide(numerator, denominator))


def _rank(token: str) -> tuple[int, str]:
    return (_BRIDGES.index(token) if token in _BRIDGES else len(_BRIDGES), token)
