"""The markets of one exchange: trading rules, the two names of each pair, and the rate limits that came with them. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.connectors.common.limits import RateLimit
from app.domain.trading_rule import TradingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Markets:
    """All pairs of one market: rules by trading pair, and the names of the pairs in both directions.

    ``separator`` stands between the two assets in the exchange's name of a pair. ``unreadable`` says of each pair that was left out
    what was wrong with it.
    """

    rules: Mapping[str, TradingRule]
    symbols: Mapping[str, str]
    pairs: Mapping[str, str]
    rate_limits: tuple[RateLimit, ...] = ()
    separator: str = ""
    unreadable: tuple[str, ...] = ()

    def symbol(self, trading_pair: str) -> str:
        """The exchange's name of ``trading_pair``; one that is no longer listed is named by its two assets."""
        return self.symbols.get(trading_pair) or trading_pair.replace("-", self.separator)

    def pair(self, symbol: str) -> str:
        """Our name of ``symbol``; one that is no pair of ours (a dated future, for example) keeps its own name."""
        return self.pairs.get(symbol, symbol)


NO_MARKETS = Markets(rules=MappingProxyType({}), symbols=MappingProxyType({}), pairs=MappingProxyType({}))
